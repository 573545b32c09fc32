// Parquet footers as manifest statistics; see the header.
#include "table/file_statistics.h"

#include <arrow/api.h>
#include <arrow/compute/cast.h>
#include <parquet/arrow/reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <map>
#include <utility>

#include "table/bounds.h"
#include "table/scalar_order.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

using ScalarPtr = std::shared_ptr<arrow::Scalar>;

/// Bounds of one column over its row groups; lost for good where one group states none.
struct Range {
  ScalarPtr lower, upper;
  bool known = true;

  void Add(const parquet::Statistics& statistics) {
    ScalarPtr low, high;
    if (!parquet::arrow::StatisticsAsScalars(statistics, &low, &high).ok()) {
      known = false;
      return;
    }
    if (lower == nullptr) {
      lower = std::move(low);
      upper = std::move(high);
      return;
    }
    const auto below = CompareScalars(*low, *lower);
    const auto above = CompareScalars(*high, *upper);
    known = known && below && above;
    if (!known) return;
    if (*below < 0) lower = std::move(low);
    if (*above > 0) upper = std::move(high);
  }
};

Status AddBounds(const Range& range, const arrow::Field& field, int32_t id, DataFile* file) {
  if (!range.known || range.lower == nullptr) return Status::OK();
  // What the footer knows as bytes or a plain integer takes the column's own type.
  ARROW_ASSIGN_OR_RAISE(auto lower, arrow::compute::Cast(range.lower, field.type()));
  ARROW_ASSIGN_OR_RAISE(auto upper, arrow::compute::Cast(range.upper, field.type()));
  ARROW_ASSIGN_OR_RAISE(auto low, EncodeBound(*lower.scalar(), BoundSide::kLower));
  ARROW_ASSIGN_OR_RAISE(auto high, EncodeBound(*upper.scalar(), BoundSide::kUpper));
  if (low) file->lower_bounds[id] = *std::move(low);
  if (high) file->upper_bounds[id] = *std::move(high);
  return Status::OK();
}

struct Column {
  int64_t size = 0, values = 0, nulls = 0;
  bool nulls_known = true;
  Range range;
};

void AddChunk(const parquet::ColumnChunkMetaData& chunk, Column* column) {
  column->size += chunk.total_compressed_size();
  column->values += chunk.num_values();
  const auto statistics = chunk.statistics();
  if (statistics == nullptr || !statistics->HasNullCount()) {
    column->nulls_known = false;
    column->range.known = false;
    return;
  }
  column->nulls += statistics->null_count();
  if (statistics->HasMinMax()) {
    column->range.Add(*statistics);
  } else if (statistics->null_count() < chunk.num_values()) {
    column->range.known = false;
  }
}

int64_t OffsetOf(const parquet::RowGroupMetaData& group) {
  const auto first = group.ColumnChunk(0);
  return first->has_dictionary_page()
             ? std::min(first->dictionary_page_offset(), first->data_page_offset())
             : first->data_page_offset();
}

}  // namespace

ColumnUse ColumnUseOf(const parquet::ColumnDescriptor& column) {
  const bool in_list = column.max_repetition_level() > 0;
  const auto& logical = column.logical_type();
  const bool plain_bytes = logical == nullptr || logical->is_none();
  switch (column.physical_type()) {
    case parquet::Type::FLOAT:
    case parquet::Type::DOUBLE:
      return in_list ? ColumnUse::kVector : ColumnUse::kPlain;
    case parquet::Type::FIXED_LEN_BYTE_ARRAY:
      return plain_bytes ? ColumnUse::kVector : ColumnUse::kPlain;
    case parquet::Type::BYTE_ARRAY:
      return plain_bytes ? ColumnUse::kBlob : ColumnUse::kPlain;
    default:
      return ColumnUse::kPlain;
  }
}

Result<DataFile> DescribeDataFile(const parquet::FileMetaData& metadata,
                                  const arrow::Schema& schema) {
  DataFile file;
  file.record_count = metadata.num_rows();
  std::map<int32_t, const arrow::Field*> top_level;
  for (const auto& field : schema.fields()) {
    if (arrow::is_nested(field->type()->id())) continue;
    if (auto id = FieldIdOf(*field)) top_level[*id] = field.get();
  }
  std::map<int32_t, Column> columns;
  for (int g = 0; g < metadata.num_row_groups(); ++g) {
    const auto group = metadata.RowGroup(g);
    file.split_offsets.push_back(OffsetOf(*group));
    for (int c = 0; c < group->num_columns(); ++c) {
      const int32_t id = metadata.schema()->Column(c)->schema_node()->field_id();
      AddChunk(*group->ColumnChunk(c), &columns[id]);
    }
  }
  for (const auto& [id, column] : columns) {
    file.column_sizes[id] = column.size;
    file.value_counts[id] = column.values;
    if (column.nulls_known) file.null_counts[id] = column.nulls;
    auto field = top_level.find(id);
    if (field == top_level.end()) continue;
    ARROW_RETURN_NOT_OK(AddBounds(column.range, *field->second, id, &file));
  }
  return file;
}

}  // namespace millpond::table
