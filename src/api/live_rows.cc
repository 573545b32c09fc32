#include "api/live_rows.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "query/result_rows.h"

namespace millpond::api {
namespace {

using base::Json;

std::optional<int64_t> TotalIn(const table::Snapshot& snapshot, const char* key) {
  const auto found = snapshot.summary.find(key);
  if (found == snapshot.summary.end()) return std::nullopt;
  int64_t total = 0;
  const char* end = found->second.data() + found->second.size();
  const auto parsed = std::from_chars(found->second.data(), end, total);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return total;
}

}  // namespace

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
  const auto deleted = TotalIn(*snapshot, "total-position-deletes");
  const bool known = records && deleted && TotalIn(*snapshot, "total-equality-deletes") == 0;
  return known ? Json(std::max<int64_t>(0, *records - *deleted)) : Json(nullptr);
}

}  // namespace millpond::api
