// What a merge does to sync cursors: where only the merged side read a source further, its position
// comes along with its rows, so that the next sync does not read them again. Used by commit.
#pragma once

#include <optional>

#include "base/error.h"
#include "ledger/ledger.h"
#include "table/history.h"

namespace millpond::table {

/// Adds the rows of source_cursor that `merge`, a commit with a merge parent after `head`, takes
/// over. Where both sides read one source since their merge base, the branch's own position stays.
Status AddMergedCursors(ledger::Ledger& ledger, const std::optional<PondCommit>& head,
                        const PondCommit& merge, ledger::Transaction* transaction);

}  // namespace millpond::table
