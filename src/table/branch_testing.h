// Short ways to write on branches of a pond for tests.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error_matchers.h"
#include "table/history_rows.h"
#include "table/pond_testing.h"
#include "table/table_folder.h"

namespace millpond::table {

inline const TableName kOrders{"shop", "orders"};
inline const TableName kItems{"shop", "items"};

class BranchTest : public ::testing::Test {
 protected:
  using Values = std::vector<int64_t>;

  static CommitInfo InfoOn(const std::string& branch, const std::string& operation = "test") {
    CommitInfo info = PondForTest::Info(operation);
    info.branch = branch;
    return info;
  }

  Result<PondCommit> Create(const std::string& branch, const TableName& name,
                            const Values& values) {
    PendingCommit commit(pond_.catalog(), InfoOn(branch, "create"));
    ARROW_RETURN_NOT_OK(commit.Create(name, PondForTest::Columns()));
    if (!values.empty()) {
      ARROW_RETURN_NOT_OK(
          commit.Append(name, pond_.Write(commit, name, *PondForTest::Batch(values))));
    }
    return commit.Land(base::Context{});
  }

  Result<PondCommit> Append(const std::string& branch, const TableName& name,
                            const Values& values) {
    PendingCommit commit(pond_.catalog(), InfoOn(branch, "append"));
    ARROW_RETURN_NOT_OK(commit.SchemaOf(name).status());
    ARROW_RETURN_NOT_OK(
        commit.Append(name, pond_.Write(commit, name, *PondForTest::Batch(values))));
    return commit.Land(base::Context{});
  }

  Result<PondCommit> AddColumn(const std::string& branch, const TableName& name,
                               const std::string& column) {
    PendingCommit commit(pond_.catalog(), InfoOn(branch, "schema"));
    ARROW_ASSIGN_OR_RAISE(auto schema, commit.SchemaOf(name));
    ARROW_ASSIGN_OR_RAISE(
        auto wanted, schema->AddField(schema->num_fields(), arrow::field(column, arrow::utf8())));
    ARROW_RETURN_NOT_OK(commit.EvolveTo(name, wanted));
    return commit.Land(base::Context{});
  }

  Result<PondCommit> Drop(const std::string& branch, const TableName& name) {
    PendingCommit commit(pond_.catalog(), InfoOn(branch, "drop"));
    ARROW_RETURN_NOT_OK(commit.Drop(name));
    return commit.Land(base::Context{});
  }

  /// A merge commit without table changes.
  Result<PondCommit> Merge(const std::string& branch, const std::string& commit_id) {
    CommitInfo info = InfoOn(branch, kMergeOperation);
    info.merge_parent = commit_id;
    PendingCommit commit(pond_.catalog(), info);
    return commit.Land(base::Context{});
  }

  Status Branch(const std::string& name, const std::string& ref = "") {
    return history_.CreateBranch(name, ref, "ana", "").status();
  }

  Table Stored(const TableName& name) { return pond_.catalog()->Load(name).ValueOrDie(); }

  std::vector<std::string> ColumnsAt(const TableName& name, const std::string& ref) {
    return history_.At(name, ref).ValueOrDie().schema->field_names();
  }

  std::vector<std::string> TablesAt(const std::string& ref) {
    std::vector<std::string> names;
    for (const TableVersion& version : history_.TablesAt(ref).ValueOrDie()) {
      names.push_back(version.table.name.ToString());
    }
    return names;
  }

  std::vector<std::string> IdsOf(const std::vector<PondCommit>& commits) {
    std::vector<std::string> ids;
    for (const PondCommit& commit : commits) ids.push_back(commit.id);
    return ids;
  }

  /// What another engine does: new metadata and a swap, with no pond commit.
  void SwapAsAnotherEngine(const TableName& name,
                           const std::function<void(TableMetadata*)>& change) {
    Table table = Stored(name);
    TableMetadata next = *table.metadata;
    change(&next);
    BlobBatch blobs;
    auto written = WriteMetadata(&table, name, std::move(next), &blobs).ValueOrDie();
    ASSERT_THAT(blobs.Write(*pond_.store()), base::IsOk());
    ledger::Transaction swap;
    swap.Update("iceberg_tables", {{"metadata_location", written.table.metadata_location}},
                CatalogKey(name), 1);
    ASSERT_THAT(pond_.ledger()->Apply(swap), base::IsOk());
  }

  /// Rows of every ledger table that commits and refs write.
  std::map<std::string, size_t> RowCounts() {
    std::map<std::string, size_t> counts;
    for (const char* table :
         {"iceberg_tables", "pond_commit", "pond_commit_table", "pond_ref", "pond_lane",
          "pond_table", "pond_branch_table", "pond_retired_table"}) {
      counts[table] = pond_.ledger()->Select({.table = table}).ValueOrDie().size();
    }
    return counts;
  }

  PondForTest pond_;
  History history_ = pond_.history();
};

}  // namespace millpond::table
