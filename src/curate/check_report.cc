// The JSON form of a check, in the shape of Great Expectations' validation result.
#include "base/time.h"
#include "curate/expectations.h"

namespace millpond::curate {
namespace {

using base::Json;

Json Percent(int64_t part, int64_t whole) {
  if (whole == 0) return nullptr;
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

Json ResultOf(const ExpectationResult& result) {
  Json body = Json::object();
  if (!result.observed.is_null()) body["observed_value"] = result.observed;
  if (result.elements) {
    const int64_t missing = result.missing.value_or(0);
    const int64_t unexpected = result.unexpected.value_or(0);
    body["element_count"] = *result.elements;
    body["missing_count"] = missing;
    body["missing_percent"] = Percent(missing, *result.elements);
    body["unexpected_percent"] = Percent(unexpected, *result.elements - missing);
    body["unexpected_percent_total"] = Percent(unexpected, *result.elements);
    body["unexpected_percent_nonmissing"] = body["unexpected_percent"];
  }
  if (result.unexpected) body["unexpected_count"] = *result.unexpected;
  if (result.unexpected) {
    Json values = Json::array(), samples = Json::array();
    for (const UnexpectedValue& sample : result.samples) {
      values.push_back(sample.value);
      samples.push_back({{"value", sample.value},
                         {"sample_id", sample.sample_id ? Json(*sample.sample_id) : Json()}});
    }
    body["partial_unexpected_list"] = std::move(values);
    body["partial_unexpected_samples"] = std::move(samples);
  }
  return body;
}

}  // namespace

Json ToJson(const CheckReport& report) {
  Json results = Json::array();
  int64_t successful = 0;
  for (const ExpectationResult& result : report.results) {
    successful += result.success ? 1 : 0;
    const bool failed = !result.error.empty();
    results.push_back({{"success", result.success},
                       {"expectation_config",
                        {{"type", result.expectation.type},
                         {"kwargs", result.expectation.kwargs},
                         {"meta", result.expectation.meta}}},
                       {"result", ResultOf(result)},
                       {"exception_info",
                        {{"raised_exception", failed},
                         {"exception_message", failed ? Json(result.error) : Json()},
                         {"exception_traceback", nullptr}}}});
  }
  const auto evaluated = static_cast<int64_t>(report.results.size());
  return {{"success", report.success},
          {"suite_name", report.suite},
          {"results", std::move(results)},
          {"statistics",
           {{"evaluated_expectations", evaluated},
            {"successful_expectations", successful},
            {"unsuccessful_expectations", evaluated - successful},
            {"success_percent", Percent(successful, evaluated)}}},
          {"meta",
           {{"table", report.table.ToString()},
            {"snapshot", report.snapshot ? Json(*report.snapshot) : Json()},
            {"rows", report.rows},
            {"passes", report.passes},
            {"run_time", base::FormatUtc(report.started_ms)},
            {"seconds", report.seconds}}}};
}

}  // namespace millpond::curate
