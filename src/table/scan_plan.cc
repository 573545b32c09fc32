// Plans scans: manifests to files, less those whose bounds say that no wanted row is in them. Where
// anything is unknown a file stays.
#include "table/scan_plan.h"

#include <arrow/api.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "table/bounds.h"
#include "table/scalar_order.h"
#include "table/schema.h"
#include "table/snapshot_files.h"

namespace millpond::table {
namespace {

/// A predicate over a column that has statistics.
struct Test {
  int32_t field_id;
  std::shared_ptr<arrow::DataType> type;
  Comparison op;
  std::shared_ptr<arrow::Scalar> value;
};

template <class Map>
std::optional<typename Map::mapped_type> Find(const Map& map, int32_t id) {
  auto found = map.find(id);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

// Nested columns have leaves with statistics but none of their own; unknown columns are the query's
// to refuse.
std::vector<Test> TestsFor(const arrow::Schema& schema, const std::vector<Predicate>& predicates) {
  std::vector<Test> tests;
  for (const Predicate& predicate : predicates) {
    auto field = schema.GetFieldByName(predicate.column);
    if (field == nullptr || arrow::is_nested(field->type()->id())) continue;
    auto id = FieldIdOf(*field);
    if (!id) continue;
    const bool compares =
        predicate.op != Comparison::kIsNull && predicate.op != Comparison::kIsNotNull;
    if (compares && (predicate.value == nullptr || !predicate.value->is_valid)) continue;
    tests.push_back({*id, field->type(), predicate.op, predicate.value});
  }
  return tests;
}

// NaN passes "greater" in some engines, and bounds leave it out.
bool MayHoldNan(const DataFile& file, const Test& test) {
  if (!arrow::is_floating(test.type->id())) return false;
  return Find(file.nan_counts, test.field_id).value_or(1) > 0;
}

/// The order of a bound and the tested value; nullopt where there is no bound or no order.
std::optional<std::strong_ordering> OrderOf(const std::map<int32_t, std::string>& bounds,
                                            const Test& test) {
  auto bytes = bounds.find(test.field_id);
  if (bytes == bounds.end()) return std::nullopt;
  auto bound = DecodeBound(bytes->second, test.type);
  if (!bound.ok()) return std::nullopt;
  return CompareScalars(**bound, *test.value);
}

// Only where bounds cannot have been cut do equal ones mean that all values are that one.
bool HasWholeBounds(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || arrow::is_temporal(type.id()) ||
         arrow::is_decimal(type.id()) || type.id() == arrow::Type::BOOL;
}

bool MayMatch(const DataFile& file, const Test& test) {
  const auto nulls = Find(file.null_counts, test.field_id);
  const auto values = Find(file.value_counts, test.field_id);
  const bool all_null = nulls && values && *nulls == *values;
  if (test.op == Comparison::kIsNull) return !nulls || *nulls > 0;
  if (all_null) return false;  // Comparisons with null hold for no row.
  if (test.op == Comparison::kIsNotNull) return true;
  const auto lower = OrderOf(file.lower_bounds, test);
  const auto upper = OrderOf(file.upper_bounds, test);
  switch (test.op) {
    case Comparison::kEqual:
      return !(lower && *lower > 0) && !(upper && *upper < 0);
    case Comparison::kNotEqual:
      return !(lower && upper && *lower == 0 && *upper == 0 && HasWholeBounds(*test.type));
    case Comparison::kLess:
      return !(lower && *lower >= 0);
    case Comparison::kLessEqual:
      return !(lower && *lower > 0);
    case Comparison::kGreater:
      return !(upper && *upper <= 0) || MayHoldNan(file, test);
    case Comparison::kGreaterEqual:
      return !(upper && *upper < 0) || MayHoldNan(file, test);
    case Comparison::kIsNull:
    case Comparison::kIsNotNull:
      break;
  }
  return true;
}

std::string LocalPath(const std::string& uri) {
  if (uri.starts_with("file:///")) return uri.substr(sizeof("file://") - 1);
  if (uri.starts_with("file:/")) return uri.substr(sizeof("file:") - 1);
  return uri;
}

/// Which schema the files of a manifest were written with; -1 where its writer cannot be relied on:
/// a manifest that another engine rewrote carries the schema of that moment for older files too.
int32_t SchemaIdOf(const TableMetadata& metadata, const ManifestFile& file,
                   const Manifest& manifest, const ManifestEntry& entry) {
  if (metadata.schemas.size() == 1 || entry.status == EntryStatus::kAdded) {
    return manifest.schema_id;
  }
  const Snapshot* writer = metadata.SnapshotById(file.added_snapshot_id);
  const bool ours = writer != nullptr && writer->summary.contains("millpond.commit-id");
  return ours ? manifest.schema_id : -1;
}

Status CheckReadable(const std::string& table, const DataFile& file) {
  if (file.format == "PARQUET") return Status::OK();
  return base::Invalid("{} has data files in {} ({}); Millpond reads Parquet only", table,
                       file.format, file.uri);
}

struct Found {
  ScanFile file;
  int64_t sequence;
};

Status CollectFiles(Catalog& catalog, const TableVersion& version, const ManifestFile& file,
                    const std::vector<Test>& tests, ScanPlan* plan, std::vector<Found>* found) {
  const std::string name = version.table.name.ToString();
  ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(catalog.store(), file));
  for (ManifestEntry& entry : manifest.entries) {
    if (entry.status == EntryStatus::kDeleted) continue;
    if (entry.content != 0) {
      return base::Invalid(
          "{} has row-level deletes (made by another engine), which Millpond does not apply yet; "
          "compact it there first (Spark: CALL system.rewrite_data_files)",
          name);
    }
    ARROW_RETURN_NOT_OK(CheckReadable(name, entry.file));
    ++plan->files_total;
    const bool wanted = std::all_of(tests.begin(), tests.end(),
                                    [&](const Test& test) { return MayMatch(entry.file, test); });
    if (!wanted) continue;
    Found one;
    one.sequence = entry.sequence_number.value_or(0);
    one.file.schema_id = SchemaIdOf(*version.table.metadata, file, manifest, entry);
    one.file.path = LocalPath(entry.file.uri);
    one.file.file = std::move(entry.file);
    found->push_back(std::move(one));
  }
  return Status::OK();
}

// The id of the schema that a version is read with.
int32_t ReadSchemaId(const TableVersion& version) {
  for (const Schema& schema : version.table.metadata->schemas) {
    if (schema.arrow == version.schema) return schema.id;
  }
  return version.table.metadata->current_schema_id;
}

}  // namespace

Result<ScanPlan> PlanScan(Catalog& catalog, const TableVersion& version,
                          const std::vector<Predicate>& predicates) {
  ScanPlan plan;
  plan.schema = version.schema;
  if (!version.snapshot_id) return plan;
  const Snapshot* snapshot = version.table.metadata->SnapshotById(*version.snapshot_id);
  if (snapshot == nullptr) {
    return base::NotFound("{} has no snapshot {}; another engine may have expired it",
                          version.table.name.ToString(), *version.snapshot_id);
  }
  const std::vector<Test> tests = TestsFor(*version.schema, predicates);
  std::vector<Found> found;
  auto collect = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto list, LoadManifestList(catalog.store(), *snapshot));
    for (const ManifestFile& file : list) {
      if (!file.MayHaveLiveFiles()) continue;
      ARROW_RETURN_NOT_OK(CollectFiles(catalog, version, file, tests, &plan, &found));
    }
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(base::WithContext(version.table.name.ToString(), collect()));
  // Merged manifests keep the order of their parts, so this is the order of commits whatever was
  // merged since.
  std::stable_sort(found.begin(), found.end(),
                   [](const Found& a, const Found& b) { return a.sequence < b.sequence; });
  const int32_t schema_id = ReadSchemaId(version);
  for (Found& one : found) {
    plan.records += one.file.file.record_count;
    plan.same_schema = plan.same_schema && one.file.schema_id == schema_id;
    plan.files.push_back(std::move(one.file));
  }
  return plan;
}

}  // namespace millpond::table
