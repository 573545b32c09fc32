// CSV from any bytes: detection, cutting and scanning agree with each other, and every cell
// converts to a valid array or is noted.
#include <arrow/array.h>
#include <arrow/type.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/column_convert.h"
#include "source/csv_dialect.h"
#include "source/value_guess.h"

using namespace millpond::source;

namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

void ConvertAll(const ScannedRows& rows) {
  for (size_t c = 0; c < rows.columns; ++c) {
    CellColumn cells;
    cells.text = rows.text.data();
    cells.arena = rows.arena.data();
    cells.first = rows.fields.data() + c;
    cells.stride = rows.columns;
    cells.count = rows.rows();
    ValueGuess guess;
    for (size_t row = 0; row < cells.count; ++row)
      guess.Add(cells.value(cells.field(row)), cells.field(row).quoted, DefaultNullMarkers(), '.');
    for (const auto& type :
         {guess.Resolve(0).type, arrow::int64(), arrow::float64(), arrow::decimal128(10, 2),
          arrow::date32(), arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::utf8()}) {
      ColumnRules rules;
      rules.type = type;
      rules.null_markers = DefaultNullMarkers();
      std::vector<uint32_t> bad;
      const auto array = ConvertColumn(cells, rules, false, &bad);
      Demand(array.ok() && (*array)->ValidateFull().ok());
      Demand((*array)->length() == static_cast<int64_t>(cells.count));
      for (uint32_t row : bad) Demand((*array)->IsNull(row));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1 << 16) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const CsvShape shape = DetectCsvShape(text, true, FileOptions{});
  if (shape.columns == 0 || shape.columns > 200) return 0;
  Demand(shape.names.size() == shape.columns && shape.data_offset <= size && shape.data_line >= 1);
  const std::string_view body = text.substr(shape.data_offset);
  const RowEnd end = FindRowEnd(body, shape.dialect);
  Demand(end.complete <= body.size());

  ScannedRows whole, first, second;
  ScanRows(body, shape.dialect, shape.columns, shape.fill, &whole);
  ScanRows(body.substr(0, end.complete), shape.dialect, shape.columns, shape.fill, &first);
  ScanRows(body.substr(end.complete), shape.dialect, shape.columns, shape.fill, &second);
  Demand(whole.rows() == first.rows() + second.rows());
  Demand(whole.ragged.size() == first.ragged.size() + second.ragged.size());
  Demand(whole.fields.size() == whole.rows() * whole.columns);
  ConvertAll(whole);
  return 0;
}
