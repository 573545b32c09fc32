// A suite of expectations as a value: parsed from YAML or JSON, names and arguments checked, before
// any data is read. Names and arguments are Great Expectations'.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "curate/profile.h"

namespace millpond::curate {

struct Expectation {
  std::string type;                          ///< "expect_column_values_to_not_be_null"
  base::Json kwargs = base::Json::object();  ///< {"column": "age", "mostly": 0.9, …}
  base::Json meta = base::Json::object();    ///< The author's notes; carried along.
};

struct Suite {
  std::string name;
  std::vector<Expectation> expectations;
  base::Json meta = base::Json::object();
};

/// One argument of an expectation.
struct ArgumentInfo {
  std::string_view name;
  bool required = false;
};

/// An expectation that exists.
struct ExpectationInfo {
  std::string_view type;
  std::span<const ArgumentInfo> arguments;  ///< mostly and row_condition too, where they apply.
  std::string_view help;
};

/// All that exist, sorted by type.
std::span<const ExpectationInfo> KnownExpectations();

/// Parses GX's own JSON ({"expectation_suite_name"|"name", "expectations": [{"expectation_type"|
/// "type", "kwargs"}]}) or the short form ([{"expect_column_to_exist": {"column": "age"}}],
/// arguments beside "type" too). Unknown names and arguments are kInvalid with the nearest one;
/// `origin` is named in errors.
Result<Suite> ParseSuite(std::string_view text, std::string_view origin);

/// GX's shape; ParseSuite reads it back.
base::Json ToJson(const Suite& suite);

/// Expectations that the profiled data meets, as a first suite to edit.
Suite SuggestSuite(const TableProfile& profile);

}  // namespace millpond::curate
