// Reading and writing position-delete files. See position_deletes.h.
#include "table/position_deletes.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>
#include <parquet/statistics.h>

#include <cstring>
#include <exception>
#include <optional>
#include <utility>

#include "table/bounds.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

constexpr int64_t kBatchRows = 64 << 10;
constexpr int64_t kRowGroupRows = 1 << 20;

/// Runs Parquet code, whose errors are exceptions in places.
template <class Call>
Status Guarded(const std::string& uri, Call call) {
  try {
    return base::WithContext(uri, call());
  } catch (const std::exception& error) {
    return base::Corrupt("{}: {}", uri, error.what());
  }
}

std::shared_ptr<arrow::Field> Column(const char* name, std::shared_ptr<arrow::DataType> type,
                                     int32_t id) {
  return arrow::field(name, std::move(type), false,
                      arrow::key_value_metadata({kFieldIdKey}, {std::to_string(id)}));
}

std::shared_ptr<arrow::Schema> FileSchema() {
  return arrow::schema({Column("file_path", arrow::utf8(), kDeletePathId),
                        Column("pos", arrow::int64(), kDeletePositionId)});
}

/// Gathers rows and hands them to the Parquet writer in batches.
class RowWriter {
 public:
  RowWriter(parquet::arrow::FileWriter* writer, std::shared_ptr<arrow::Schema> schema)
      : writer_(writer), schema_(std::move(schema)) {}

  Status Add(const std::string& path, const RowPositions& positions) {
    for (const PositionChunk& chunk : positions.chunks()) {
      chunk.ForEach([&](int64_t position) { pending_.push_back(position); });
      if (static_cast<int64_t>(pending_.size()) >= kBatchRows) ARROW_RETURN_NOT_OK(Flush(path));
    }
    return Flush(path);
  }

 private:
  Status Flush(const std::string& path) {
    if (pending_.empty()) return Status::OK();
    arrow::Int64Builder positions;
    ARROW_RETURN_NOT_OK(positions.AppendValues(pending_));
    ARROW_ASSIGN_OR_RAISE(auto rows, positions.Finish());
    ARROW_ASSIGN_OR_RAISE(auto paths,
                          arrow::MakeArrayFromScalar(arrow::StringScalar(path), rows->length()));
    pending_.clear();
    const int64_t count = rows->length();
    return writer_->WriteRecordBatch(
        *arrow::RecordBatch::Make(schema_, count, {std::move(paths), std::move(rows)}));
  }

  parquet::arrow::FileWriter* writer_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::vector<int64_t> pending_;
};

Status WriteRows(arrow::io::OutputStream* stream,
                 const std::map<std::string, RowPositions>& by_file) {
  const auto schema = FileSchema();
  auto properties = parquet::WriterProperties::Builder()
                        .compression(parquet::Compression::ZSTD)
                        ->max_row_group_length(kRowGroupRows)
                        ->encoding("pos", parquet::Encoding::DELTA_BINARY_PACKED)
                        ->disable_dictionary("pos")
                        ->created_by("millpond")
                        ->build();
  // The stream is the blob's, which outlives the writer.
  const std::shared_ptr<arrow::io::OutputStream> borrowed(stream, [](auto*) {});
  ARROW_ASSIGN_OR_RAISE(
      auto writer, parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), borrowed,
                                                    properties));
  RowWriter rows(writer.get(), schema);
  for (const auto& [path, positions] : by_file) ARROW_RETURN_NOT_OK(rows.Add(path, positions));
  return writer->Close();
}

std::string LongBound(int64_t value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

DataFile EntryOf(const std::string& uri, const std::map<std::string, RowPositions>& by_file) {
  DataFile file;
  file.uri = uri;
  int64_t smallest = INT64_MAX;
  int64_t largest = 0;
  for (const auto& [path, positions] : by_file) {
    file.record_count += positions.size();
    largest = std::max(largest, positions.largest());
    positions.chunks().front().ForEach(
        [&](int64_t position) { smallest = std::min(smallest, position); });
  }
  for (const int32_t id : {kDeletePathId, kDeletePositionId}) {
    file.value_counts[id] = file.record_count;
    file.null_counts[id] = 0;
  }
  file.lower_bounds = {{kDeletePathId, by_file.begin()->first},
                       {kDeletePositionId, LongBound(smallest)}};
  file.upper_bounds = {{kDeletePathId, by_file.rbegin()->first},
                       {kDeletePositionId, LongBound(largest)}};
  if (by_file.size() == 1) file.referenced_data_file = by_file.begin()->first;
  return file;
}

// Where the two columns are: by field id, or by name in files that have no ids.
Result<std::vector<int>> FindColumns(const parquet::FileMetaData& metadata) {
  std::vector<int> found = {-1, -1};
  const parquet::SchemaDescriptor& schema = *metadata.schema();
  for (int i = 0; i < schema.num_columns(); ++i) {
    const auto& node = *schema.Column(i)->schema_node();
    if (schema.Column(i)->max_repetition_level() > 0 || node.parent()->parent() != nullptr) {
      continue;
    }
    const bool path =
        node.field_id() == kDeletePathId || (node.field_id() < 0 && node.name() == "file_path");
    const bool position =
        node.field_id() == kDeletePositionId || (node.field_id() < 0 && node.name() == "pos");
    if (path) found[0] = i;
    if (position) found[1] = i;
  }
  if (found[0] < 0 || found[1] < 0) {
    return base::Corrupt("not a position-delete file: it lacks file_path or pos");
  }
  const bool types = schema.Column(found[0])->physical_type() == parquet::Type::BYTE_ARRAY &&
                     schema.Column(found[1])->physical_type() == parquet::Type::INT64;
  if (!types) return base::Corrupt("file_path and pos of a position-delete file have other types");
  return found;
}

// Whether a row group can name one of the wanted files, by its statistics.
bool MayName(const parquet::RowGroupMetaData& group, int path_column,
             const std::set<std::string>& wanted) {
  const auto chunk = group.ColumnChunk(path_column);
  const auto statistics = chunk->statistics();
  if (statistics == nullptr || !statistics->HasMinMax()) return true;
  const auto* text = dynamic_cast<const parquet::ByteArrayStatistics*>(statistics.get());
  // Some writers cut the largest value short and do not say so: a prefix may stand for more.
  if (text == nullptr) return true;
  const std::string lower(reinterpret_cast<const char*>(text->min().ptr), text->min().len);
  const std::string upper(reinterpret_cast<const char*>(text->max().ptr), text->max().len);
  const auto first = wanted.lower_bound(lower);
  return first != wanted.end() && (*first <= upper || first->starts_with(upper));
}

class RowReader {
 public:
  explicit RowReader(const std::set<std::string>& wanted) : wanted_(wanted) {}

  Status Add(const arrow::RecordBatch& batch) {
    const int path_at = batch.schema()->GetFieldIndex("file_path");
    const auto& paths = batch.column(path_at >= 0 ? path_at : 0);
    const auto& rows = batch.column(path_at >= 0 ? 1 - path_at : 1);
    if (paths->type_id() != arrow::Type::STRING && paths->type_id() != arrow::Type::BINARY) {
      return base::Corrupt("file_path has the type {}", paths->type()->ToString());
    }
    if (rows->type_id() != arrow::Type::INT64 || paths->null_count() + rows->null_count() > 0) {
      return base::Corrupt("pos has the type {}, or a value is missing", rows->type()->ToString());
    }
    const auto& path_values = static_cast<const arrow::BinaryArray&>(*paths);
    const auto& row_values = static_cast<const arrow::Int64Array&>(*rows);
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      RowPositions* positions = Of(path_values.GetView(i));
      if (positions == nullptr) continue;
      const int64_t position = row_values.Value(i);
      if (position < 0 || position > RowPositions::kMost) {
        return base::Corrupt("position {} is none that a row can have", position);
      }
      positions->Add(position);
    }
    return Status::OK();
  }

  std::map<std::string, RowPositions> Take() { return std::move(found_); }

 private:
  // Null: not wanted. Rows come sorted by path, so the last answer is mostly the next.
  RowPositions* Of(std::string_view path) {
    if (last_path_ != path) {
      last_path_ = path;
      last_ = wanted_.contains(*last_path_) ? &found_[*last_path_] : nullptr;
    }
    return last_;
  }

  const std::set<std::string>& wanted_;
  std::map<std::string, RowPositions> found_;
  std::optional<std::string> last_path_;
  RowPositions* last_ = nullptr;
};

Status ReadRows(const std::shared_ptr<arrow::io::RandomAccessFile>& input,
                const std::set<std::string>& wanted, RowReader* reader) {
  parquet::ArrowReaderProperties properties;
  properties.set_batch_size(kBatchRows);
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(input));
  ARROW_ASSIGN_OR_RAISE(auto file, builder.properties(properties)->Build());
  const auto metadata = file->parquet_reader()->metadata();
  ARROW_ASSIGN_OR_RAISE(const std::vector<int> columns, FindColumns(*metadata));
  std::vector<int> groups;
  for (int i = 0; i < metadata->num_row_groups(); ++i) {
    if (MayName(*metadata->RowGroup(i), columns[0], wanted)) groups.push_back(i);
  }
  ARROW_ASSIGN_OR_RAISE(auto batches, file->GetRecordBatchReader(groups, columns));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(batches->ReadNext(&batch));
    if (batch == nullptr) return Status::OK();
    ARROW_RETURN_NOT_OK(reader->Add(*batch));
  }
}

}  // namespace

std::optional<std::string> OnlyFileOf(const DataFile& deletes) {
  if (deletes.referenced_data_file) return deletes.referenced_data_file;
  const auto lower = deletes.lower_bounds.find(kDeletePathId);
  const auto upper = deletes.upper_bounds.find(kDeletePathId);
  const bool known = lower != deletes.lower_bounds.end() && upper != deletes.upper_bounds.end();
  // Cut bounds differ: an upper one is raised.
  return known && lower->second == upper->second ? std::optional(lower->second) : std::nullopt;
}

Result<DataFile> WritePositionDeletes(store::BlobStore& store, const std::string& uri,
                                      const std::map<std::string, RowPositions>& by_file) {
  if (by_file.empty()) return base::Internal("{}: a position-delete file without deletes", uri);
  ARROW_ASSIGN_OR_RAISE(const std::string path, store.PathOf(uri));
  ARROW_ASSIGN_OR_RAISE(auto blob, store.Create(path));
  ARROW_RETURN_NOT_OK(Guarded(uri, [&] { return WriteRows(blob->stream(), by_file); }));
  DataFile file = EntryOf(uri, by_file);
  ARROW_ASSIGN_OR_RAISE(file.size, blob->stream()->Tell());
  ARROW_RETURN_NOT_OK(blob->Publish());
  return file;
}

Result<std::map<std::string, RowPositions>> ReadPositionDeletes(
    store::BlobStore& store, const DataFile& file, const std::set<std::string>& wanted) {
  if (file.format != "PARQUET") {
    return base::Invalid("{}: position deletes in {}; Millpond reads them from Parquet only",
                         file.uri, file.format);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string path, store.PathOf(file.uri));
  auto input = store.OpenRead(path);
  if (!input.ok()) return base::WithContext(file.uri, input.status());
  RowReader reader(wanted);
  ARROW_RETURN_NOT_OK(Guarded(file.uri, [&] { return ReadRows(*input, wanted, &reader); }));
  return reader.Take();
}

}  // namespace millpond::table
