// Check: plans every expectation, gathers their aggregates into one query per relation (most share
// the table itself), and asks for samples of what was unexpected.
#include "curate/expectations.h"

#include <arrow/api.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "curate/expectation_plan.h"
#include "query/result_rows.h"
#include "query/sql_lexer.h"

namespace millpond::curate {
namespace {

using base::Json;

// Statements of thousands of aggregates take longer to plan than to run twice.
constexpr size_t kAggregatesPerPass = 400;

/// One query: aggregates over one relation, shared by the expectations that ask for the same one.
struct Pass {
  std::string from;
  std::vector<std::string> aggregates;
  std::map<std::string, size_t> position;
  std::vector<size_t> members;  // Indices of results.

  size_t Add(const std::string& aggregate) {
    const auto [found, added] = position.emplace(aggregate, aggregates.size());
    if (added) aggregates.push_back(aggregate);
    return found->second;
  }
};

/// The expectation is at fault, not the table or the machine.
bool IsOfExpectation(const Status& status) {
  const auto kind = base::KindOf(status);
  return kind == base::ErrorKind::kInvalid || kind == base::ErrorKind::kNotFound;
}

class Checker {
 public:
  Checker(query::Session& session, const CheckRequest& request, const base::Context& context)
      : session_(session), request_(request), context_(context) {}

  Status Run(const Suite& suite, CheckReport* report);

 private:
  void PlanAll();
  std::vector<Pass> Passes();
  Result<std::vector<Json>> Query(const Pass& pass);
  Status RunPass(const Pass& pass);
  Status RunAlone(size_t index);
  void Judge(size_t index, const Pass& pass, const std::vector<Json>& values);
  Status Sample(size_t index);

  query::Session& session_;
  const CheckRequest& request_;
  const base::Context& context_;
  TableView view_;
  CheckReport* report_ = nullptr;
  std::vector<ExpectationPlan> plans_;
};

Result<ExpectationPlan> PlanOne(const TableView& view, const Expectation& expectation) {
  const Json condition = expectation.kwargs.value("row_condition", Json());
  if (condition.is_string()) {
    ARROW_RETURN_NOT_OK(query::CheckExpressionText(condition.get<std::string>(), "row_condition"));
  }
  const ExpectationDefinition* definition = FindExpectation(expectation.type);
  if (definition == nullptr) {
    return base::Invalid("there is no expectation '{}'", expectation.type);
  }
  return definition->plan(PlanInputs(view, expectation.kwargs));
}

void Checker::PlanAll() {
  for (ExpectationResult& result : report_->results) {
    Result<ExpectationPlan> plan = PlanOne(view_, result.expectation);
    if (!plan.ok()) result.error = plan.status().message();
    plans_.push_back(plan.ok() ? *std::move(plan) : ExpectationPlan{});
  }
}

std::vector<Pass> Checker::Passes() {
  std::vector<Pass> passes(1);  // The first is over the table and counts its rows.
  passes[0].Add("count(*)");
  std::map<std::string, size_t> open = {{"", 0}};
  for (size_t i = 0; i < plans_.size(); ++i) {
    const ExpectationPlan& plan = plans_[i];
    if (plan.aggregates.empty()) continue;
    auto found = open.find(plan.from);
    if (found == open.end() || passes[found->second].aggregates.size() >= kAggregatesPerPass) {
      open[plan.from] = passes.size();
      passes.emplace_back().from = plan.from;
      found = open.find(plan.from);
    }
    Pass& pass = passes[found->second];
    for (const std::string& aggregate : plan.aggregates) pass.Add(aggregate);
    pass.members.push_back(i);
  }
  return passes;
}

Result<std::vector<Json>> Checker::Query(const Pass& pass) {
  ++report_->passes;
  const std::string from = pass.from.empty() ? view_.sql : pass.from;
  const std::string sql = "SELECT " + base::Join(pass.aggregates, ",\n") + "\nFROM " + from;
  ARROW_ASSIGN_OR_RAISE(auto rows, query::RowsOf(session_, sql, view_.options, context_));
  // A condition that closes its own bracket could add columns and shift the others.
  if (rows.size() != 1 || rows[0].size() != pass.aggregates.size()) {
    return base::Invalid("a row_condition is not one SQL condition");
  }
  return std::move(rows[0]);
}

void Checker::Judge(size_t index, const Pass& pass, const std::vector<Json>& values) {
  std::vector<Json> own;
  for (const std::string& aggregate : plans_[index].aggregates) {
    own.push_back(values[pass.position.at(aggregate)]);
  }
  plans_[index].judge(own, &report_->results[index]);
}

Status Checker::RunPass(const Pass& pass) {
  const auto values = Query(pass);
  if (!values.ok()) {
    if (!IsOfExpectation(values.status())) return values.status();
    // One bad expectation spoils the query for all: find out which.
    for (const size_t member : pass.members) ARROW_RETURN_NOT_OK(RunAlone(member));
    if (pass.from.empty() && pass.position.contains("count(*)")) {
      Pass rows;
      rows.Add("count(*)");
      ARROW_ASSIGN_OR_RAISE(auto count, Query(rows));
      report_->rows = count[0].get<int64_t>();
    }
    return Status::OK();
  }
  for (const size_t member : pass.members) Judge(member, pass, *values);
  if (pass.from.empty() && pass.position.contains("count(*)")) {
    report_->rows = (*values)[pass.position.at("count(*)")].get<int64_t>();
  }
  return Status::OK();
}

Status Checker::RunAlone(size_t index) {
  ARROW_RETURN_NOT_OK(context_.CheckStop());
  Pass pass;
  pass.from = plans_[index].from;
  for (const std::string& aggregate : plans_[index].aggregates) pass.Add(aggregate);
  const auto values = Query(pass);
  if (values.ok()) {
    Judge(index, pass, *values);
  } else if (IsOfExpectation(values.status())) {
    report_->results[index].error = values.status().message();
  } else {
    return values.status();
  }
  return Status::OK();
}

Status Checker::Sample(size_t index) {
  const ExpectationPlan& plan = plans_[index];
  ExpectationResult& result = report_->results[index];
  if (plan.sample_where.empty() || !result.error.empty() || result.unexpected.value_or(0) == 0 ||
      request_.sample_limit <= 0) {
    return Status::OK();
  }
  const std::string id = view_.has_sample_id ? "sample_id" : "NULL";
  const std::string from = plan.sample_from.empty() ? view_.sql : plan.sample_from;
  const std::string sql =
      fmt::format("SELECT {}, {} AS millpond_sample FROM {} WHERE {}{} LIMIT {}",
                  base::Join(plan.sample_values, ", "), id, from, plan.sample_where,
                  view_.has_sample_id ? " ORDER BY millpond_sample" : "", request_.sample_limit);
  ++report_->passes;
  const auto rows = query::RowsOf(session_, sql, view_.options, context_);
  if (!rows.ok()) {
    return IsOfExpectation(rows.status())
               ? base::WithContext("samples of " + result.expectation.type, rows.status())
               : rows.status();
  }
  for (const query::ResultRow& row : *rows) {
    UnexpectedValue sample;
    if (!row.back().is_null()) sample.sample_id = row.back().get<int64_t>();
    sample.value = row.size() == 2 ? row[0] : Json(std::vector<Json>(row.begin(), row.end() - 1));
    result.samples.push_back(std::move(sample));
  }
  return Status::OK();
}

Status Checker::Run(const Suite& suite, CheckReport* report) {
  report_ = report;
  ARROW_ASSIGN_OR_RAISE(view_, TableView::Open(session_, request_.table));
  report->suite = suite.name;
  report->table = view_.table;
  report->snapshot = view_.snapshot;
  for (const Expectation& expectation : suite.expectations) {
    report->results.emplace_back().expectation = expectation;
  }
  PlanAll();
  for (const Pass& pass : Passes()) {
    ARROW_RETURN_NOT_OK(context_.CheckStop());
    ARROW_RETURN_NOT_OK(RunPass(pass));
  }
  for (size_t i = 0; i < plans_.size(); ++i) {
    if (plans_[i].aggregates.empty() && plans_[i].judge) plans_[i].judge({}, &report->results[i]);
    ARROW_RETURN_NOT_OK(Sample(i));
    context_.Report({.phase = "check " + view_.table.ToString(),
                     .done = static_cast<int64_t>(i + 1),
                     .total = static_cast<int64_t>(plans_.size()),
                     .unit = "expectations"});
  }
  report->success = std::all_of(report->results.begin(), report->results.end(),
                                [](const ExpectationResult& result) { return result.success; });
  return Status::OK();
}

}  // namespace

Result<CheckReport> Check(query::Session& session, const Suite& suite, const CheckRequest& request,
                          const base::Context& context) {
  const auto start = std::chrono::steady_clock::now();
  CheckReport report;
  report.started_ms = base::NowMs();
  ARROW_RETURN_NOT_OK(Checker(session, request, context).Run(suite, &report));
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace millpond::curate
