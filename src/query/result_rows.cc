// Arrow cells as JSON; see the header.
#include "query/result_rows.h"

#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include <cmath>
#include <string_view>
#include <utility>

namespace millpond::query {
namespace {

using base::Json;

Json FromDouble(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json FromBinary(std::string_view bytes) {
  constexpr size_t kShown = 64;
  std::string text = "0x";
  for (const char c : bytes.substr(0, kShown)) {
    text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  if (bytes.size() > kShown) text += "…";
  return text;
}

Json FromDecimal(const arrow::DecimalType& type, const std::string& text) {
  if (type.precision() <= 15) return std::stod(text);
  if (type.scale() == 0) {
    errno = 0;
    const int64_t value = std::strtoll(text.c_str(), nullptr, 10);
    if (errno == 0) return value;
  }
  return text;
}

Result<Json> FromTimestamp(const arrow::Scalar& scalar, const arrow::DataType& type) {
  std::string text = scalar.ToString();
  if (const size_t space = text.find(' '); space != std::string::npos) text[space] = 'T';
  if (!static_cast<const arrow::TimestampType&>(type).timezone().empty() && !text.ends_with('Z')) {
    text += 'Z';
  }
  return Json(std::move(text));
}

Result<Json> FromList(const arrow::Array& column, int64_t row) {
  ARROW_ASSIGN_OR_RAISE(auto scalar, column.GetScalar(row));
  const auto& items = *static_cast<const arrow::BaseListScalar&>(*scalar).value;
  Json list = Json::array();
  for (int64_t i = 0; i < items.length(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto item, CellOf(items, i));
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace

Result<Json> CellOf(const arrow::Array& column, int64_t row) {
  if (column.IsNull(row)) return Json();
  using arrow::Type;
  switch (column.type_id()) {
    case Type::BOOL:
      return Json(static_cast<const arrow::BooleanArray&>(column).Value(row));
    case Type::INT8:
      return Json(static_cast<const arrow::Int8Array&>(column).Value(row));
    case Type::INT16:
      return Json(static_cast<const arrow::Int16Array&>(column).Value(row));
    case Type::INT32:
      return Json(static_cast<const arrow::Int32Array&>(column).Value(row));
    case Type::INT64:
      return Json(static_cast<const arrow::Int64Array&>(column).Value(row));
    case Type::UINT64:
      return Json(static_cast<const arrow::UInt64Array&>(column).Value(row));
    case Type::FLOAT:
      return FromDouble(static_cast<const arrow::FloatArray&>(column).Value(row));
    case Type::DOUBLE:
      return FromDouble(static_cast<const arrow::DoubleArray&>(column).Value(row));
    case Type::STRING:
      return Json(static_cast<const arrow::StringArray&>(column).GetString(row));
    case Type::LARGE_STRING:
      return Json(static_cast<const arrow::LargeStringArray&>(column).GetString(row));
    case Type::BINARY:
      return FromBinary(static_cast<const arrow::BinaryArray&>(column).GetView(row));
    case Type::DECIMAL128:
      return FromDecimal(static_cast<const arrow::DecimalType&>(*column.type()),
                         static_cast<const arrow::Decimal128Array&>(column).FormatValue(row));
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
      return FromList(column, row);
    default:
      break;
  }
  ARROW_ASSIGN_OR_RAISE(auto scalar, column.GetScalar(row));
  if (column.type_id() == Type::TIMESTAMP) return FromTimestamp(*scalar, *column.type());
  return Json(scalar->ToString());
}

Result<std::vector<ResultRow>> RowsOf(Session& session, const std::string& sql,
                                      const SqlOptions& options, const base::Context& context,
                                      int64_t limit) {
  ARROW_ASSIGN_OR_RAISE(QueryResult result, session.Sql(sql, options, context));
  std::vector<ResultRow> rows;
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
    if (batch == nullptr) return rows;
    if (static_cast<int64_t>(rows.size()) + batch->num_rows() > limit) {
      return base::Exhausted("the result has more than {} rows", limit);
    }
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      ResultRow cells;
      for (const auto& column : batch->columns()) {
        ARROW_ASSIGN_OR_RAISE(auto cell, CellOf(*column, row));
        cells.push_back(std::move(cell));
      }
      rows.push_back(std::move(cells));
    }
  }
}

}  // namespace millpond::query
