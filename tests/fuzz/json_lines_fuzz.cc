// JSON rows from any bytes: the shape of what parses resolves to a type, and converting the same
// bytes by it gives valid batches; every value is either a row or a reject.
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/json_convert.h"
#include "source/json_shape.h"

using namespace millpond::source;

namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1 << 16) return 0;
  std::string text(reinterpret_cast<const char*>(data), size);
  const JsonLayout layout = DetectJsonLayout(text, true);
  const auto cutter = MakeJsonCutter(layout);
  Demand(cutter->Cut(&text).complete <= text.size());
  const auto values = SplitJson(text, layout);
  JsonShape shape;
  for (const std::string_view value : values) shape.AddText(value);
  if (shape.keys().empty() || shape.keys().size() > 200) return 0;
  JsonRules rules;
  arrow::FieldVector fields;
  for (size_t i = 0; i < shape.keys().size(); ++i) {
    rules.keys.push_back(shape.keys()[i]);
    fields.push_back(arrow::field("column_" + std::to_string(i), shape.child(i).Resolve("").type));
  }
  rules.schema = arrow::schema(std::move(fields));
  const auto converter = MakeJsonConverter({"fuzz.json"}, {layout}, rules);
  Piece piece;
  piece.bytes = text;
  const auto converted = converter->Convert(piece);
  Demand(converted.ok());
  int64_t rows = 0;
  for (const auto& batch : converted->batches) {
    Demand(batch->ValidateFull().ok());
    rows += batch->num_rows();
  }
  Demand(rows + static_cast<int64_t>(converted->rejects.size()) ==
         static_cast<int64_t>(values.size()));
  return 0;
}
