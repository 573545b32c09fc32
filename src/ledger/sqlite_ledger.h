// The default ledger: one SQLite file in WAL mode, foreign keys on, synchronous=FULL. PyIceberg and
// Spark open the same file beside us, so the process must use the system's shared libsqlite3 (two
// SQLite copies in one process would drop each other's locks).
#pragma once

#include <memory>
#include <string>

#include "ledger/ledger.h"

namespace millpond::ledger {

enum class OpenMode { kCreate, kExisting };

/// kCreate makes the file and brings it to the latest version (kAlreadyExists where the file
/// exists); kExisting migrates forward, and refuses a version newer than it knows as kInvalid
/// ("made by a newer Millpond"). `busy_ms`: how long to wait for another writer.
Result<std::shared_ptr<Ledger>> OpenSqliteLedger(const std::string& path, OpenMode mode,
                                                 int busy_ms = 30000);

/// The schema version that this build writes.
int64_t LatestVersion();

}  // namespace millpond::ledger
