// Moving refs without a commit: one ledger transaction over pond_ref and the metadata pointers of
// the tables that show the ref, tried again while tables move under it. Used by tags and branches.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/ledger.h"
#include "table/blob_batch.h"
#include "table/catalog.h"
#include "table/table_folder.h"

namespace millpond::table {

/// One attempt: the ledger changes and the metadata files they point to.
struct RefAttempt {
  ledger::Transaction transaction;
  std::vector<WrittenMetadata> written;
  BlobBatch blobs;

  /// Points the catalog from `stored` to `next`.
  Status Swap(const Table& stored, TableMetadata next);
  /// Puts a table into the catalog that it lacks; `base`: the metadata it goes on from.
  Status Add(const Table& base, TableMetadata next);
  /// Takes `stored` out of the catalog. Its last metadata stays known, so that commits of the past
  /// can still be read.
  void Retire(const Table& stored);
};

/// Runs `build` and applies what it made, again and again while tables or refs move under it.
/// `build` itself reports what cannot be.
Status LandRefs(Catalog& catalog, const std::function<Status(RefAttempt*)>& build);

}  // namespace millpond::table
