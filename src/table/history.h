// The pond's own history: a graph of commits over several tables, branches and tags that name its
// commits, and the state of any table at any ref. A ref is: "" or "main" (the head of main), a
// branch, a tag, a commit id or a prefix of at least 6 digits, "~N" (N commits before the head of
// main along first parents), "exp~N", "tag~N", an ISO time ("2026-11-01T00:00", on main), or, for
// one table, a snapshot id. Model and formats: docs/design/commits.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "table/catalog.h"

namespace millpond::table {

inline constexpr const char* kMainBranch = "main";
inline constexpr const char* kBranchKind = "branch";
inline constexpr const char* kTagKind = "tag";
/// The operation of commits that keep tables in order and change no row.
inline constexpr const char* kUpkeepOperation = "upkeep";

/// What one commit did to one table.
struct TableChange {
  TableName table;
  std::string operation;  ///< create, append, overwrite, delete, update, merge, schema, properties,
                          ///< drop, move (to a snapshot that was there), record (made by another
                          ///< engine), compact, merge manifests, expire (upkeep)
  std::optional<int64_t> snapshot_before, snapshot_after;
  std::optional<int64_t> schema_id;  ///< The table's schema after it; none where it was dropped.
  std::string metadata_before, metadata_after;  ///< Locations; empty where none.
};

struct PondCommit {
  std::string id;          ///< UUID v7.
  int64_t sequence = 0;    ///< 1, 2, 3… in the order of landing, over all branches.
  std::string lane;        ///< The run of first parents that it is on, and…
  int64_t generation = 0;  ///< …how many commits there are on that path up to it.
  std::optional<std::string> parent;
  std::optional<std::string> merge_parent;  ///< The commit that it merged into its parent.
  std::string author, message, operation;
  int64_t created_ms = 0;
  base::Json inputs;   ///< [{"table": …, "snapshot": …} | {"file": …, "hash": …} …]
  base::Json details;  ///< What the verb wants to keep: recipe, sync report…
  std::optional<std::string> idempotency_key;
  std::vector<TableChange> changes;
};

struct PondRef {
  std::string name, kind;                ///< kBranchKind or kTagKind.
  std::optional<std::string> commit_id;  ///< None: a branch without commits.
  std::string author, message;
  int64_t created_ms = 0;
  bool is_protected = false;  ///< A branch that moves by merges only.
};

/// A table at a ref: which metadata file, which snapshot (none: the table had no data yet).
struct TableVersion {
  Table table;
  std::optional<int64_t> snapshot_id;
  std::shared_ptr<arrow::Schema> schema;  ///< Of that version, with field ids.
  int32_t schema_id = 0;
};

/// How two lines of history stand to each other.
struct Divergence {
  /// What a three-way merge compares both with: common commits that no other common commit has
  /// among its ancestors, newest landed first. None: they share nothing. Several: each side merged
  /// an earlier commit of the other.
  std::vector<std::string> bases;
  int64_t ahead = 0, behind = 0;  ///< Commits that only the first, only the second has.
};

struct LogRequest {
  int64_t limit = -1;                    ///< < 0: all.
  std::optional<TableName> table = {};   ///< Only commits that changed it.
  std::vector<std::string> refs = {""};  ///< Where to begin; all that these reach is listed.
};

class History {
 public:
  explicit History(std::shared_ptr<Catalog> catalog) : catalog_(std::move(catalog)) {}

  /// Commits that the refs reach, along merge parents too, newest landed first. Its cost follows
  /// what is listed.
  Result<std::vector<PondCommit>> Log(const LogRequest& request);
  /// The log of main.
  Result<std::vector<PondCommit>> Log(int64_t limit, const std::optional<TableName>& table = {});
  /// kNotFound names near refs; nullopt: the head of a branch without commits.
  Result<std::optional<PondCommit>> Resolve(const std::string& ref);
  /// The table at a ref; for the head of a branch this is what its metadata says now, recorded by a
  /// pond commit or not.
  Result<TableVersion> At(const TableName& name, const std::string& ref);
  /// The table that writers to `branch` begin with: its metadata has that branch's snapshot and
  /// schema as the current ones. kNotFound where the branch has no such table.
  Result<Table> OnBranch(const TableName& name, const std::string& branch);
  /// All tables that existed at a ref.
  Result<std::vector<TableVersion>> TablesAt(const std::string& ref);
  /// Tables that are not as the branch's last pond commit of them left them: other engines wrote
  /// them.
  Result<std::vector<TableName>> Unrecorded(const std::string& branch = kMainBranch);

  /// Branches and tags by kind and name.
  Result<std::vector<PondRef>> Refs();
  /// Tags the commit at `ref`; kAlreadyExists where the name is taken, unless it is a tag and
  /// `move` says that it may move. Also sets an Iceberg tag of that name in each table, so that
  /// other engines see it and do not expire the snapshot.
  Result<PondRef> CreateTag(const std::string& name, const std::string& ref,
                            const std::string& author, const std::string& message,
                            bool move = false);
  Status DeleteTag(const std::string& name);

  /// Makes a branch that begins at `ref`. Costs one ledger row, whatever the pond holds.
  Result<PondRef> CreateBranch(const std::string& name, const std::string& ref,
                               const std::string& author, const std::string& message);
  /// kConflict where commits would be left that no other branch or tag reaches, unless `force`;
  /// kDenied for a protected branch. Removes the Iceberg branches that it set.
  Status DeleteBranch(const std::string& name, bool force);
  /// Renames the Iceberg branches too; kDenied for a protected branch.
  Status RenameBranch(const std::string& from, const std::string& to);
  Status ProtectBranch(const std::string& name, bool is_protected);

  /// How `ref` stands to `other`; its cost follows the commits that only one of them has.
  Result<Divergence> Compare(const std::string& ref, const std::string& other);
  /// Moves `branch` forward to the commit at `ref`, which must have the branch's head among its
  /// ancestors (kConflict: the two diverged, merge them). The pond's ref and the Iceberg refs of
  /// all tables that differ move in one ledger transaction; no data is read or written. kConflict
  /// where another engine wrote one of these tables on the branch and no commit recorded it.
  /// Returns the branch as it is then; moves protected branches too, because this is a merge.
  Result<PondRef> FastForward(const std::string& branch, const std::string& ref);

 private:
  std::shared_ptr<Catalog> catalog_;
};

}  // namespace millpond::table
