// Landing what moves refs; see the header.
#include "table/ref_landing.h"

#include <chrono>
#include <utility>

#include "table/history_rows.h"
#include "table/retry.h"

namespace millpond::table {
namespace {

using ledger::Compare;

constexpr std::chrono::seconds kRetryBudget{30};

void Discard(Catalog& catalog, const RefAttempt& attempt) {
  for (const WrittenMetadata& written : attempt.written) {
    DeleteQuietly(catalog.store(), {written.table.metadata_location});
  }
}

}  // namespace

Status RefAttempt::Swap(const Table& stored, TableMetadata next) {
  ARROW_ASSIGN_OR_RAISE(WrittenMetadata made,
                        WriteMetadata(&stored, stored.name, std::move(next), &blobs));
  ledger::Conditions row = CatalogKey(stored.name);
  row.push_back({"metadata_location", Compare::kEqual, stored.metadata_location});
  transaction.Update("iceberg_tables",
                     {{"metadata_location", made.table.metadata_location},
                      {"previous_metadata_location", stored.metadata_location}},
                     row, 1, stored.name.ToString() + " changed meanwhile");
  written.push_back(std::move(made));
  return Status::OK();
}

Status RefAttempt::Add(const Table& base, TableMetadata next) {
  ARROW_ASSIGN_OR_RAISE(WrittenMetadata made,
                        WriteMetadata(&base, base.name, std::move(next), &blobs));
  AddCatalogRow(base.name, made.table.metadata_location,
                base.name.ToString() + " changed meanwhile", &transaction);
  written.push_back(std::move(made));
  return Status::OK();
}

void RefAttempt::Retire(const Table& stored) {
  ledger::Conditions row = CatalogKey(stored.name);
  row.push_back({"metadata_location", Compare::kEqual, stored.metadata_location});
  transaction.Delete("iceberg_tables", row, 1, stored.name.ToString() + " changed meanwhile");
  transaction.Upsert("pond_retired_table", {{"table_namespace", stored.name.space},
                                            {"table_name", stored.name.name},
                                            {"metadata_location", stored.metadata_location}});
}

Status LandRefs(Catalog& catalog, const std::function<Status(RefAttempt*)>& build) {
  const base::Context context;
  Retry retry(kRetryBudget);
  while (true) {
    RefAttempt attempt;
    Status built = build(&attempt);
    if (built.ok()) built = attempt.blobs.Write(catalog.store());
    if (!built.ok()) {
      Discard(catalog, attempt);
      return built;
    }
    Status landed = catalog.ledger().Apply(attempt.transaction);
    if (landed.ok()) {
      for (const WrittenMetadata& written : attempt.written) {
        catalog.Remember(written.table.metadata_location, written.table.metadata);
        DeleteQuietly(catalog.store(), written.expired);
      }
      return landed;
    }
    // After any other error the transaction may have landed: what it points to must stay.
    if (!LostRace(landed)) return landed;
    Discard(catalog, attempt);
    ARROW_RETURN_NOT_OK(retry.Wait(landed, context));
  }
}

}  // namespace millpond::table
