// The ledger as a whole: where it is, moving it between SQLite and PostgreSQL, backup and restore.
// These work on a pond that is not opened, because its ledger may be moving or damaged.
#pragma once

#include <string>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"

namespace millpond::api {

/// {"pond", "kind", "ledger", "version", "moving_to"}; moving_to is null for a living ledger.
Result<base::Json> ShowLedger(const OpenOptions& options);

/// Moves the pond's ledger to `target`: a postgresql:// URL, or "sqlite" for ledger.db of the pond.
/// Writers meanwhile fail cleanly. Every row is compared before millpond.toml is switched in one
/// step; a move that was interrupted goes on when it is called again. kInvalid where the setting
/// comes from the environment or a flag, which would win over the file. {"from", "to", "rows"}
Result<base::Json> MoveLedger(const OpenOptions& options, const std::string& target,
                              const base::Context& context);

/// Lets the ledger of an interrupted move be written again.
Status AbandonLedgerMove(const OpenOptions& options);

/// Writes one consistent state to a new SQLite file while the pond is in use. {"file", "rows"}
Result<base::Json> BackUpLedger(const OpenOptions& options, const std::string& file,
                                const base::Context& context);

/// Brings a backup back in one transaction; what the ledger held is gone. Tables whose metadata
/// file of then has been trimmed since are set back in a successor of a later one. No file of truth
/// is removed: data that only newer commits named is found by doctor. {"file", "rows"} and what
/// RepairTables reports.
Result<base::Json> RestoreLedger(const OpenOptions& options, const std::string& file,
                                 const base::Context& context);

}  // namespace millpond::api
