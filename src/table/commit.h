// One pond commit over one or several tables: collect changes, then Land: new manifests and
// metadata are written to the store first, then one ledger transaction swaps all table pointers and
// records who, why and from what. Lands whole or not at all; a lost race is retried where it is
// safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"
#include "table/data_file.h"
#include "table/history.h"
#include "table/row_delta.h"
#include "table/schema_change.h"

namespace millpond::table {

struct CompactionPlan;
struct CompactionReport;
struct CompactionRule;
struct ExpiryHolds;
struct ExpiryPolicy;

/// The operation of a merge of branches.
inline constexpr const char* kMergeOperation = "merge";

struct CommitInfo {
  std::string author, message;
  std::string operation;  ///< Verb: "sync", "clean", "label", "commit"…; see kMergeOperation.
  std::string branch = kMainBranch;  ///< Where the commit lands.
  /// It only moves rows between files: it may move a protected branch.
  bool is_upkeep = false;
  /// The commit that this one merges into `branch`; the log shows it as a second parent, and a
  /// later merge base takes it into account. Such a commit may change no table, and it may move a
  /// protected branch.
  std::optional<std::string> merge_parent = {};
  base::Json inputs = base::Json::array();
  base::Json details = base::Json::object();
  std::optional<std::string> idempotency_key;  ///< A second Land with the same key returns the
                                               ///< first commit and changes nothing.
  /// What was asked for, as far as a repetition asks for the same; null: the tables that change.
  /// With a key, a hash of this, the operation and the branch is kept in the commit's details as
  /// "request_hash", and a Land that asks for something else under that key is kAlreadyExists.
  base::Json request = {};
};

class PendingCommit {
 public:
  PendingCommit(std::shared_ptr<Catalog> catalog, CommitInfo info);
  ~PendingCommit();  ///< Not landed: the data files handed in are deleted.
  PendingCommit(const PendingCommit&) = delete;
  PendingCommit& operator=(const PendingCommit&) = delete;

  /// A new empty table; later calls on the same name in this commit act on it. Field ids are
  /// assigned; a missing namespace is made. `identifier`: column names (empty: sample_id where
  /// present). The property "format-version" (2, or 3 for row lineage and deletion vectors) chooses
  /// the format.
  Status Create(const TableName& name, std::shared_ptr<arrow::Schema> schema,
                const std::vector<std::string>& identifier = {},
                const std::map<std::string, std::string>& properties = {});
  Status Append(const TableName& name, std::vector<DataFile> files);
  /// Replaces all rows. `base_snapshot`: what the new rows were computed from (none: the table had
  /// no snapshot); if the table has another current snapshot at Land, kConflict.
  Status Overwrite(const TableName& name, std::vector<DataFile> files,
                   std::optional<int64_t> base_snapshot);
  /// Takes single rows away and adds others (delete, update, merge). Data files are copied without
  /// the deleted rows, or the rows listed beside them, by cost or as the table's properties say;
  /// see RowDelta. What is copied is written here, so this may take long. Appends that others land
  /// meanwhile do not matter unless they may hold rows that were looked for; a change of the same
  /// files is kConflict at Land: look for the rows anew. Once per table in a commit that does not
  /// overwrite it.
  Result<RowChangeReport> ChangeRows(const TableName& name, RowDelta delta,
                                     const base::Context& context);
  /// Rewrites small data files and such with many deleted rows, as `plan` of the table as Existing
  /// gives it says; its rows stay what they are. Deletes of others that touch the same files are
  /// kConflict at Land: plan anew. Alone for the table in its commit.
  Result<CompactionReport> Compact(const TableName& name, const CompactionPlan& plan,
                                   const CompactionRule& rule, const base::Context& context);
  /// Merges the table's manifests into such of the target size where there are at least `min_count`
  /// small ones.
  Status MergeManifests(const TableName& name, int64_t min_count);
  /// Takes snapshots from the table's metadata by its policy, `policy` where it says nothing; none
  /// that `holds` or a ref of the table names. Their files stay until orphans are removed. The
  /// commit's details list them.
  Status Expire(const TableName& name, const ExpiryPolicy& policy, ExpiryHolds holds);
  /// Adds nullable columns at the end and widens int->long, float->double, decimal precision so
  /// that `wanted` fits; kInvalid names what cannot.
  Status EvolveTo(const TableName& name, std::shared_ptr<arrow::Schema> wanted);
  /// Gives the table other columns, in a commit that also overwrites all its rows. A field that
  /// carries the field id of a column of the table is that column, by whatever name, its type as it
  /// was; all others are new columns; columns that no field carries are dropped. Identifier columns
  /// must stay.
  Status ReplaceSchema(const TableName& name, std::shared_ptr<arrow::Schema> columns);
  /// Gives the table the columns that it has under another of its schemas, as another branch left
  /// them. Rows stay as they are, read by field id; before what this commit does to rows.
  Status AdoptSchema(const TableName& name, int32_t schema_id);
  /// Makes the table on this branch what it is at `version`, whose snapshot is kept by the table's
  /// metadata already: what a merge does where only the other side changed, and a restore. No data
  /// is read or written. The branch may lack the table; see Expect.
  Status MoveTo(const TableName& name, TableVersion version);
  /// What the branch's table is (nullopt: it has none) for what this commit does to it to be right:
  /// kConflict where it has another snapshot or other columns at Land, whoever changed them.
  Status Expect(const TableName& name, std::optional<TableVersion> state);
  /// Changes columns one by one; rows stay as they are written and are read by field id.
  Status AlterSchema(const TableName& name, const std::vector<SchemaStep>& steps);
  /// Sets table properties; nullopt removes one. "format-version" = 3 upgrades the table for
  /// good. kInvalid for what is not a property of the table ("uuid"…) and for values that a known
  /// one does not take.
  Status SetProperties(const TableName& name,
                       const std::map<std::string, std::optional<std::string>>& properties);
  /// Takes the table off the branch; the files stay for as long as a pond commit can reach them.
  Status Drop(const TableName& name);
  /// Changes a table's metadata as Iceberg's REST protocol says it (metadata_update.h), or makes
  /// the table where `requirements` has assert-create. Requirements are checked against what each
  /// attempt finds; one that fails is kConflict.
  Status Update(const TableName& name, base::Json requirements, base::Json updates);
  /// Makes a table of a metadata file that is in the store already; kAlreadyExists.
  Status Register(const TableName& name, const std::string& metadata_location);
  /// Gives the table another name; kConflict where someone else changes it meanwhile.
  Status Rename(const TableName& from, const TableName& to);
  /// Adopts what other engines committed to this table since its last pond commit.
  Status Record(const TableName& name);
  /// Ledger rows that land in the same transaction (dataset rows, …).
  void AddLedgerChanges(const ledger::Transaction& changes);
  /// The same for rows that depend on where the commit is (cursors); asked in every attempt, with
  /// the commit as it would land. An error ends Land.
  void AddLedgerChanges(std::function<Result<ledger::Transaction>(const PondCommit&)> changes);

  /// The table as this commit's branch has it now; kNotFound where it has none.
  Result<Table> Existing(const TableName& name) const;

  /// The schema that rows for this table must have now (with field ids), after Create/EvolveTo in
  /// this commit.
  Result<std::shared_ptr<arrow::Schema>> SchemaOf(const TableName& name);

  /// What the commit says of itself: inputs and details may be completed until Land.
  CommitInfo& info();

  /// kInvalid where nothing changed.
  Result<PondCommit> Land(const base::Context& context);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millpond::table
