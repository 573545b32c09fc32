// What a commit wants of each table, kept in terms that survive a lost race (TableDraft), and the
// step from there and from what an attempt builds on (CommitBasis) to metadata files and history
// rows. Used by commit.cc and commit_land.cc only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/ledger.h"
#include "table/catalog.h"
#include "table/commit_basis.h"
#include "table/compaction.h"
#include "table/data_file.h"
#include "table/expiry.h"
#include "table/history.h"
#include "table/row_change_plan.h"
#include "table/schema_change.h"
#include "table/snapshot_builder.h"
#include "table/table_folder.h"

namespace millpond::table {

/// What becomes of one table in one attempt.
struct TablePlan {
  TableChange change;
  std::optional<WrittenMetadata> written;  ///< None where only the history changes.
  std::string
      pointer_before;  ///< Where the catalog points now, and still must at Land; "": nowhere.
  std::string pointer_after;  ///< Where it points then.
  bool is_new = false;        ///< No commit touched a table of this name before.
  bool on_branch = true;      ///< The metadata speaks of the branch afterwards.
  std::set<int64_t> expired;  ///< Snapshots that the table no longer has.
};

/// A plan that moves the catalog's pointer from the basis to `next`.
TablePlan PlanTo(const TableName& name, const TableBasis& basis, const Table& next,
                 std::string operation);

class TableDraft {
 public:
  TableDraft(Catalog* catalog, TableName name, std::string branch, const std::string& commit_id);

  // Requests; each refuses what contradicts an earlier one in this commit.
  Status Create(const arrow::Schema& schema, const std::vector<std::string>& identifier,
                const std::map<std::string, std::string>& properties);
  /// Starts from the table as it is now; kNotFound where there is none.
  Status UseExisting();
  Status Append();
  Status Overwrite(std::optional<int64_t> base_snapshot);
  Status ChangeRows(const RowDelta& delta, const base::Context& context, RowChangeReport* report);
  Status Compact(const CompactionPlan& plan, const CompactionRule& rule,
                 const base::Context& context, CompactionReport* report);
  Status MergeManifests(int64_t min_count);
  Status Expire(const ExpiryPolicy& policy, ExpiryHolds holds);
  Status EvolveTo(const arrow::Schema& wanted);
  Status ReplaceSchema(const arrow::Schema& columns);
  Status AdoptSchema(int32_t schema_id);
  Status MoveTo(TableVersion version);
  /// Plan is kConflict where the basis has another state of the table; nullopt: there is none.
  void Expect(std::optional<TableVersion> state);
  Status AlterSchema(const std::vector<SchemaStep>& steps);
  Status SetProperties(const std::map<std::string, std::optional<std::string>>& properties);
  /// `expected`: where its metadata must still be when this lands; empty: anywhere.
  Status Drop(const std::string& expected = "");
  Status Update(base::Json requirements, base::Json updates);
  /// `renamed`: the table's name until this commit lands; its own where it has no other.
  Status Register(const std::string& metadata_location, const TableName& renamed);
  Status Record();
  void AddFiles(std::vector<DataFile> files);

  /// With field ids, and schema metadata that tells TableWriter where the table lives.
  std::shared_ptr<arrow::Schema> WriteSchema() const;

  /// Validates against the basis (kConflict where a retry cannot help) and adds what is new to
  /// `blobs`, for the caller to write. nullopt: nothing changes.
  Result<std::optional<TablePlan>> Plan(const TableBasis& basis, BlobBatch* blobs);
  /// The ledger changes that make the plan true, failing where the table moved.
  void AddPointerChanges(const TablePlan& plan, ledger::Transaction* transaction) const;

  /// Deletes what the last Plan wrote for its basis.
  void DiscardAttempt();
  /// Deletes everything of this draft: manifests and data files too.
  void DiscardAll();

 private:
  struct Evolution {
    int32_t from_schema_id = 0, from_last_column_id = 0;
    Schema schema;
    int32_t last_column_id = 0;
    bool is_known = false;  // One of the table's schemas already.
  };
  enum class Request { kNone, kWrite, kUpkeep, kExpire, kMove, kDrop, kRecord, kUpdate, kRegister };

  Status Ask(Request request);
  Status BeginUpkeep();
  Status Upgrade(const std::string& version);
  void Evolve(std::shared_ptr<arrow::Schema> columns, int32_t last_column_id);
  Status NameTaken() const;
  Status CheckBasis(const TableBasis& basis) const;
  Result<TableMetadata> Grown(const TableMetadata& base) const;
  Result<std::optional<TablePlan>> PlanWrite(const TableBasis& basis, BlobBatch* blobs);
  Result<std::optional<TablePlan>> PlanRecord(const TableBasis& basis) const;
  SnapshotChange Change() const;
  Result<std::optional<TablePlan>> PlanMove(const TableBasis& basis, BlobBatch* blobs);
  Result<std::optional<TablePlan>> PlanDrop(const TableBasis& basis, BlobBatch* blobs);
  Status CheckExpected(const TableBasis& basis) const;
  bool IsPlannedOn(const TableBasis& basis) const;
  /// Stores what the branch sees from now on; all other branches keep what they have.
  Result<std::optional<TablePlan>> PlanStored(const TableBasis& basis, TableMetadata view,
                                              const char* operation, BlobBatch* blobs);
  Result<std::optional<TablePlan>> Keep(const TableBasis& basis, TablePlan plan);
  // In commit_upkeep.cc.
  Result<std::optional<TablePlan>> PlanExpire(const TableBasis& basis, BlobBatch* blobs);
  // In commit_update.cc.
  Result<std::optional<TablePlan>> PlanUpdate(const TableBasis& basis, BlobBatch* blobs);
  Result<std::optional<TablePlan>> PlanRegister(const TableBasis& basis);
  Status CheckRenamed(const TableBasis& basis) const;
  const Schema& CurrentSchema() const;
  const char* OperationName() const;

  Catalog* catalog_;
  TableName name_;
  std::string branch_;
  Request request_ = Request::kNone;
  std::optional<TableMetadata> created_;  // A new table's empty metadata.
  std::optional<Table> opened_;           // The table on the branch when this draft began.
  std::optional<TableVersion> move_to_;
  std::optional<std::optional<TableVersion>> expected_;  // Inner none: no such table.
  std::optional<Evolution> evolution_;
  bool replaces_columns_ = false;  // Old rows do not fit: they must all go.
  bool overwrites_ = false;
  std::optional<int64_t> overwrite_base_;
  std::string registers_;     // Metadata file that becomes the table.
  TableName renamed_;         // …and the name that it has until then.
  std::string drop_expects_;  // Where the dropped table's metadata must be.
  base::Json requirements_, updates_;
  std::vector<DataFile> files_;
  std::optional<RowChangePlan> row_change_;
  RowVerb row_verb_ = RowVerb::kDelete;
  std::optional<int64_t> merge_manifests_at_;
  ExpiryPolicy expiry_policy_;
  ExpiryHolds expiry_holds_;
  std::map<std::string, std::optional<std::string>> properties_;  // None: removed.
  std::optional<int> format_version_;                             // To upgrade to.
  SnapshotBuilder builder_;
  std::optional<TablePlan> planned_;  // Of the last attempt, for the state below.
  std::string planned_on_;
};

/// Keys of the arrow::Schema metadata that WriteSchema adds.
inline constexpr const char* kTableLocationKey = "millpond.table-location";

}  // namespace millpond::table
