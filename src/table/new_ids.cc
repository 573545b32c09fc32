// See the header.
#include "table/new_ids.h"

#include <arrow/api.h>
#include <arrow/compute/cast.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "table/bounds.h"
#include "table/manifest_cache.h"
#include "table/row_deletes.h"
#include "table/scan_plan.h"

namespace millpond::table {
namespace {

// 512 MiB of numbers.
constexpr int64_t kIdsMost = int64_t{1} << 26;

struct Range {
  int64_t low = std::numeric_limits<int64_t>::min();
  int64_t high = std::numeric_limits<int64_t>::max();
  bool Overlaps(const Range& other) const { return low <= other.high && other.low <= high; }
};

// Everything, where the file does not state it.
Result<Range> RangeOf(const DataFile& file, int32_t field_id) {
  const auto low = file.lower_bounds.find(field_id);
  const auto high = file.upper_bounds.find(field_id);
  if (low == file.lower_bounds.end() || high == file.upper_bounds.end()) return Range{};
  ARROW_ASSIGN_OR_RAISE(auto first, DecodeBound(low->second, arrow::int64()));
  ARROW_ASSIGN_OR_RAISE(auto last, DecodeBound(high->second, arrow::int64()));
  return Range{static_cast<const arrow::Int64Scalar&>(*first).value,
               static_cast<const arrow::Int64Scalar&>(*last).value};
}

// The file's leaf column; by name where another engine wrote no field ids.
Result<int> ColumnOf(const parquet::FileMetaData& metadata, int32_t field_id,
                     const std::string& uri) {
  int named = -1;
  for (int i = 0; i < metadata.schema()->num_columns(); ++i) {
    const auto& node = *metadata.schema()->Column(i)->schema_node();
    if (node.parent()->parent() != nullptr) continue;
    if (node.field_id() == field_id) return i;
    if (node.name() == kSampleId) named = i;
  }
  if (named >= 0) return named;
  return base::Invalid("{} has no column {}, so its rows cannot be told apart", uri, kSampleId);
}

// Calls `visit(position, id)` for each row of the file that has one.
template <class Visit>
Status VisitIds(store::BlobStore& store, const DataFile& file, int32_t field_id, Visit visit) {
  ARROW_ASSIGN_OR_RAISE(std::string path, store.PathOf(file.uri));
  ARROW_ASSIGN_OR_RAISE(auto input, store.OpenRead(path));
  try {
    ARROW_ASSIGN_OR_RAISE(auto reader,
                          parquet::arrow::OpenFile(input, arrow::default_memory_pool()));
    ARROW_ASSIGN_OR_RAISE(const int column,
                          ColumnOf(*reader->parquet_reader()->metadata(), field_id, file.uri));
    int64_t position = 0;
    for (int group = 0; group < reader->num_row_groups(); ++group) {
      std::shared_ptr<arrow::Table> rows;
      ARROW_RETURN_NOT_OK(reader->RowGroup(group)->ReadTable({column}, &rows));
      for (const auto& chunk : rows->column(0)->chunks()) {
        ARROW_ASSIGN_OR_RAISE(auto cast, arrow::compute::Cast(*chunk, arrow::int64()));
        const auto& ids = static_cast<const arrow::Int64Array&>(*cast);
        for (int64_t i = 0; i < ids.length(); ++i, ++position) {
          if (ids.IsValid(i)) ARROW_RETURN_NOT_OK(visit(position, ids.Value(i)));
        }
      }
    }
  } catch (const std::exception& error) {
    return base::Corrupt("{}: {}", file.uri, error.what());
  }
  return Status::OK();
}

Status GivenTwice(const TableName& name, int64_t id, const char* where) {
  return base::Invalid(
      "{}: {} {} {}; it names a row for good. Leave the column out, and new rows are numbered, or "
      "give numbers that no row has",
      name.ToString(), kSampleId, id, where);
}

class NewIds {
 public:
  NewIds(Catalog* catalog, const TableName& name, int32_t field_id)
      : catalog_(*catalog), name_(name), field_id_(field_id) {}

  Status Add(const DataFile& file) {
    ARROW_ASSIGN_OR_RAISE(Range range, RangeOf(file, field_id_));
    for (const Range& other : ranges_) ordered_ = ordered_ && !range.Overlaps(other);
    ordered_ = ordered_ && file.ids_ascend;
    ranges_.push_back(range);
    files_.push_back(&file);
    return Status::OK();
  }

  Status Check(const std::optional<Table>& table) {
    if (!ordered_) ARROW_RETURN_NOT_OK(Read());
    if (!table || !table->metadata->current_snapshot_id) return Status::OK();
    TableVersion version;
    version.table = *table;
    version.snapshot_id = table->metadata->current_snapshot_id;
    version.schema = table->metadata->schema().arrow;
    version.schema_id = table->metadata->current_schema_id;
    ManifestCache manifests(&catalog_.store(), 0);
    ARROW_ASSIGN_OR_RAISE(ScanPlan plan, PlanScan(manifests, version, {}));
    // The caller outlives the check.
    const std::shared_ptr<Catalog> borrowed(std::shared_ptr<void>(), &catalog_);
    const RowDeletes deletes(borrowed, plan);
    for (size_t at = 0; at < plan.files.size(); ++at) {
      const DataFile& file = plan.files[at].file;
      ARROW_ASSIGN_OR_RAISE(const Range range, RangeOf(file, field_id_));
      const auto overlaps = [&](const Range& one) { return one.Overlaps(range); };
      if (std::none_of(ranges_.begin(), ranges_.end(), overlaps)) continue;
      ARROW_RETURN_NOT_OK(Compare(file, deletes, at));
    }
    return Status::OK();
  }

 private:
  // All numbers, sorted; refuses one that is there twice.
  Status Read() {
    int64_t rows = 0;
    for (const DataFile* file : files_) rows += file->record_count;
    if (rows > kIdsMost) {
      return base::Exhausted(
          "{}: {} rows bring a {} out of order, and at most {} are compared at once; sort them by "
          "it, or bring them in parts",
          name_.ToString(), rows, kSampleId, kIdsMost);
    }
    ids_.reserve(static_cast<size_t>(rows));
    for (const DataFile* file : files_) {
      ARROW_RETURN_NOT_OK(VisitIds(catalog_.store(), *file, field_id_, [&](int64_t, int64_t id) {
        ids_.push_back(id);
        return Status::OK();
      }));
    }
    std::sort(ids_.begin(), ids_.end());
    const auto twice = std::adjacent_find(ids_.begin(), ids_.end());
    if (twice != ids_.end()) return GivenTwice(name_, *twice, "is given to two rows");
    return Status::OK();
  }

  Status Compare(const DataFile& file, const RowDeletes& deletes, size_t at) {
    if (ids_.empty()) ARROW_RETURN_NOT_OK(Read());
    return VisitIds(catalog_.store(), file, field_id_, [&](int64_t position, int64_t id) -> Status {
      if (!std::binary_search(ids_.begin(), ids_.end(), id)) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(const RowPositions* deleted, deletes.Of(at));
      if (deleted != nullptr && deleted->Contains(position)) return Status::OK();
      return GivenTwice(name_, id, "is in the table already");
    });
  }

  Catalog& catalog_;
  const TableName& name_;
  const int32_t field_id_;
  std::vector<const DataFile*> files_;
  std::vector<Range> ranges_;  // Of files_.
  bool ordered_ = true;        // No number can be there twice among files_.
  std::vector<int64_t> ids_;   // Sorted; empty until they are needed.
};

}  // namespace

Status CheckNewIds(Catalog& catalog, const TableName& name, const Schema& schema,
                   const std::optional<Table>& table, const std::vector<DataFile>& files) {
  const auto field = schema.arrow->GetFieldByName(std::string(kSampleId));
  if (field == nullptr || !FieldIdOf(*field)) return Status::OK();
  if (schema.identifier_field_ids != std::vector<int32_t>{*FieldIdOf(*field)}) return Status::OK();
  NewIds ids(&catalog, name, *FieldIdOf(*field));
  bool any = false;
  for (const DataFile& file : files) {
    if (!file.brings_ids) continue;
    any = true;
    ARROW_RETURN_NOT_OK(ids.Add(file));
  }
  return any ? ids.Check(table) : Status::OK();
}

}  // namespace millpond::table
