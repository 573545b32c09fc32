// How far a sync has read, as a ledger row, and what changed between two cursors. Used by sync.
// The row's text is {"source": the source's own cursor, "options": hash of what shapes the rows}.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "ledger/ledger.h"
#include "source/source.h"
#include "table/table_name.h"

namespace millpond::ingest {

struct SyncCursor {
  base::Json position;       ///< The source's cursor; null where there was no sync yet.
  std::string options_hash;  ///< Of the options it was read with.
};

/// Which row of the ledger: one per source, stream and table.
struct CursorKey {
  std::string source, stream;
  table::TableName table;
};

Result<SyncCursor> LoadCursor(ledger::Ledger& ledger, const CursorKey& key);
ledger::Transaction SaveCursor(const CursorKey& key, const SyncCursor& cursor);

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
