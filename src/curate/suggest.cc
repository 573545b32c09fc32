// A first suite from a profile: only what holds for the profiled data, so that it passes today and
// says when tomorrow's data differ.
#include <algorithm>

#include "curate/suite.h"
#include "table/schema.h"

namespace millpond::curate {
namespace {

using base::Json;

// Columns with so few values read as classes.
constexpr int64_t kMostClasses = 20;
// Longer texts name no class; a profile tells them cut, and what is cut is no value of the column.
constexpr int64_t kLongestClass = 100;

void SuggestForColumn(const ColumnProfile& column, int64_t rows, Suite* suite) {
  const auto add = [&](const char* type, Json kwargs) {
    kwargs["column"] = column.name;
    suite->expectations.push_back({.type = type, .kwargs = std::move(kwargs)});
  };
  add("expect_column_values_to_be_of_type", {{"type_", column.type}});
  if (column.nulls == 0 && rows > 0) add("expect_column_values_to_not_be_null", Json::object());
  const bool is_class =
      column.distinct && *column.distinct <= kMostClasses && !column.top.empty() &&
      static_cast<int64_t>(column.top.size()) < kMostClasses &&
      column.count >= 5 * *column.distinct && column.max_length.value_or(0) <= kLongestClass;
  int64_t in_top = 0;
  Json values = Json::array();
  for (const auto& [value, count] : column.top) {
    in_top += count;
    values.push_back(value);
  }
  if (is_class && in_top == column.count && column.type == "VARCHAR") {
    add("expect_column_values_to_be_in_set", {{"value_set", std::move(values)}});
  } else if (column.mean && column.min.is_number() && column.not_finite.value_or(0) == 0) {
    add("expect_column_values_to_be_between",
        {{"min_value", column.min}, {"max_value", column.max}});
  } else if (column.min_length && column.max_length) {
    add("expect_column_value_lengths_to_be_between",
        {{"min_value", *column.min_length}, {"max_value", *column.max_length}});
  }
}

}  // namespace

Suite SuggestSuite(const TableProfile& profile) {
  Suite suite;
  suite.name = profile.table.name;
  suite.meta = {{"suggested_from", profile.table.ToString()}};
  Json names = Json::array();
  for (const ColumnProfile& column : profile.columns) {
    if (column.name != table::kSampleId) names.push_back(column.name);
  }
  if (!names.empty()) {
    suite.expectations.push_back(
        {.type = "expect_table_columns_to_match_set", .kwargs = {{"column_set", names}}});
  }
  suite.expectations.push_back({.type = "expect_table_row_count_to_be_between",
                                .kwargs = {{"min_value", profile.rows > 0 ? 1 : 0}}});
  for (const ColumnProfile& column : profile.columns) {
    if (column.name == table::kSampleId) {
      suite.expectations.push_back(
          {.type = "expect_column_values_to_be_unique", .kwargs = {{"column", column.name}}});
    } else {
      SuggestForColumn(column, profile.rows, &suite);
    }
  }
  return suite;
}

}  // namespace millpond::curate
