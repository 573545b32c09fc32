// Type names, both ways: a small recursive descent parser and its printer.
#include "source/type_name.h"

#include <arrow/type.h>

#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "source/source.h"
#include "source/text_value.h"

namespace millpond::source {
namespace {

using base::Invalid;

constexpr int kMaxDepth = 32;
constexpr std::string_view kKnown =
    "bool, int32, int64, float, double, decimal(p,s), date, timestamp, timestamptz, string, "
    "binary, "
    "fixed(n), list<type>, struct<name:type,...>, map<key,value>";

std::shared_ptr<arrow::DataType> SimpleType(std::string_view word) {
  if (word == "bool" || word == "boolean") return arrow::boolean();
  if (word == "int32" || word == "int") return arrow::int32();
  if (word == "int64" || word == "long" || word == "bigint") return arrow::int64();
  if (word == "float" || word == "float32") return arrow::float32();
  if (word == "double" || word == "float64") return arrow::float64();
  if (word == "date" || word == "date32") return arrow::date32();
  if (word == "timestamp") return arrow::timestamp(arrow::TimeUnit::MICRO);
  if (word == "timestamptz") return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  if (word == "string" || word == "text") return arrow::utf8();
  if (word == "binary") return arrow::binary();
  return nullptr;
}

class TypeParser {
 public:
  explicit TypeParser(const std::string& text) : text_(text) {}

  Result<std::shared_ptr<arrow::DataType>> Whole() {
    ARROW_ASSIGN_OR_RAISE(auto type, Type(0));
    Spaces();
    if (at_ != text_.size()) return Bad("unexpected text after the type");
    return type;
  }

 private:
  Status Bad(std::string_view why) const {
    return Invalid("'{}' is not a type: {}. Known types: {}", text_, why, kKnown);
  }
  void Spaces() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }
  bool Take(char c) {
    Spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Status Demand(char c) { return Take(c) ? Status::OK() : Bad(fmt::format("'{}' expected", c)); }

  std::string_view Word(std::string_view ends) {
    Spaces();
    const size_t begin = at_;
    while (at_ < text_.size() && ends.find(text_[at_]) == std::string_view::npos) ++at_;
    return TrimSpace(std::string_view(text_).substr(begin, at_ - begin));
  }
  Result<int> Number() {
    const std::string_view word = Word(",)");
    int number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) return Bad("a number expected");
    return number;
  }

  Result<std::shared_ptr<arrow::DataType>> Type(int depth) {
    if (depth > kMaxDepth) return Bad("nested too deeply");
    const std::string word = base::ToLower(Word("<>(),:"));
    if (auto simple = SimpleType(word)) return simple;
    if (word == "decimal") return Decimal();
    if (word == "fixed") {
      ARROW_RETURN_NOT_OK(Demand('('));
      ARROW_ASSIGN_OR_RAISE(int width, Number());
      ARROW_RETURN_NOT_OK(Demand(')'));
      if (width < 1 || width > 1 << 20) return Bad("a width of 1 to 1048576 expected");
      return arrow::fixed_size_binary(width);
    }
    if (word == "list") {
      ARROW_RETURN_NOT_OK(Demand('<'));
      ARROW_ASSIGN_OR_RAISE(auto value, Type(depth + 1));
      ARROW_RETURN_NOT_OK(Demand('>'));
      return arrow::list(value);
    }
    if (word == "map") {
      ARROW_RETURN_NOT_OK(Demand('<'));
      ARROW_ASSIGN_OR_RAISE(auto key, Type(depth + 1));
      ARROW_RETURN_NOT_OK(Demand(','));
      ARROW_ASSIGN_OR_RAISE(auto value, Type(depth + 1));
      ARROW_RETURN_NOT_OK(Demand('>'));
      return arrow::map(key, value);
    }
    if (word == "struct") return Struct(depth);
    return Bad(word.empty() ? "a type name expected" : fmt::format("'{}' is unknown", word));
  }

  Result<std::shared_ptr<arrow::DataType>> Decimal() {
    ARROW_RETURN_NOT_OK(Demand('('));
    ARROW_ASSIGN_OR_RAISE(int precision, Number());
    ARROW_RETURN_NOT_OK(Demand(','));
    ARROW_ASSIGN_OR_RAISE(int scale, Number());
    ARROW_RETURN_NOT_OK(Demand(')'));
    if (precision < 1 || precision > 38 || scale < 0 || scale > precision)
      return Bad("precision 1 to 38 and scale 0 to precision expected");
    return arrow::decimal128(precision, scale);
  }

  Result<std::shared_ptr<arrow::DataType>> Struct(int depth) {
    ARROW_RETURN_NOT_OK(Demand('<'));
    arrow::FieldVector fields;
    do {
      const std::string name(Word("<>(),:"));
      if (name.empty()) return Bad("a field name expected");
      ARROW_RETURN_NOT_OK(Demand(':'));
      ARROW_ASSIGN_OR_RAISE(auto type, Type(depth + 1));
      fields.push_back(arrow::field(name, type));
    } while (Take(','));
    ARROW_RETURN_NOT_OK(Demand('>'));
    return arrow::struct_(std::move(fields));
  }

  const std::string& text_;
  size_t at_ = 0;
};

}  // namespace

Result<std::shared_ptr<arrow::DataType>> ParseTypeName(const std::string& name) {
  return TypeParser(name).Whole();
}

std::string TypeName(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::DATE32:
      return "date";
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).timezone().empty() ? "timestamp"
                                                                               : "timestamptz";
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return fmt::format("decimal({},{})", decimal.precision(), decimal.scale());
    }
    case arrow::Type::FIXED_SIZE_BINARY:
      return fmt::format("fixed({})",
                         static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
    case arrow::Type::LIST:
      return fmt::format("list<{}>", TypeName(*type.field(0)->type()));
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      return fmt::format("map<{},{}>", TypeName(*map.key_type()), TypeName(*map.item_type()));
    }
    case arrow::Type::STRUCT: {
      std::string text = "struct<";
      for (const auto& field : type.fields()) {
        if (text.back() != '<') text += ',';
        text += field->name() + ":" + TypeName(*field->type());
      }
      return text + ">";
    }
    default:
      return type.ToString();
  }
}

}  // namespace millpond::source
