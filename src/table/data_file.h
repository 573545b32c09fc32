// One immutable data file and what its manifest entry says of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace millpond::table {

struct DataFile {
  std::string uri;  ///< file:///…/data/x.parquet
  std::string format = "PARQUET";
  int64_t record_count = 0;
  int64_t size = 0;  ///< Bytes.
  std::map<int32_t, int64_t> column_sizes, value_counts, null_counts, nan_counts;
  std::map<int32_t, std::string> lower_bounds,
      upper_bounds;  ///< Iceberg single-value binary form, by field id.
  std::vector<int64_t> split_offsets;
  std::optional<int32_t> sort_order_id;
  std::vector<int32_t> equality_ids;  ///< Of an equality delete file: the columns that it compares.
  std::optional<std::string>
      referenced_data_file;  ///< Of deletes that apply to one data file only.
  std::optional<int64_t> content_offset,
      content_size;                     ///< Of a deletion vector: its blob in the Puffin file.
  std::optional<int64_t> first_row_id;  ///< v3: the `_row_id` of row 0 where the file states none.

  // Of files that a writer just made; manifests do not keep these.
  bool brings_ids = false;  ///< New rows came with a sample_id of their own.
  bool ids_ascend = false;  ///< All of them strictly, and no row without one is among them.
};

}  // namespace millpond::table
