#include "api/live_rows.h"

#include "base/text.h"
#include "query/result_rows.h"
#include "table/snapshot_summary.h"

namespace millpond::api {

using base::Json;
using table::TotalIn;

Result<Json> LiveRows(Pond& pond, const table::TableVersion& version,
                      const base::Context& context) {
  if (!version.snapshot_id) return Json(0);
  const auto* snapshot = version.table.metadata->SnapshotById(*version.snapshot_id);
  if (snapshot == nullptr) return Json(0);
  const auto records = TotalIn(*snapshot, "total-records");
  if (TotalIn(*snapshot, "total-delete-files").value_or(0) == 0) {
    return records ? Json(*records) : Json(nullptr);
  }
  // Deletes may name a row twice, or rows of files that are gone: only a count is exact.
  const auto& name = version.table.name;
  const std::string sql =
      fmt::format("SELECT count(*) FROM {}.{} AT SNAPSHOT {}", base::QuoteIdentifier(name.space),
                  base::QuoteIdentifier(name.name), *version.snapshot_id);
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  const auto rows = query::RowsOf(*session, sql, {}, context);
  if (rows.ok()) return rows->at(0).at(0);
  if (base::KindOf(rows.status()) == base::ErrorKind::kCancelled) return rows.status();
  // Dropped since, or in a form that only others read.
  if (TotalIn(*snapshot, "total-equality-deletes").value_or(1) > 0) return Json(nullptr);
  const auto left = table::RowsOf(*snapshot);
  return left ? Json(*left) : Json(nullptr);
}

}  // namespace millpond::api
