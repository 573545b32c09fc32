// Implements pond_testing.h (a test source, so that only test programs hold it).
#include "query/pond_testing.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>

#include "ledger/ledger_for_test.h"
#include "store/local_store.h"
#include "table/commit.h"
#include "table/table_writer.h"

namespace millpond::query {

Result<ReadDecision> TestPolicies::DecideRead(const Principal&, const table::TableName& table,
                                              const arrow::Schema&) {
  ++asked;
  const auto found = decisions.find(table);
  if (found != decisions.end()) return found->second;
  ReadDecision open;
  open.allowed = true;
  return open;
}

Result<std::unique_ptr<TestPond>> TestPond::Make(table::WriteSettings settings) {
  auto pond = std::make_unique<TestPond>();
  const std::string folder = pond->folder_.path();
  ARROW_RETURN_NOT_OK(store::MakeFolders(folder + "/truth"));
  ARROW_ASSIGN_OR_RAISE(auto store, store::OpenLocalStore(folder + "/truth"));
  ARROW_ASSIGN_OR_RAISE(auto ledger, ledger::OpenLedgerForTest(folder, ledger::OpenMode::kCreate));
  ARROW_ASSIGN_OR_RAISE(pond->catalog_, table::Catalog::Open(ledger, store, std::move(settings)));
  return pond;
}

Result<std::shared_ptr<Session>> TestPond::Open(SessionSettings settings) {
  if (settings.memory_limit == 0) settings.memory_limit = 512 << 20;
  if (settings.threads == 0) settings.threads = 2;
  return Session::Open({"tester", {}}, policies_, catalog_, std::move(settings));
}

Status TestPond::Write(const std::string& table, arrow::RecordBatchReader& rows, Change change) {
  ARROW_ASSIGN_OR_RAISE(const auto at, table::TableAtRef::Parse(table));
  const table::TableName& name = at.table;
  table::CommitInfo info;
  info.author = "tester";
  info.message = "write " + table;
  info.operation = "write";
  if (!at.ref.empty()) info.branch = at.ref;
  table::PendingCommit commit(catalog_, info);
  std::optional<int64_t> base;
  const auto head = commit.Existing(name);
  if (!head.ok()) {
    ARROW_RETURN_NOT_OK(commit.Create(name, rows.schema()));
  } else {
    ARROW_RETURN_NOT_OK(commit.EvolveTo(name, rows.schema()));
    base = head->metadata->current_snapshot_id;
  }
  ARROW_ASSIGN_OR_RAISE(const auto schema, commit.SchemaOf(name));
  ARROW_ASSIGN_OR_RAISE(auto writer, table::TableWriter::Open(catalog_, name, schema));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, rows.Next());
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(writer->Write(*batch, {}));
  }
  ARROW_ASSIGN_OR_RAISE(auto files, writer->Finish());
  if (change == Change::kOverwrite) {
    ARROW_RETURN_NOT_OK(commit.Overwrite(name, std::move(files), base));
  } else if (!files.empty()) {
    ARROW_RETURN_NOT_OK(commit.Append(name, std::move(files)));
  }
  return commit.Land({}).status();
}

Status TestPond::Write(const std::string& table, const std::string& sql, Change change) {
  if (writer_ == nullptr) {
    SessionSettings settings;
    settings.memory_limit = 512 << 20;
    settings.threads = 2;
    ARROW_ASSIGN_OR_RAISE(
        writer_, Session::Open({"writer", {}}, std::make_shared<OpenPond>(), catalog_, settings));
  }
  ARROW_ASSIGN_OR_RAISE(const QueryResult result, writer_->Sql(sql, {}, {}));
  return Write(table, *result.reader, change);
}

namespace {

std::pair<std::string, std::string> NameAndRef(const std::string& words) {
  const size_t space = words.find(' ');
  if (space == std::string::npos) return {words, ""};
  return {words.substr(0, space), words.substr(space + 1)};
}

}  // namespace

Status TestPond::Tag(const std::string& words) {
  const auto [name, ref] = NameAndRef(words);
  return table::History(catalog_).CreateTag(name, ref, "tester", "").status();
}

Status TestPond::Branch(const std::string& words) {
  const auto [name, ref] = NameAndRef(words);
  return table::History(catalog_).CreateBranch(name, ref, "tester", "").status();
}

}  // namespace millpond::query
