// Suites in and out; see the header. Everything that can be wrong without looking at data is found
// here.
#include "curate/suite.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "base/yaml.h"
#include "curate/expectation_plan.h"

namespace millpond::curate {
namespace {

using base::Invalid;
using base::Json;

// Arguments and keys of GX that say how to run or show an expectation; ours need none of them.
constexpr std::array<std::string_view, 11> kIgnored = {"result_format",
                                                       "include_config",
                                                       "catch_exceptions",
                                                       "condition_parser",
                                                       "batch_id",
                                                       "severity",
                                                       "notes",
                                                       "id",
                                                       "rendered_content",
                                                       "description",
                                                       "windows"};

bool IsIgnored(std::string_view name) {
  return std::find(kIgnored.begin(), kIgnored.end(), name) != kIgnored.end();
}

Status CheckArguments(const Expectation& expectation, const ExpectationInfo& info,
                      const std::string& where) {
  std::vector<std::string> known;
  for (const ArgumentInfo& argument : info.arguments) known.emplace_back(argument.name);
  for (const auto& [name, value] : expectation.kwargs.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return Invalid("{}: {} has no argument '{}'.{} Its arguments: {}", where, expectation.type,
                   name, base::DidYouMean(name, known), base::Join(known, ", "));
  }
  for (const ArgumentInfo& argument : info.arguments) {
    const std::string name(argument.name);
    if (argument.required && !expectation.kwargs.contains(name)) {
      return Invalid("{}: {} needs the argument '{}'", where, expectation.type, name);
    }
  }
  const Json condition = expectation.kwargs.value("row_condition", Json());
  if (!condition.is_null() && !condition.is_string()) {
    return Invalid("{}: row_condition must be a SQL condition in quotes, not {}", where,
                   base::CanonicalJson(condition));
  }
  return Status::OK();
}

Status CheckType(const std::string& type, const std::string& where) {
  if (FindExpectation(type) != nullptr) return Status::OK();
  std::vector<std::string> known;
  for (const ExpectationInfo& info : KnownExpectations()) known.emplace_back(info.type);
  return Invalid("{}: there is no expectation '{}'.{}", where, type, base::DidYouMean(type, known));
}

/// {"expect_x": {…}} or {"expect_x": "column"}
Expectation FromShortForm(const std::string& type, const Json& arguments) {
  Expectation expectation;
  expectation.type = type;
  if (arguments.is_object()) {
    expectation.kwargs = arguments;
  } else if (arguments.is_string()) {
    expectation.kwargs["column"] = arguments;
  } else if (!arguments.is_null()) {
    expectation.kwargs["value"] = arguments;
  }
  return expectation;
}

Result<Expectation> FromItem(const Json& item, const std::string& where) {
  if (!item.is_object()) {
    return Invalid("{}: write it as 'expect_…: {{column: …}}', not {}", where,
                   base::CanonicalJson(item));
  }
  Expectation expectation;
  const char* type_key = item.contains("type") ? "type" : "expectation_type";
  if (item.contains(type_key)) {
    if (!item[type_key].is_string()) return Invalid("{}: {} must be a name", where, type_key);
    expectation.type = item[type_key];
    for (const auto& [key, value] : item.items()) {
      if (key == type_key || key == "kwargs" || key == "meta") continue;
      expectation.kwargs[key] = value;
    }
    const Json kwargs = item.value("kwargs", Json::object());
    if (!kwargs.is_object()) return Invalid("{}: kwargs must be an object", where);
    expectation.kwargs.update(kwargs);
  } else if (item.size() == 1) {
    expectation = FromShortForm(item.begin().key(), item.begin().value());
  } else {
    return Invalid("{}: it needs a 'type'", where);
  }
  const Json meta = item.value("meta", expectation.kwargs.value("meta", Json::object()));
  if (meta.is_object()) expectation.meta = meta;
  expectation.kwargs.erase("meta");
  for (std::string_view name : kIgnored) expectation.kwargs.erase(std::string(name));
  ARROW_RETURN_NOT_OK(CheckType(expectation.type, where));
  ARROW_RETURN_NOT_OK(CheckArguments(expectation, FindExpectation(expectation.type)->info, where));
  return expectation;
}

std::string StemOf(std::string_view origin) {
  const size_t slash = origin.rfind('/');
  if (slash != std::string_view::npos) origin.remove_prefix(slash + 1);
  return std::string(origin.substr(0, origin.find('.')));
}

}  // namespace

Result<Suite> ParseSuite(std::string_view text, std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(const Json document, base::ParseYaml(text, origin));
  Suite suite;
  suite.name = StemOf(origin);
  Json items = document;
  if (document.is_object()) {
    for (const auto& [key, value] : document.items()) {
      static const std::vector<std::string> kKeys = {"name", "expectation_suite_name",
                                                     "expectations", "meta"};
      if (IsIgnored(key) || key == "data_asset_type" || key == "ge_cloud_id" ||
          key == "parameters" || key == "suite_parameters" || key == "evaluation_parameters") {
        continue;
      }
      if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
        return Invalid("{}: a suite has no '{}'.{}", origin, key, base::DidYouMean(key, kKeys));
      }
    }
    for (const char* key : {"expectation_suite_name", "name"}) {
      if (document.contains(key) && document[key].is_string()) suite.name = document[key];
    }
    suite.meta = document.value("meta", Json::object());
    items = document.value("expectations", Json());
  }
  if (!items.is_array()) {
    return Invalid("{}: a suite is a list of expectations, or has one under 'expectations'",
                   origin);
  }
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string where = fmt::format("{}: expectation {}", origin, i + 1);
    ARROW_ASSIGN_OR_RAISE(auto expectation, FromItem(items[i], where));
    suite.expectations.push_back(std::move(expectation));
  }
  return suite;
}

Json ToJson(const Suite& suite) {
  Json expectations = Json::array();
  for (const Expectation& expectation : suite.expectations) {
    expectations.push_back(
        {{"type", expectation.type}, {"kwargs", expectation.kwargs}, {"meta", expectation.meta}});
  }
  return {{"name", suite.name}, {"expectations", std::move(expectations)}, {"meta", suite.meta}};
}

}  // namespace millpond::curate
