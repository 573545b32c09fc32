// A pond in miniature for the fault tests: blobs in a folder, a pointer and a history in the
// ledger.
//   millpond_fault_commit init FOLDER | commit FOLDER KEY | state FOLDER | upkeep FOLDER
// `commit` with a key that landed before does nothing, as a sync that is run again. `state` prints
// what a reader sees and fails where the pond is damaged. Exit codes are those of the error kinds.
#include <cstdio>

#include "base/hash.h"
#include "base/json.h"
#include "base/random_id.h"
#include "base/time.h"
#include "ledger/sqlite_ledger.h"
#include "store/local_store.h"

namespace millpond {
namespace {

using base::Json;
using ledger::Compare;
using ledger::Row;

constexpr int kBlobs = 3;

struct Pond {
  std::shared_ptr<store::BlobStore> store;
  std::shared_ptr<ledger::Ledger> ledger;
};

Result<Pond> Open(const std::string& folder) {
  Pond pond;
  ARROW_ASSIGN_OR_RAISE(pond.store, store::OpenLocalStore(folder + "/truth"));
  ARROW_ASSIGN_OR_RAISE(
      pond.ledger, ledger::OpenSqliteLedger(folder + "/ledger.db", ledger::OpenMode::kExisting));
  return pond;
}

Status Init(const std::string& folder) {
  ARROW_RETURN_NOT_OK(store::MakeFolders(folder + "/truth"));
  ARROW_RETURN_NOT_OK(
      ledger::OpenSqliteLedger(folder + "/ledger.db", ledger::OpenMode::kCreate).status());
  return store::ReplaceFile(folder + "/millpond.toml", "[pond]\nformat = 1\n");
}

// The table's metadata: blob path -> SHA-256. Empty before the first commit.
Result<Json> ReadMetadata(const Pond& pond) {
  ARROW_ASSIGN_OR_RAISE(
      auto rows,
      pond.ledger->Select({"iceberg_tables", {{"table_name", Compare::kEqual, "orders"}}}));
  if (rows.empty()) return Json::object();
  ARROW_ASSIGN_OR_RAISE(std::string location, ledger::TextOf(rows[0], "metadata_location"));
  ARROW_ASSIGN_OR_RAISE(std::string text, store::ReadBlob(*pond.store, location));
  auto metadata = base::ParseJson(text, location);
  ARROW_RETURN_NOT_OK(base::WithKind(base::ErrorKind::kCorrupt, metadata.status()));
  return metadata;
}

ledger::Transaction CommitRows(const std::string& key, int64_t sequence,
                               const std::string& location) {
  ledger::Transaction transaction;
  transaction
      .Insert("pond_commit", {{"commit_id", base::NewUuid()},
                              {"sequence", sequence},
                              {"generation", sequence},
                              {"author", "fault"},
                              {"message", "commit " + key},
                              {"operation", "append"},
                              {"created_ms", base::NowMs()},
                              {"inputs", "{}"},
                              {"details", "{}"},
                              {"idempotency_key", key}})
      .Upsert("iceberg_tables", {{"catalog_name", "millpond"},
                                 {"table_namespace", "shop"},
                                 {"table_name", "orders"},
                                 {"metadata_location", location},
                                 {"iceberg_type", "TABLE"}})
      .Upsert("source_cursor", {{"source", "file"},
                                {"stream", "orders"},
                                {"table_namespace", "shop"},
                                {"table_name", "orders"},
                                {"lane", "main"},
                                {"generation", int64_t{0}},
                                {"cursor", key},
                                {"updated_ms", base::NowMs()}});
  return transaction;
}

Status Commit(const std::string& folder, const std::string& key) {
  ARROW_ASSIGN_OR_RAISE(Pond pond, Open(folder));
  ARROW_ASSIGN_OR_RAISE(
      auto landed,
      pond.ledger->Select({"pond_commit", {{"idempotency_key", Compare::kEqual, key}}}));
  if (!landed.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(Json metadata, ReadMetadata(pond));
  for (int i = 0; i < kBlobs; ++i) {
    const std::string path = "shop/orders/data/" + base::NewUuid();
    const std::string bytes(300'000, static_cast<char>('a' + i));
    ARROW_RETURN_NOT_OK(store::WriteBlob(*pond.store, path, bytes));
    metadata[path] = base::Sha256Hex(bytes);
  }
  const std::string location = "shop/orders/metadata/" + base::NewUuid();
  ARROW_RETURN_NOT_OK(store::WriteBlob(*pond.store, location, base::CanonicalJson(metadata)));
  ARROW_ASSIGN_OR_RAISE(int64_t sequence, pond.ledger->Reserve("commit", 1));
  return pond.ledger->Apply(CommitRows(key, sequence, location));
}

// Reads every blob that the table names.
Status State(const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(Pond pond, Open(folder));
  ARROW_RETURN_NOT_OK(pond.ledger->CheckIntegrity());
  ARROW_ASSIGN_OR_RAISE(Json metadata, ReadMetadata(pond));
  for (const auto& [path, hash] : metadata.items()) {
    ARROW_ASSIGN_OR_RAISE(std::string bytes, store::ReadBlob(*pond.store, path));
    if (base::Sha256Hex(bytes) != hash.get<std::string>()) return base::Corrupt("{} changed", path);
  }
  ARROW_ASSIGN_OR_RAISE(auto results, pond.ledger->SelectAll({{"pond_commit", {}, {{"sequence"}}},
                                                              {"source_cursor"}}));
  Json state = {{"blobs", metadata.size()}, {"commits", Json::array()}, {"cursor", nullptr}};
  for (const Row& row : results[0]) {
    ARROW_ASSIGN_OR_RAISE(std::string message, ledger::TextOf(row, "message"));
    state["commits"].push_back(message);
  }
  for (const Row& row : results[1]) {
    ARROW_ASSIGN_OR_RAISE(state["cursor"], ledger::TextOf(row, "cursor"));
  }
  std::puts(state.dump().c_str());
  return Status::OK();
}

// Removes what no commit names and what dead writers left; prints the state.
Status Upkeep(const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(Pond pond, Open(folder));
  ARROW_RETURN_NOT_OK(pond.store->RemoveAbandoned(0).status());
  ARROW_ASSIGN_OR_RAISE(Json metadata, ReadMetadata(pond));
  ARROW_RETURN_NOT_OK(pond.store->List("shop/orders/data/", [&](const store::BlobInfo& info) {
    return metadata.contains(info.path) ? Status::OK() : pond.store->Delete(info.path);
  }));
  return State(folder);
}

Status Run(const std::vector<std::string>& words) {
  const std::string verb = words.empty() ? "" : words[0];
  if (verb == "init" && words.size() == 2) return Init(words[1]);
  if (verb == "commit" && words.size() == 3) return Commit(words[1], words[2]);
  if (verb == "state" && words.size() == 2) return State(words[1]);
  if (verb == "upkeep" && words.size() == 2) return Upkeep(words[1]);
  return base::Invalid("usage: init FOLDER | commit FOLDER KEY | state FOLDER | upkeep FOLDER");
}

}  // namespace
}  // namespace millpond

int main(int argc, char** argv) {
  millpond::Status status = millpond::Run({argv + 1, argv + argc});
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return millpond::base::InfoOf(millpond::base::KindOf(status)).exit_code;
}
