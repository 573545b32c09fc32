// JsonConverter: both ways must agree on every value that the fast one accepts; json_convert_test
// compares them.
#include "source/json_convert.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/json/options.h>
#include <arrow/json/parser.h>
#include <arrow/json/reader.h>
#include <arrow/record_batch.h>
#include <arrow/table_builder.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "source/column_convert.h"
#include "source/csv_scanner.h"
#include "source/json_raw.h"
#include "source/json_values.h"
#include "source/text_input.h"

namespace millpond::source {
namespace {

using base::Json;

constexpr int kDeepestFast = 64;
constexpr int kFailuresBeforeSlow = 8;

/// The type that the fast parser reads for `type`; null where it has none.
std::shared_ptr<arrow::DataType> FastType(const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case arrow::Type::BOOL:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::STRING:
      return type;
    case arrow::Type::DATE32:
    case arrow::Type::TIMESTAMP:
      return arrow::utf8();
    case arrow::Type::LIST: {
      const auto item = FastType(type->field(0)->type());
      return item ? arrow::list(type->field(0)->WithType(item)) : nullptr;
    }
    case arrow::Type::STRUCT: {
      arrow::FieldVector fields;
      for (const auto& field : type->fields()) {
        const auto fast = FastType(field->type());
        if (!fast) return nullptr;
        fields.push_back(field->WithType(fast));
      }
      return arrow::struct_(std::move(fields));
    }
    default:
      return nullptr;
  }
}

/// Strings to dates or times by the same parsers as everywhere; fails where one does not fit.
Result<std::shared_ptr<arrow::Array>> ConvertStrings(const std::shared_ptr<arrow::Array>& array,
                                                     const std::shared_ptr<arrow::DataType>& type) {
  const auto& strings = static_cast<const arrow::StringArray&>(*array);
  std::vector<Field> fields(static_cast<size_t>(strings.length()));
  for (int64_t i = 0; i < strings.length(); ++i) {
    Field& field = fields[static_cast<size_t>(i)];
    field = Field{};
    if (strings.IsNull(i)) continue;
    if (strings.value_length(i) == 0)
      return base::Invalid("an empty text is no {}", type->ToString());
    field.begin = static_cast<uint32_t>(strings.value_offset(i));
    field.size = static_cast<uint32_t>(strings.value_length(i)) & 0x3FFFFFFF;
    field.quoted = 1;
  }
  CellColumn cells;
  cells.text =
      strings.value_data() ? reinterpret_cast<const char*>(strings.value_data()->data()) : "";
  cells.arena = cells.text;
  cells.first = fields.data();
  cells.count = fields.size();
  ColumnRules rules;
  rules.type = type;
  std::vector<uint32_t> bad;
  ARROW_ASSIGN_OR_RAISE(auto converted, ConvertColumn(cells, rules, true, &bad));
  if (!bad.empty()) return base::Invalid("a text is no {}", type->ToString());
  return converted;
}

/// The array that the fast parser gave, with its texts made dates and times where `type` has them.
Result<std::shared_ptr<arrow::Array>> Finish(const std::shared_ptr<arrow::Array>& array,
                                             const std::shared_ptr<arrow::DataType>& type) {
  if (array->type()->Equals(*type)) return array;
  if (array->type_id() == arrow::Type::STRING) return ConvertStrings(array, type);
  auto data = array->data()->Copy();
  data->type = type;
  for (size_t i = 0; i < data->child_data.size(); ++i) {
    const int child = static_cast<int>(i);
    ARROW_ASSIGN_OR_RAISE(
        auto finished, Finish(arrow::MakeArray(data->child_data[i]), type->field(child)->type()));
    data->child_data[i] = finished->data();
  }
  return arrow::MakeArray(data);
}

/// Whether a number is so large that whole numbers around it are not all exact: the careful way
/// then looks at its digits.
bool MayBeRounded(const arrow::ArrayData& data) {
  const auto beyond = [&](const auto* values, double most) {
    return std::any_of(values, values + data.length, [&](auto v) { return std::abs(v) >= most; });
  };
  if (data.type->id() == arrow::Type::DOUBLE)
    return beyond(data.GetValues<double>(1), 9007199254740992.0);
  if (data.type->id() == arrow::Type::FLOAT) return beyond(data.GetValues<float>(1), 16777216.0);
  return std::any_of(data.child_data.begin(), data.child_data.end(),
                     [](const auto& child) { return MayBeRounded(*child); });
}

class JsonConverter : public PieceConverter {
 public:
  JsonConverter(std::vector<std::string> files, std::vector<JsonLayout> layouts, JsonRules rules)
      : files_(std::move(files)), layouts_(std::move(layouts)), rules_(std::move(rules)) {
    arrow::FieldVector fields;
    for (int i = 0; i < rules_.schema->num_fields(); ++i) {
      const auto fast = FastType(rules_.schema->field(i)->type());
      if (!fast) return;
      fields.push_back(arrow::field(rules_.keys[static_cast<size_t>(i)], fast));
    }
    fast_schema_ = arrow::schema(std::move(fields));
  }

  Result<Converted> Convert(const Piece& piece) const override {
    Converted out;
    const std::string& file = files_[piece.file];
    if (!piece.broken.empty()) {
      out.rejects.push_back({file, piece.first_line, "", piece.broken, PrintableText(piece.bytes)});
      return out;
    }
    if (piece.bytes.find_first_not_of(" \t\r\n") == std::string::npos) return out;
    const bool try_fast = fast_schema_ && failures_ < kFailuresBeforeSlow &&
                          base::IsValidUtf8(piece.bytes) &&
                          !IsDeep(piece.bytes, layouts_[piece.file], kDeepestFast);
    if (try_fast) {
      auto batch = Fast(piece);
      if (batch.ok()) {
        out.batches.push_back(std::move(batch).MoveValueUnsafe());
        return out;
      }
    }
    ARROW_RETURN_NOT_OK(Careful(piece, &out));
    // Pieces without a reject that the fast way refuses (mixed kinds kept as text) would all be
    // parsed twice.
    if (try_fast && out.rejects.empty()) ++failures_;
    return out;
  }

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> Fast(const Piece& piece) const {
    arrow::json::ParseOptions options;
    options.explicit_schema = fast_schema_;
    options.unexpected_field_behavior = rules_.ignore_unknown_keys
                                            ? arrow::json::UnexpectedFieldBehavior::Ignore
                                            : arrow::json::UnexpectedFieldBehavior::Error;
    ARROW_ASSIGN_OR_RAISE(
        auto parsed, arrow::json::ParseOne(options, std::make_shared<arrow::Buffer>(piece.bytes)));
    // The parser does not mind where lines end: two objects on one line are one broken row.
    const auto values = SplitJson(piece.bytes, layouts_[piece.file]);
    if (parsed->num_rows() != static_cast<int64_t>(values.size()))
      return base::Invalid("rows and values differ in number");
    arrow::ArrayVector arrays;
    for (int i = 0; i < rules_.schema->num_fields(); ++i) {
      const auto array = parsed->GetColumnByName(rules_.keys[static_cast<size_t>(i)]);
      if (!array) return base::Invalid("the column is missing");
      ARROW_ASSIGN_OR_RAISE(auto finished, Finish(array, rules_.schema->field(i)->type()));
      if (MayBeRounded(*finished->data())) return base::Invalid("a number may be rounded");
      arrays.push_back(std::move(finished));
    }
    return arrow::RecordBatch::Make(rules_.schema, parsed->num_rows(), std::move(arrays));
  }

  Status Careful(const Piece& piece, Converted* out) const {
    ARROW_ASSIGN_OR_RAISE(
        auto builder, arrow::RecordBatchBuilder::Make(rules_.schema, arrow::default_memory_pool()));
    const std::set<std::string> known(rules_.keys.begin(), rules_.keys.end());
    const std::string& file = files_[piece.file];
    int64_t line = piece.first_line;
    size_t counted = 0;
    int64_t rows = 0;
    for (const std::string_view value : SplitJson(piece.bytes, layouts_[piece.file])) {
      const auto begin = static_cast<size_t>(value.data() - piece.bytes.data());
      line += CountByte(std::string_view(piece.bytes).substr(counted, begin - counted), '\n');
      counted = begin;
      Reject reject{file, line, "", "", ""};
      Json row;
      std::map<std::string, std::string_view> raws;
      if (!Understand(value, known, &row, &raws, &reject)) {
        reject.raw = PrintableText(value);
        out->rejects.push_back(std::move(reject));
        continue;
      }
      ARROW_RETURN_NOT_OK(AppendJsonRow(row, raws, rules_.keys, *rules_.schema, builder.get()));
      ++rows;
    }
    if (rows == 0) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto batch, builder->Flush());
    out->batches.push_back(std::move(batch));
    return Status::OK();
  }

  /// Parses and checks a row; false leaves the column and reason in `reject`.
  bool Understand(std::string_view value, const std::set<std::string>& known, Json* row,
                  std::map<std::string, std::string_view>* raws, Reject* reject) const {
    auto parsed = base::ParseJson(value, "row");
    if (!parsed.ok()) {
      reject->reason = "not valid JSON: " + parsed.status().message();
      return false;
    }
    *row = std::move(parsed).MoveValueUnsafe();
    if (!row->is_object()) {
      reject->reason = "a row must be an object";
      return false;
    }
    *raws = RawMembers(value);
    for (int i = 0; i < rules_.schema->num_fields(); ++i) {
      const auto found = row->find(rules_.keys[static_cast<size_t>(i)]);
      if (found == row->end()) continue;
      JsonMisfit misfit = CheckJson(*found, raws->at(found.key()), *rules_.schema->field(i)->type(),
                                    rules_.ignore_unknown_keys);
      if (misfit.reason.empty()) continue;
      reject->column = rules_.schema->field(i)->name();
      reject->reason = misfit.path.empty() ? misfit.reason : misfit.path + ": " + misfit.reason;
      return false;
    }
    if (rules_.ignore_unknown_keys) return true;
    for (const auto& [key, item] : row->items()) {
      if (known.contains(key)) continue;
      reject->column = key;
      reject->reason =
          "a key that the sample did not have; give its type, raise sample_bytes, or set "
          "unknown_keys=ignore";
      return false;
    }
    return true;
  }

  const std::vector<std::string> files_;
  const std::vector<JsonLayout> layouts_;
  const JsonRules rules_;
  std::shared_ptr<arrow::Schema> fast_schema_;  // Null where some type needs the careful way.
  mutable std::atomic<int> failures_ = 0;
};

}  // namespace

std::unique_ptr<PieceConverter> MakeJsonConverter(std::vector<std::string> files,
                                                  std::vector<JsonLayout> layouts,
                                                  JsonRules rules) {
  return std::make_unique<JsonConverter>(std::move(files), std::move(layouts), std::move(rules));
}

}  // namespace millpond::source
