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
/// exists); it is built aside and gets its name when it is whole, so that a crash leaves at worst a
/// `<path>.new-<uuid>`, which the next call in either mode removes. kExisting migrates forward, and
/// refuses a version newer than it knows as kInvalid ("made by a newer Millpond"), a missing file
/// as kNotFound and one that is not a ledger as kCorrupt. `busy_ms`: how long to wait for another
/// writer. Safe across fork(): connections are closed before one and opened anew after it, on both
/// sides.
Result<std::shared_ptr<Ledger>> OpenSqliteLedger(const std::string& path, OpenMode mode,
                                                 int busy_ms = 30000);

}  // namespace millpond::ledger
