// Brings what is new at a source into tables: one call of Sync is at most one pond commit, with the
// rows, the refused rows and the cursor in it. Driven by api/ (`millpond sync`). Reading and
// writing run side by side with a bounded queue between them; memory does not grow with the data.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "source/source.h"
#include "table/catalog.h"
#include "table/history.h"

namespace millpond::ingest {

enum class Disposition {
  kAppend,   ///< Adds what is new since the last sync of this source into this table.
  kReplace,  ///< Where anything is new, reads everything and replaces the table's rows.
};

struct SyncRequest {
  std::string url;  ///< What OpenSource takes: a path, glob, folder or URL.
  /// Name of the table ("shop.orders"), or a namespace with its dot ("shop."); empty or a
  /// namespace: named after the stream.
  std::string table;
  source::SourceOptions source;  ///< `expected_schema` and `cursor` are filled in by Sync.
  Disposition disposition = Disposition::kAppend;
  /// Columns that name a row at the source; rows with a null there are rejected. Kept as the
  /// table's property millpond.key; a later sync must name the same ones or none.
  std::vector<std::string> key;
  bool evolve = true;  ///< Add columns and widen types where the data asks for it; else kInvalid.
  std::string branch = table::kMainBranch;  ///< Where the rows land, with a cursor of its own.
  std::string author;
  std::string message;  ///< Empty: "sync <url>".
  std::optional<std::string> idempotency_key;
};

struct SyncedTable {
  std::string stream;
  table::TableName table;
  bool created = false;
  int64_t rows = 0, rejects = 0;
  int64_t bytes = 0;                          ///< Of the files read; 0 where the source cannot say.
  int64_t files_read = 0, files_skipped = 0;  ///< Skipped: unchanged since the last sync.
  std::optional<int64_t> snapshot;            ///< After the sync; none: no rows landed.
  std::vector<std::string> columns_changed;   ///< Added or widened: "price: int64 -> double".
  std::optional<table::TableName> rejects_table;  ///< Where rejects of this sync are kept.
  double seconds = 0;
  base::Json source_report;  ///< StreamInfo::report.
};

struct SyncReport {
  std::vector<SyncedTable> tables;
  std::optional<table::PondCommit> commit;  ///< None: nothing was new.
  double seconds = 0;
};

/// Syncs every stream of the source. Where `request.table` names a table, the source must have one
/// stream. A file that was read before and has changed since is refused under kAppend (its rows
/// would be repeated). On any failure nothing has changed.
Result<SyncReport> Sync(std::shared_ptr<table::Catalog> catalog, const SyncRequest& request,
                        const base::Context& context);

base::Json ToJson(const SyncReport& report);

}  // namespace millpond::ingest
