// Matching deletes to data; see the header.
#include "table/delete_index.h"

#include <algorithm>
#include <utility>

#include "table/position_deletes.h"

namespace millpond::table {
namespace {

// By their bounds, whether position deletes may name the file. A bound that was cut may stand
// before or above what it bounds.
bool MayName(const DataFile& deletes, const std::string& uri) {
  const auto lower = deletes.lower_bounds.find(kDeletePathId);
  const auto upper = deletes.upper_bounds.find(kDeletePathId);
  if (lower != deletes.lower_bounds.end() && uri < lower->second) return false;
  return upper == deletes.upper_bounds.end() || uri <= upper->second ||
         uri.starts_with(upper->second);
}

}  // namespace

Status DeleteIndex::Add(DeleteFile file) {
  const size_t at = files_.size();
  const DataFile& data = file.file;
  const bool vector = data.format == "PUFFIN" && !file.is_equality;
  if (!vector && data.format != "PARQUET") {
    return base::Invalid(
        "row-level deletes in {} ({}): Millpond reads Parquet and deletion vectors only; compact "
        "the "
        "table in the engine that made it",
        data.format, data.uri);
  }
  if (file.is_equality) {
    if (data.equality_ids.empty()) {
      return base::Corrupt("{}: equality deletes that compare no column", data.uri);
    }
    (file.everywhere ? everywhere_ : equality_[file.partition]).push_back(at);
  } else if (vector) {
    if (!data.referenced_data_file) {
      return base::Corrupt("{}: a deletion vector that names no data file", data.uri);
    }
    vectors_[*data.referenced_data_file].push_back(at);
  } else if (const auto only = OnlyFileOf(data)) {
    of_file_[*only].push_back(at);
  } else {
    of_partition_[file.partition].push_back(at);
  }
  files_.push_back(std::move(file));
  return Status::OK();
}

void DeleteIndex::AppendInTime(const Places& places, int64_t sequence, Places* result) const {
  for (const size_t at : places) {
    const DeleteFile& file = files_[at];
    if (file.is_equality ? sequence < file.sequence : sequence <= file.sequence) {
      result->push_back(at);
    }
  }
}

std::vector<size_t> DeleteIndex::PositionDeletesOf(const DataFile& data, int64_t sequence,
                                                   const std::string& partition) const {
  Places result;
  if (const auto found = vectors_.find(data.uri); found != vectors_.end()) {
    AppendInTime(found->second, sequence, &result);
    if (!result.empty()) return result;
  }
  if (const auto found = of_file_.find(data.uri); found != of_file_.end()) {
    AppendInTime(found->second, sequence, &result);
  }
  if (const auto found = of_partition_.find(partition); found != of_partition_.end()) {
    AppendInTime(found->second, sequence, &result);
    std::erase_if(result, [&](size_t at) { return !MayName(files_[at].file, data.uri); });
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<size_t> DeleteIndex::EqualityDeletesOf(int64_t sequence,
                                                   const std::string& partition) const {
  Places result;
  AppendInTime(everywhere_, sequence, &result);
  if (const auto found = equality_.find(partition); found != equality_.end()) {
    AppendInTime(found->second, sequence, &result);
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace millpond::table
