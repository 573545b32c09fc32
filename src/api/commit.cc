// commit: files and queries into several tables at once, or other engines' changes into the
// history.
#include "api/commit.h"

#include <optional>

#include "api/file_rows.h"
#include "api/versions.h"
#include "ingest/write.h"
#include "table/commit.h"

namespace millpond::api {
namespace {

using base::Json;

struct Assignment {
  table::TableName table;
  std::string value;
};

Result<Assignment> ParseAssignment(const std::string& text, std::string_view form) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return base::Invalid("expected {}, not '{}'", form, text);
  }
  ARROW_ASSIGN_OR_RAISE(auto table, table::TableName::Parse(text.substr(0, equals)));
  return Assignment{std::move(table), text.substr(equals + 1)};
}

/// Queries of a commit read the branch that it lands on.
query::SqlOptions ReadsOf(const CommitRequest& request) {
  return {.ref = request.branch, .pins = {}, .parameters = {}};
}

/// What the branch has of the table; nullopt: no rows, or no such table.
Result<std::optional<int64_t>> SnapshotOf(Pond& pond, const table::TableName& name,
                                          const std::string& branch) {
  const auto found = pond.history().OnBranch(name, branch);
  if (!found.ok()) {
    if (base::KindOf(found.status()) == base::ErrorKind::kNotFound) return std::nullopt;
    return found.status();
  }
  const auto* snapshot = found->metadata->current_snapshot();
  return snapshot == nullptr ? std::nullopt : std::optional(snapshot->id);
}

Result<std::vector<ingest::TableWrite>> CollectWrites(Pond& pond, const CommitRequest& request,
                                                      Json* inputs, const base::Context& context) {
  const auto mode = request.replace ? ingest::WriteMode::kOverwrite : ingest::WriteMode::kAppend;
  std::vector<ingest::TableWrite> writes;
  for (const auto& text : request.files) {
    ARROW_ASSIGN_OR_RAISE(auto assignment, ParseAssignment(text, "TABLE=FILE"));
    ARROW_ASSIGN_OR_RAISE(auto reader, ReaderOfFile(assignment.value, context));
    inputs->push_back({{"file", assignment.value}});
    writes.push_back({.table = assignment.table,
                      .reader = reader,
                      .mode = mode,
                      .evolve = true,
                      .base_snapshot = {}});
  }
  for (const auto& text : request.queries) {
    ARROW_ASSIGN_OR_RAISE(auto assignment, ParseAssignment(text, "TABLE=SELECT …"));
    ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
    ARROW_ASSIGN_OR_RAISE(const auto before, SnapshotOf(pond, assignment.table, request.branch));
    ARROW_ASSIGN_OR_RAISE(auto result, session->Sql(assignment.value, ReadsOf(request), context));
    for (const auto& read : result.inputs) {
      inputs->push_back({{"table", read.table.ToString()},
                         {"snapshot", read.snapshot_id ? Json(*read.snapshot_id) : Json(nullptr)}});
    }
    writes.push_back({.table = assignment.table,
                      .reader = result.reader,
                      .mode = mode,
                      .evolve = true,
                      .base_snapshot = before});
  }
  return writes;
}

Result<table::PondCommit> DropTables(Pond& pond, const CommitRequest& request,
                                     table::CommitInfo info, const base::Context& context) {
  info.operation = "drop";
  table::PendingCommit pending(pond.catalog(), std::move(info));
  for (const auto& text : request.drops) {
    ARROW_ASSIGN_OR_RAISE(auto name, table::TableName::Parse(text));
    ARROW_RETURN_NOT_OK(pending.Drop(name));
  }
  return pending.Land(context);
}

Result<table::PondCommit> RecordOthers(Pond& pond, table::CommitInfo info,
                                       const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto changed, pond.history().Unrecorded(info.branch));
  if (changed.empty()) {
    return base::Invalid(
        "nothing to commit: no TABLE=FILE, --query or --drop is given, and no other engine changed "
        "a table since the "
        "last commit");
  }
  info.operation = "record";
  table::PendingCommit pending(pond.catalog(), std::move(info));
  for (const auto& name : changed) ARROW_RETURN_NOT_OK(pending.Record(name));
  return pending.Land(context);
}

// What a repetition asks for too: the same words, and files with the same bytes.
Result<Json> RequestOf(const CommitRequest& request) {
  Json files = Json::array();
  for (const auto& text : request.files) {
    ARROW_ASSIGN_OR_RAISE(auto assignment, ParseAssignment(text, "TABLE=FILE"));
    ARROW_ASSIGN_OR_RAISE(std::string hash, ContentHash(assignment.value));
    files.push_back({text, std::move(hash)});
  }
  return Json{{"files", std::move(files)},
              {"queries", request.queries},
              {"drops", request.drops},
              {"replace", request.replace}};
}

}  // namespace

Result<Json> Commit(Pond& pond, const CommitRequest& request, const base::Context& context) {
  if (request.message.empty()) return base::Invalid("a commit needs a message: say why");
  const bool writes_rows = !request.files.empty() || !request.queries.empty();
  if (writes_rows && !request.drops.empty()) {
    return base::Invalid("drop tables in a commit of their own, apart from writing rows");
  }
  table::CommitInfo info;
  info.author = pond.author();
  info.message = request.message;
  info.operation = "commit";
  info.branch = request.branch;
  if (!request.idempotency_key.empty()) {
    info.idempotency_key = request.idempotency_key;
    ARROW_ASSIGN_OR_RAISE(info.request, RequestOf(request));
  }
  if (writes_rows) {
    ARROW_ASSIGN_OR_RAISE(auto writes, CollectWrites(pond, request, &info.inputs, context));
    ARROW_ASSIGN_OR_RAISE(auto commit, ingest::WriteTables(pond.catalog(), writes, info, context));
    return CommitToJson(commit);
  }
  ARROW_ASSIGN_OR_RAISE(auto commit, request.drops.empty()
                                         ? RecordOthers(pond, std::move(info), context)
                                         : DropTables(pond, request, std::move(info), context));
  return CommitToJson(commit);
}

}  // namespace millpond::api
