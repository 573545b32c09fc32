// The pond's own history: commits over several tables, tags, and the state of any table at any ref.
// A ref is: "" or "main" (the head), a tag, a commit id or a prefix of at least 6 digits, "~N" (N
// commits before the head), "tag~N", an ISO time ("2026-11-01T00:00"), or, for one table, a
// snapshot id.
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

/// What one commit did to one table.
struct TableChange {
  TableName table;
  std::string operation;  ///< create, append, overwrite, delete, update, merge, schema, drop,
                          ///< record (made by another engine)
  std::optional<int64_t> snapshot_before, snapshot_after;
  std::optional<int64_t> schema_id;  ///< The table's schema after it; none where it was dropped.
  std::string metadata_before, metadata_after;  ///< Locations; empty where none.
};

struct PondCommit {
  std::string id;        ///< UUID v7.
  int64_t sequence = 0;  ///< 1, 2, 3… along main.
  std::optional<std::string> parent;
  std::string author, message, operation;
  int64_t created_ms = 0;
  base::Json inputs;   ///< [{"table": …, "snapshot": …} | {"file": …, "hash": …} …]
  base::Json details;  ///< What the verb wants to keep: recipe, sync report…
  std::optional<std::string> idempotency_key;
  std::vector<TableChange> changes;
};

struct PondRef {
  std::string name, kind;  ///< kind: "branch" or "tag".
  std::optional<std::string> commit_id;
  std::string author, message;
  int64_t created_ms = 0;
};

/// A table at a ref: which metadata file, which snapshot (none: the table had no data yet).
struct TableVersion {
  Table table;
  std::optional<int64_t> snapshot_id;
  std::shared_ptr<arrow::Schema> schema;  ///< Of that snapshot, with field ids.
};

class History {
 public:
  explicit History(std::shared_ptr<Catalog> catalog) : catalog_(std::move(catalog)) {}

  /// Newest first; with `table`, only commits that touched it. `limit` < 0: all.
  Result<std::vector<PondCommit>> Log(int64_t limit, const std::optional<TableName>& table = {});
  /// kNotFound names near refs; nullopt: the empty pond's head.
  Result<std::optional<PondCommit>> Resolve(const std::string& ref);
  /// The table at a ref; for the head this is what the catalog points to, recorded by a pond commit
  /// or not.
  Result<TableVersion> At(const TableName& name, const std::string& ref);
  /// All tables that existed at a ref.
  Result<std::vector<TableVersion>> TablesAt(const std::string& ref);
  /// Tables whose catalog pointer is not the one of their last pond commit: other engines wrote
  /// them.
  Result<std::vector<TableName>> Unrecorded();

  Result<std::vector<PondRef>> Refs();
  /// Tags the commit at `ref`; kAlreadyExists where the name is taken. Also sets an Iceberg tag of
  /// that name in each table, so that other engines see it and do not expire the snapshot.
  Result<PondRef> CreateTag(const std::string& name, const std::string& ref,
                            const std::string& author, const std::string& message);
  Status DeleteTag(const std::string& name);

 private:
  std::shared_ptr<Catalog> catalog_;
};

}  // namespace millpond::table
