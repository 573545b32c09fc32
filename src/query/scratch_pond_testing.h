// A pond in a temporary folder, filled and read with SQL: for the tests of the rooms above. Real
// ledger, store and engine.
#pragma once

#include <arrow/api.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/temporary_folder.h"
#include "ledger/ledger_for_test.h"
#include "query/result_rows.h"
#include "query/session.h"
#include "store/local_store.h"
#include "table/commit.h"
#include "table/table_writer.h"

namespace millpond::query {

/// Decisions by table; other tables are open to all.
class ScratchPolicies final : public DecisionPoint {
 public:
  Result<ReadDecision> DecideRead(const Principal&, const table::TableName& name,
                                  const arrow::Schema&) override {
    if (before_read) before_read();
    const auto found = decisions.find(name);
    if (found != decisions.end()) return found->second;
    ReadDecision open;
    open.allowed = true;
    return open;
  }
  std::map<table::TableName, ReadDecision> decisions;
  std::function<void()> before_read;  ///< What else happens while a verb is at work.
};

class ScratchPond {
 public:
  ScratchPond() {
    std::filesystem::create_directory(folder_ / "truth");
    ledger_ = ledger::OpenLedgerForTest(folder_.path(), ledger::OpenMode::kCreate).ValueOrDie();
    store_ = store::OpenLocalStore(folder_ / "truth").ValueOrDie();
    catalog_ = table::Catalog::Open(ledger_, store_, {}).ValueOrDie();
    session_ = Open();
  }

  const std::shared_ptr<table::Catalog>& catalog() const { return catalog_; }
  const std::shared_ptr<ledger::Ledger>& ledger() const { return ledger_; }
  const std::shared_ptr<store::BlobStore>& store() const { return store_; }
  const base::TemporaryFolder& folder() const { return folder_; }
  Session& session() const { return *session_; }
  ScratchPolicies& policies() const { return *policies_; }

  std::shared_ptr<Session> Open(const std::string& principal = "ana") const {
    return Session::Open({principal, {}}, policies_, catalog_, {.temp_folder = folder_ / "spill"})
        .ValueOrDie();
  }

  /// Creates a table of the rows that `sql` gives, with a sample_id where they have none.
  Result<table::PondCommit> Create(const std::string& name, const std::string& sql) const {
    ARROW_ASSIGN_OR_RAISE(auto table, table::TableName::Parse(name));
    ARROW_ASSIGN_OR_RAISE(auto result, session_->Sql(sql, {}, {}));
    table::PendingCommit commit(
        catalog_, {.author = "ana", .message = "made", .operation = "test", .idempotency_key = {}});
    auto fields = result.reader->schema()->fields();
    if (result.reader->schema()->GetFieldIndex("sample_id") < 0) {
      fields.insert(fields.begin(), arrow::field("sample_id", arrow::int64(), false));
    }
    ARROW_RETURN_NOT_OK(commit.Create(table, arrow::schema(fields)));
    ARROW_RETURN_NOT_OK(Fill(&commit, table, *result.reader));
    return commit.Land({});
  }

  Result<table::PondCommit> Append(const std::string& name, const std::string& sql) const {
    ARROW_ASSIGN_OR_RAISE(auto table, table::TableName::Parse(name));
    ARROW_ASSIGN_OR_RAISE(auto result, session_->Sql(sql, {}, {}));
    table::PendingCommit commit(
        catalog_, {.author = "ana", .message = "more", .operation = "test", .idempotency_key = {}});
    ARROW_RETURN_NOT_OK(Fill(&commit, table, *result.reader));
    return commit.Land({});
  }

  /// Rows of a query, one JSON list of lists: [[1,"a"],[2,null]].
  base::Json Rows(const std::string& sql) const {
    auto rows = RowsOf(*session_, sql, {}, {});
    return rows.ok() ? base::Json(*rows) : base::Json(rows.status().ToString());
  }

 private:
  Status Fill(table::PendingCommit* commit, const table::TableName& table,
              arrow::RecordBatchReader& rows) const {
    ARROW_ASSIGN_OR_RAISE(auto schema, commit->SchemaOf(table));
    ARROW_ASSIGN_OR_RAISE(auto writer, table::TableWriter::Open(catalog_, table, schema));
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(rows.ReadNext(&batch));
      if (batch == nullptr) break;
      ARROW_RETURN_NOT_OK(writer->Write(*batch, {}));
    }
    ARROW_ASSIGN_OR_RAISE(auto files, writer->Finish());
    return commit->Append(table, std::move(files));
  }

  base::TemporaryFolder folder_;
  std::shared_ptr<ledger::Ledger> ledger_;
  std::shared_ptr<store::BlobStore> store_;
  std::shared_ptr<table::Catalog> catalog_;
  std::shared_ptr<ScratchPolicies> policies_ = std::make_shared<ScratchPolicies>();
  std::shared_ptr<Session> session_;
};

}  // namespace millpond::query
