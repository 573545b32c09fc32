// How far a sync has read, as a ledger row, and what changed between two cursors. Used by sync.
// A row belongs to the commit whose rows it speaks of, so that every branch goes on where its own
// rows end. Its text is {"source": the source's own cursor, "options": hash of what shapes the
// rows}, or empty where it is so old that it was forgotten.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "ledger/ledger.h"
#include "source/source.h"
#include "table/commit_path.h"
#include "table/table_name.h"

namespace millpond::ingest {

struct SyncCursor {
  base::Json position;       ///< The source's cursor; null where there was no sync yet.
  std::string options_hash;  ///< Of the options it was read with.
  bool forgotten = false;    ///< There was a sync, but how far it read is no longer kept.
  std::optional<table::LanePoint> at = {};  ///< The commit that it belongs to.
};

/// Which rows of the ledger: of one source, stream and table.
struct CursorKey {
  std::string source, stream;
  table::TableName table;
};

/// The newest cursor on the path that ends at `head`.
Result<SyncCursor> CursorAt(ledger::Ledger& ledger, const CursorKey& key,
                            const table::LanePoint& head);

/// How far a sync read, and where it began.
struct CursorMove {
  CursorKey key;
  SyncCursor before, after;
};

/// Keeps the cursors for the commit `at` that has the rows, and forgets those that are many commits
/// older. kConflict where one on the path of its parent is not what the sync began with: another
/// sync has read the same rows, and both sets must not land.
Result<ledger::Transaction> SaveMoves(ledger::Ledger& ledger, const std::vector<CursorMove>& moves,
                                      const table::LanePoint& parent, const table::LanePoint& at);
/// For a sync that found no rows: later ones need not look there again. Says nothing of cursors
/// that another sync moved meanwhile, which is further.
Result<ledger::Transaction> SaveWithoutRows(ledger::Ledger& ledger,
                                            const std::vector<CursorMove>& moves,
                                            const table::LanePoint& head);

/// Hash of the options that decide what rows a source gives.
std::string HashOptions(const source::SourceOptions& options);

/// What was read between two positions of a source of files.
struct FilesRead {
  int64_t read = 0, skipped = 0, bytes = 0;
  base::Json inputs = base::Json::array();  ///< [{"file", "size", "hash"}]: for the commit.
};

/// Zero where the positions do not speak of files. Of very many files the inputs name the first
/// 1000 and end with {"files": how many, "hash": of all their names and hashes}.
FilesRead CompareFiles(const base::Json& before, const base::Json& after);

}  // namespace millpond::ingest
