// Cells to JSON by Arrow type, and the row formats built on them.
#include "api/rows.h"

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/util/base64.h>

#include <cerrno>
#include <cmath>

#include "base/text.h"
#include "base/time.h"

namespace millpond::api {
namespace {

using arrow::Type;
using base::Json;

Json FloatToJson(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

Result<Json> ListToJson(const arrow::Array& values, int64_t begin, int64_t end) {
  Json list = Json::array();
  for (int64_t i = begin; i < end; ++i) {
    ARROW_ASSIGN_OR_RAISE(Json item, CellToJson(values, i));
    list.push_back(std::move(item));
  }
  return list;
}

Result<Json> MapToJson(const arrow::MapArray& map, int64_t row) {
  Json entries = Json::array();
  for (int64_t i = map.value_offset(row); i < map.value_offset(row + 1); ++i) {
    ARROW_ASSIGN_OR_RAISE(Json key, CellToJson(*map.keys(), i));
    ARROW_ASSIGN_OR_RAISE(Json value, CellToJson(*map.items(), i));
    entries.push_back({{"key", std::move(key)}, {"value", std::move(value)}});
  }
  return entries;
}

Result<Json> StructToJson(const arrow::StructArray& array, int64_t row) {
  Json object = Json::object();
  for (int i = 0; i < array.num_fields(); ++i) {
    ARROW_ASSIGN_OR_RAISE(object[array.type()->field(i)->name()], CellToJson(*array.field(i), row));
  }
  return object;
}

/// Types without a JSON form of their own: Arrow's text of the value.
Result<Json> TextToJson(const arrow::Array& column, int64_t row) {
  ARROW_ASSIGN_OR_RAISE(auto scalar, column.GetScalar(row));
  return Json(scalar->ToString());
}

template <class ArrayType>
auto ValueAt(const arrow::Array& column, int64_t row) {
  return static_cast<const ArrayType&>(column).GetView(row);
}

std::string CsvField(const std::string& text, char separator) {
  if (text.find_first_of(std::string("\"\r\n") + separator) == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

Status Put(std::FILE* out, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), out) == text.size()) return Status::OK();
  return base::FromErrno(errno, "write rows");
}

std::string DumpCell(const Json& cell) {
  return cell.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> CsvLine(const arrow::RecordBatch& batch, int64_t row, char separator) {
  std::string line;
  for (int i = 0; i < batch.num_columns(); ++i) {
    if (i > 0) line += separator;
    ARROW_ASSIGN_OR_RAISE(const Json cell, CellToJson(*batch.column(i), row));
    if (cell.is_null()) continue;
    // An empty string is quoted so that it differs from null.
    if (cell == "")
      line += "\"\"";
    else
      line += CsvField(cell.is_string() ? cell.get<std::string>() : DumpCell(cell), separator);
  }
  return line + "\n";
}

/// Somebody else's file or pipe, which stays open. Arrow's own stream closes what it is given, and
/// asks a pipe for its place.
class FileSink final : public arrow::io::OutputStream {
 public:
  explicit FileSink(std::FILE* out) : out_(out) {}
  Status Write(const void* data, int64_t size) override {
    ARROW_RETURN_NOT_OK(Put(out_, {static_cast<const char*>(data), static_cast<size_t>(size)}));
    written_ += size;
    return Status::OK();
  }
  Result<int64_t> Tell() const override { return written_; }
  Status Flush() override {
    return std::fflush(out_) == 0 ? Status::OK() : base::FromErrno(errno, "write rows");
  }
  Status Close() override {
    closed_ = true;
    return Flush();
  }
  bool closed() const override { return closed_; }

 private:
  std::FILE* out_;
  int64_t written_ = 0;
  bool closed_ = false;
};

Result<int64_t> WriteArrow(arrow::RecordBatchReader& reader, RowFormat format, std::FILE* out,
                           const base::Context& context) {
  auto sink = std::make_shared<FileSink>(out);
  ARROW_ASSIGN_OR_RAISE(auto writer, format == RowFormat::kArrowFile
                                         ? arrow::ipc::MakeFileWriter(sink, reader.schema())
                                         : arrow::ipc::MakeStreamWriter(sink, reader.schema()));
  int64_t rows = 0;
  for (;;) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_ASSIGN_OR_RAISE(auto batch, reader.Next());
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(*batch));
    rows += batch->num_rows();
  }
  ARROW_RETURN_NOT_OK(writer->Close());
  ARROW_RETURN_NOT_OK(sink->Close());
  return rows;
}

/// Text of one row in a text format; `first` tells JSON arrays where commas go.
Result<std::string> RowText(const arrow::RecordBatch& batch, int64_t row, RowFormat format,
                            bool first) {
  if (format == RowFormat::kCsv) return CsvLine(batch, row, ',');
  if (format == RowFormat::kTsv) return CsvLine(batch, row, '\t');
  ARROW_ASSIGN_OR_RAISE(const auto object, RowToJson(batch, row));
  const std::string text = object.dump(-1, ' ', false, base::OrderedJson::error_handler_t::replace);
  if (format == RowFormat::kJsonLines) return text + "\n";
  return (first ? "\n " : ",\n ") + text;
}

}  // namespace

Result<Json> CellToJson(const arrow::Array& column, int64_t row) {
  if (column.IsNull(row)) return Json(nullptr);
  switch (column.type_id()) {
    case Type::BOOL:
      return Json(ValueAt<arrow::BooleanArray>(column, row));
    case Type::INT8:
      return Json(ValueAt<arrow::Int8Array>(column, row));
    case Type::INT16:
      return Json(ValueAt<arrow::Int16Array>(column, row));
    case Type::INT32:
      return Json(ValueAt<arrow::Int32Array>(column, row));
    case Type::INT64:
      return Json(ValueAt<arrow::Int64Array>(column, row));
    case Type::UINT8:
      return Json(ValueAt<arrow::UInt8Array>(column, row));
    case Type::UINT16:
      return Json(ValueAt<arrow::UInt16Array>(column, row));
    case Type::UINT32:
      return Json(ValueAt<arrow::UInt32Array>(column, row));
    case Type::UINT64:
      return Json(ValueAt<arrow::UInt64Array>(column, row));
    case Type::FLOAT:
      return FloatToJson(ValueAt<arrow::FloatArray>(column, row));
    case Type::DOUBLE:
      return FloatToJson(ValueAt<arrow::DoubleArray>(column, row));
    case Type::STRING:
      return Json(ValueAt<arrow::StringArray>(column, row));
    case Type::LARGE_STRING:
      return Json(ValueAt<arrow::LargeStringArray>(column, row));
    case Type::BINARY:
      return Json(arrow::util::base64_encode(ValueAt<arrow::BinaryArray>(column, row)));
    case Type::FIXED_SIZE_BINARY:
      return Json(arrow::util::base64_encode(ValueAt<arrow::FixedSizeBinaryArray>(column, row)));
    case Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(column);
      return ListToJson(*list.values(), list.value_offset(row), list.value_offset(row + 1));
    }
    case Type::MAP:
      return MapToJson(static_cast<const arrow::MapArray&>(column), row);
    case Type::STRUCT:
      return StructToJson(static_cast<const arrow::StructArray&>(column), row);
    case Type::TIMESTAMP: {
      const auto& type = static_cast<const arrow::TimestampType&>(*column.type());
      ARROW_ASSIGN_OR_RAISE(Json text, TextToJson(column, row));
      if (type.timezone().empty()) return text;
      std::string shown = text.get<std::string>();
      if (!shown.empty() && shown.back() == 'Z') shown.pop_back();
      return Json(shown + "Z");
    }
    default:
      return TextToJson(column, row);
  }
}

Result<base::OrderedJson> RowToJson(const arrow::RecordBatch& batch, int64_t row) {
  base::OrderedJson object = base::OrderedJson::object();
  for (int i = 0; i < batch.num_columns(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const Json cell, CellToJson(*batch.column(i), row));
    object[batch.schema()->field(i)->name()] = cell;
  }
  return object;
}

Result<RowFormat> ParseRowFormat(std::string_view name) {
  if (name == "json") return RowFormat::kJson;
  if (name == "jsonl") return RowFormat::kJsonLines;
  if (name == "csv") return RowFormat::kCsv;
  if (name == "tsv") return RowFormat::kTsv;
  if (name == "arrow") return RowFormat::kArrow;
  return base::Invalid("no row format '{}'; there are json, jsonl, csv, tsv and arrow", name);
}

Result<int64_t> WriteRows(arrow::RecordBatchReader& reader, RowFormat format, std::FILE* out,
                          const base::Context& context) {
  if (format == RowFormat::kArrow || format == RowFormat::kArrowFile) {
    return WriteArrow(reader, format, out, context);
  }
  const bool delimited = format == RowFormat::kCsv || format == RowFormat::kTsv;
  const char separator = format == RowFormat::kTsv ? '\t' : ',';
  if (format == RowFormat::kJson) ARROW_RETURN_NOT_OK(Put(out, "["));
  if (delimited) {
    std::string header;
    for (const auto& name : reader.schema()->field_names()) {
      header += (header.empty() ? "" : std::string(1, separator)) + CsvField(name, separator);
    }
    ARROW_RETURN_NOT_OK(Put(out, header + "\n"));
  }
  int64_t rows = 0;
  for (;;) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_ASSIGN_OR_RAISE(auto batch, reader.Next());
    if (batch == nullptr) break;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      ARROW_ASSIGN_OR_RAISE(const std::string text, RowText(*batch, row, format, rows == 0));
      ARROW_RETURN_NOT_OK(Put(out, text));
      ++rows;
    }
  }
  if (format == RowFormat::kJson) ARROW_RETURN_NOT_OK(Put(out, rows == 0 ? "]\n" : "\n]\n"));
  if (std::fflush(out) != 0) return base::FromErrno(errno, "write rows");
  return rows;
}

}  // namespace millpond::api
