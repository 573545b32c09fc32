// Cursor rows and their comparison; see the header.
#include "ingest/sync_cursor.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/time.h"

namespace millpond::ingest {
namespace {

using base::Json;

constexpr const char* kTable = "source_cursor";
constexpr size_t kInputsNamed = 1000;
// A branch made from a commit further back cannot go on with a sync. A cursor of many files is
// long.
constexpr int64_t kCommitsKept = 64;

ledger::Conditions ConditionsOf(const CursorKey& key, const std::string& lane) {
  return {{"source", {}, key.source},
          {"stream", {}, key.stream},
          {"table_namespace", {}, key.table.space},
          {"table_name", {}, key.table.name},
          {"lane", {}, lane}};
}

/// Same content: by size and hash where both are known, else by all that is known.
bool SameFile(const Json& before, const Json& after) {
  if (before.contains("hash") && after.contains("hash")) {
    return before["hash"] == after["hash"] &&
           before.value("size", Json()) == after.value("size", Json());
  }
  return before == after;
}

int64_t SizeOf(const Json& file) {
  return file.is_object() && file.contains("size") && file["size"].is_number_integer()
             ? file["size"].get<int64_t>()
             : 0;
}

}  // namespace

Result<SyncCursor> CursorAt(ledger::Ledger& ledger, const CursorKey& key,
                            const table::LanePoint& head) {
  ARROW_ASSIGN_OR_RAISE(const table::CommitPath path, table::PathTo(ledger, head));
  SyncCursor cursor;
  std::vector<ledger::Row> rows;
  for (const table::LanePoint& run : path) {
    ledger::Query query{.table = kTable,
                        .where = ConditionsOf(key, run.lane),
                        .order_by = {{"generation", true}},
                        .limit = 1};
    query.where.push_back({"generation", ledger::Compare::kLessEqual, run.generation});
    ARROW_ASSIGN_OR_RAISE(rows, ledger.Select(query));
    if (!rows.empty()) break;
  }
  if (rows.empty()) return cursor;
  cursor.at.emplace();
  ARROW_ASSIGN_OR_RAISE(cursor.at->lane, ledger::TextOf(rows[0], "lane"));
  ARROW_ASSIGN_OR_RAISE(cursor.at->generation, ledger::IntOf(rows[0], "generation"));
  const std::string origin = "the sync cursor of " + key.table.ToString();
  ARROW_ASSIGN_OR_RAISE(const std::string text, ledger::TextOf(rows[0], "cursor"));
  cursor.forgotten = text.empty();
  if (cursor.forgotten) return cursor;
  auto parsed = base::ParseJson(text, origin);
  if (!parsed.ok()) return base::WithKind(base::ErrorKind::kCorrupt, parsed.status());
  if (!parsed->is_object() || !parsed->contains("source")) {
    return base::Corrupt("{} has no position; sync with replace to begin again", origin);
  }
  cursor.position = (*parsed)["source"];
  ARROW_ASSIGN_OR_RAISE(cursor.options_hash, base::GetString(*parsed, "options", origin));
  return cursor;
}

namespace {

// A path never changes, so what is found at a commit's parent still holds when the commit lands.
Result<bool> IsUnmoved(ledger::Ledger& ledger, const CursorMove& move,
                       const table::LanePoint& head) {
  ARROW_ASSIGN_OR_RAISE(const SyncCursor now, CursorAt(ledger, move.key, head));
  return now.at == move.before.at;
}

void Save(const CursorMove& move, const table::LanePoint& at, ledger::Transaction* transaction) {
  const auto& [key, before, after] = move;
  transaction->Upsert(kTable, {{"source", key.source},
                               {"stream", key.stream},
                               {"table_namespace", key.table.space},
                               {"table_name", key.table.name},
                               {"lane", at.lane},
                               {"generation", at.generation},
                               {"cursor", base::CanonicalJson({{"source", after.position},
                                                               {"options", after.options_hash}})},
                               {"updated_ms", base::NowMs()}});
  if (before.at && before.at->lane == at.lane) {
    ledger::Conditions old = ConditionsOf(key, at.lane);
    old.push_back({"generation", ledger::Compare::kLess,
                   std::min(before.at->generation, at.generation - kCommitsKept)});
    transaction->Update(kTable, {{"cursor", std::string()}}, std::move(old));
  }
}

}  // namespace

Result<ledger::Transaction> SaveMoves(ledger::Ledger& ledger, const std::vector<CursorMove>& moves,
                                      const table::LanePoint& parent, const table::LanePoint& at) {
  ledger::Transaction all;
  for (const CursorMove& move : moves) {
    ARROW_ASSIGN_OR_RAISE(const bool unmoved, IsUnmoved(ledger, move, parent));
    if (!unmoved) {
      return base::Conflict(
          "another sync of {} into {} landed meanwhile; nothing was synced, run it again for what "
          "is still new",
          move.key.source, move.key.table.ToString());
    }
    Save(move, at, &all);
  }
  return all;
}

Result<ledger::Transaction> SaveWithoutRows(ledger::Ledger& ledger,
                                            const std::vector<CursorMove>& moves,
                                            const table::LanePoint& head) {
  ledger::Transaction all;
  for (const CursorMove& move : moves) {
    ARROW_ASSIGN_OR_RAISE(const bool unmoved, IsUnmoved(ledger, move, head));
    if (unmoved) Save(move, head, &all);
  }
  return all;
}

std::string HashOptions(const source::SourceOptions& options) {
  return base::Hash128Hex(base::CanonicalJson({{"format", options.format},
                                               {"format_options", options.format_options},
                                               {"types", options.types}}));
}

FilesRead CompareFiles(const Json& before, const Json& after) {
  FilesRead result;
  if (!after.is_object() || !after.contains("files") || !after["files"].is_object()) return result;
  const Json old_files =
      before.is_object() ? before.value("files", Json::object()) : Json::object();
  std::string all;
  for (const auto& [path, file] : after["files"].items()) {
    const auto old = old_files.find(path);
    if (old != old_files.end() && SameFile(*old, file)) {
      ++result.skipped;
      continue;
    }
    ++result.read;
    // Of a file that grew only the new end was read, where the source says so by reading it at all.
    result.bytes += SizeOf(file);
    Json input = {{"file", path}, {"size", SizeOf(file)}};
    if (file.is_object() && file.contains("hash")) input["hash"] = file["hash"];
    all += base::CanonicalJson(input);
    if (result.inputs.size() < kInputsNamed) result.inputs.push_back(std::move(input));
  }
  if (result.read > static_cast<int64_t>(kInputsNamed)) {
    result.inputs.push_back({{"files", result.read}, {"hash", base::Sha256Hex(all)}});
  }
  return result;
}

}  // namespace millpond::ingest
