// From syntax tree to conditions, from conditions to predicates over a column's own type.
#include "query/condition.h"

#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.h"

namespace millpond::query {
namespace {

using base::Json;
using table::Comparison;

std::string_view TypeOf(const Json& node) {
  const auto found = node.find("type");
  return found != node.end() && found->is_string()
             ? std::string_view(found->get_ref<const std::string&>())
             : std::string_view();
}

std::optional<Literal> ParameterLiteral(const Json& node, const std::vector<Json>& parameters) {
  const std::string name = node.value("identifier", "");
  size_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
  if (parsed.ec != std::errc() || number < 1 || number > parameters.size()) return std::nullopt;
  const Json& value = parameters[number - 1];
  if (value.is_null() || value.is_structured() || value.is_binary()) return std::nullopt;
  return Literal{"", value};
}

std::optional<Literal> LiteralOf(const Json& node, const std::vector<Json>& parameters) {
  const std::string_view type = TypeOf(node);
  if (type == "VALUE_PARAMETER") return ParameterLiteral(node, parameters);
  if (type == "OPERATOR_CAST" && !node.value("try_cast", true)) {
    auto inner = LiteralOf(node["child"], {});
    if (!inner || inner->type != "VARCHAR") return std::nullopt;
    inner->type = node["cast_type"].value("id", "");
    return inner;
  }
  if (type != "VALUE_CONSTANT" || node["value"].value("is_null", true)) return std::nullopt;
  const Json& value = node["value"];
  if (!value["value"].is_primitive()) return std::nullopt;  // Hugeints, lists…
  Literal literal{value["type"].value("id", ""), value["value"]};
  if (literal.type == "DECIMAL") {
    const Json& info = value["type"]["type_info"];
    if (!info.is_object()) return std::nullopt;
    literal.scale = info.value("scale", 0);
  }
  return literal;
}

std::optional<Comparison> ComparisonOf(std::string_view type, bool flipped) {
  if (type == "COMPARE_EQUAL") return Comparison::kEqual;
  if (type == "COMPARE_LESSTHAN") return flipped ? Comparison::kGreater : Comparison::kLess;
  if (type == "COMPARE_LESSTHANOREQUALTO") {
    return flipped ? Comparison::kGreaterEqual : Comparison::kLessEqual;
  }
  if (type == "COMPARE_GREATERTHAN") return flipped ? Comparison::kLess : Comparison::kGreater;
  if (type == "COMPARE_GREATERTHANOREQUALTO") {
    return flipped ? Comparison::kLessEqual : Comparison::kGreaterEqual;
  }
  return std::nullopt;
}

class Collector {
 public:
  explicit Collector(const std::vector<Json>& parameters) : parameters_(parameters) {}

  void Visit(const Json& node) {
    if (!node.is_object()) return;
    const std::string_view type = TypeOf(node);
    if (type == "CONJUNCTION_AND") {
      for (const Json& child : node["children"]) Visit(child);
    } else if (type == "COMPARE_BETWEEN") {
      Add(node["input"], Comparison::kGreaterEqual, node["lower"]);
      Add(node["input"], Comparison::kLessEqual, node["upper"]);
    } else if (type == "OPERATOR_IS_NULL" || type == "OPERATOR_IS_NOT_NULL") {
      const Json& column = node["children"][0];
      if (TypeOf(column) != "COLUMN_REF") return;
      found_.push_back({column["column_names"],
                        type == "OPERATOR_IS_NULL" ? Comparison::kIsNull : Comparison::kIsNotNull,
                        {}});
    } else if (type == "COMPARE_IN" && node["children"].size() == 2) {
      Add(node["children"][0], Comparison::kEqual, node["children"][1]);
    } else if (node.contains("left") && node.contains("right")) {
      VisitComparison(type, node["left"], node["right"]);
    }
  }

  std::vector<Condition> Take() { return std::move(found_); }

 private:
  void VisitComparison(std::string_view type, const Json& left, const Json& right) {
    const bool flipped = TypeOf(right) == "COLUMN_REF";
    if (const auto op = ComparisonOf(type, flipped)) {
      Add(flipped ? right : left, *op, flipped ? left : right);
    }
  }

  void Add(const Json& column, Comparison op, const Json& constant) {
    if (TypeOf(column) != "COLUMN_REF") return;
    if (auto literal = LiteralOf(constant, parameters_)) {
      found_.push_back({column["column_names"], op, std::move(*literal)});
    }
  }

  const std::vector<Json>& parameters_;
  std::vector<Condition> found_;
};

// A literal's number as a double, and whether it is one exactly.
std::optional<double> NumberOf(const Literal& literal) {
  if (!literal.value.is_number()) return std::nullopt;
  if (literal.type == "DECIMAL") return literal.value.get<double>() / std::pow(10.0, literal.scale);
  return literal.value.get<double>();
}

std::shared_ptr<arrow::Scalar> IntegerScalar(const Literal& literal, bool narrow) {
  const bool unsigned_big =
      literal.value.is_number_unsigned() && literal.value.get<uint64_t>() > uint64_t{INT64_MAX};
  if (!literal.value.is_number_integer() || unsigned_big || literal.type == "DECIMAL") {
    return nullptr;
  }
  const int64_t value = literal.value.get<int64_t>();
  if (!narrow) return std::make_shared<arrow::Int64Scalar>(value);
  if (value < INT32_MIN || value > INT32_MAX) return nullptr;
  return std::make_shared<arrow::Int32Scalar>(static_cast<int32_t>(value));
}

std::shared_ptr<arrow::Scalar> DecimalScalar(const Literal& literal, const arrow::DataType& type) {
  if (!literal.value.is_number_integer()) return nullptr;
  const auto& wanted = static_cast<const arrow::Decimal128Type&>(type);
  const arrow::Decimal128 value(literal.value.get<int64_t>());
  const auto scaled = value.Rescale(literal.scale, wanted.scale());
  if (!scaled.ok() || !scaled->FitsInPrecision(wanted.precision())) return nullptr;
  return std::make_shared<arrow::Decimal128Scalar>(
      *scaled, arrow::decimal128(wanted.precision(), wanted.scale()));
}

bool LooksLikeDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i != 4 && i != 7 && (text[i] < '0' || text[i] > '9')) return false;
  }
  return true;
}

// Date and time of a string literal; nullptr where DuckDB might read it in another way.
std::shared_ptr<arrow::Scalar> TimeScalar(const Literal& literal,
                                          const std::shared_ptr<arrow::DataType>& type) {
  if (!literal.value.is_string()) return nullptr;
  const auto& text = literal.value.get_ref<const std::string&>();
  const bool plain = literal.type.empty() || literal.type == "VARCHAR";
  if (type->id() == arrow::Type::DATE32) {
    if (!LooksLikeDate(text) || (!plain && literal.type != "DATE")) return nullptr;
  } else {
    if (!plain && literal.type != "DATE" && literal.type != "TIMESTAMP" &&
        literal.type != "TIMESTAMP WITH TIME ZONE") {
      return nullptr;  // TIMESTAMP_S and the like round their text.
    }
    const bool zoned = text.find_first_of("zZ+") != std::string::npos || text.size() < 10 ||
                       text.find('-', 10) != std::string::npos;
    if (zoned || !LooksLikeDate(std::string_view(text).substr(0, 10))) return nullptr;
    if (literal.type == "DATE" && text.size() != 10) return nullptr;
  }
  // Parsed without its zone: the session's zone is UTC.
  const bool date = type->id() == arrow::Type::DATE32;
  auto parsed = arrow::Scalar::Parse(date ? type : arrow::timestamp(arrow::TimeUnit::MICRO), text);
  if (!parsed.ok()) return nullptr;
  if (date) return *parsed;
  const int64_t micros = static_cast<const arrow::TimestampScalar&>(**parsed).value;
  return std::make_shared<arrow::TimestampScalar>(micros, type);
}

// DuckDB sorts NaN above all numbers and bounds leave it out: a lower limit cannot skip a file.
// Limits are widened by one step, since DuckDB may compare in the other float width or round a
// decimal.
void AppendFloatPredicates(const Condition& condition, const arrow::Field& field,
                           std::vector<table::Predicate>* predicates) {
  const std::optional<double> number = NumberOf(condition.literal);
  if (!number || !std::isfinite(*number)) return;
  const double infinity = std::numeric_limits<double>::infinity();
  auto limit = [&](double towards) -> std::shared_ptr<arrow::Scalar> {
    if (field.type()->id() == arrow::Type::FLOAT) {
      return std::make_shared<arrow::FloatScalar>(
          std::nextafterf(static_cast<float>(*number), static_cast<float>(towards)));
    }
    return std::make_shared<arrow::DoubleScalar>(std::nextafter(*number, towards));
  };
  const bool equal = condition.op == Comparison::kEqual;
  if (equal || condition.op == Comparison::kLess || condition.op == Comparison::kLessEqual) {
    predicates->push_back({field.name(), Comparison::kLessEqual, limit(infinity)});
  }
  if (equal) predicates->push_back({field.name(), Comparison::kGreaterEqual, limit(-infinity)});
}

std::shared_ptr<arrow::Scalar> ScalarFor(const Literal& literal,
                                         const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case arrow::Type::INT32:
      return IntegerScalar(literal, true);
    case arrow::Type::INT64:
      return IntegerScalar(literal, false);
    case arrow::Type::DECIMAL128:
      return DecimalScalar(literal, *type);
    case arrow::Type::STRING:
      if (!literal.value.is_string() || (!literal.type.empty() && literal.type != "VARCHAR")) {
        return nullptr;
      }
      return std::make_shared<arrow::StringScalar>(literal.value.get<std::string>());
    case arrow::Type::BOOL:
      if (!literal.value.is_boolean()) return nullptr;
      return std::make_shared<arrow::BooleanScalar>(literal.value.get<bool>());
    case arrow::Type::DATE32:
    case arrow::Type::TIMESTAMP:
      return TimeScalar(literal, type);
    default:
      return nullptr;
  }
}

}  // namespace

std::vector<Condition> ConditionsOf(const Json& where, const std::vector<Json>& parameters) {
  Collector collector(parameters);
  collector.Visit(where);
  return collector.Take();
}

void AppendPredicates(const Condition& condition, const arrow::Field& field,
                      std::vector<table::Predicate>* predicates) {
  if (condition.op == Comparison::kIsNull || condition.op == Comparison::kIsNotNull) {
    predicates->push_back({field.name(), condition.op, nullptr});
    return;
  }
  const auto id = field.type()->id();
  if (id == arrow::Type::FLOAT || id == arrow::Type::DOUBLE) {
    AppendFloatPredicates(condition, field, predicates);
    return;
  }
  if (auto scalar = ScalarFor(condition.literal, field.type())) {
    predicates->push_back({field.name(), condition.op, std::move(scalar)});
  }
}

}  // namespace millpond::query
