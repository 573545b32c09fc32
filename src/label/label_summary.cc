// What is labelled: the SQL of latest labels, summaries over it, and JSON forms.
#include <map>
#include <utility>

#include "base/text.h"
#include "label/candidates.h"
#include "label/labels.h"
#include "query/result_rows.h"
#include "table/catalog.h"

namespace millpond::label {
namespace {

using base::Json;

Result<bool> HasLabels(query::Session& session, const std::string& labels) {
  const auto inputs = session.InputsOf("SELECT * FROM " + labels, {});
  if (inputs.ok()) return true;
  if (base::KindOf(inputs.status()) == base::ErrorKind::kNotFound) return false;
  return inputs.status();
}

}  // namespace

Result<std::string> LatestLabelsSql(const std::string& table, const std::string& label_set) {
  ARROW_ASSIGN_OR_RAISE(const auto at, table::TableAtRef::Parse(table));
  std::string sql =
      "SELECT sample_id, label_set, label, annotator, labelled_at, source, confidence FROM " +
      QuotedName(LabelsTableOf(at.table), at.ref);
  if (!label_set.empty()) sql += " WHERE label_set = " + base::QuoteLiteral(label_set);
  // Equal times are broken by the label, so that every reader sees the same one.
  return sql +
         " QUALIFY row_number() OVER (PARTITION BY sample_id, label_set, annotator ORDER BY "
         "labelled_at DESC, label DESC) = 1";
}

Result<std::vector<LabelSummary>> SummarizeLabels(query::Session& session, const std::string& table,
                                                  const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(const auto at, table::TableAtRef::Parse(table));
  const std::string samples = QuotedName(at.table, at.ref);
  ARROW_ASSIGN_OR_RAISE(const auto total,
                        query::RowsOf(session, "SELECT count(*) FROM " + samples, {}, context));
  ARROW_ASSIGN_OR_RAISE(const bool labelled,
                        HasLabels(session, QuotedName(LabelsTableOf(at.table), at.ref)));
  if (!labelled) return std::vector<LabelSummary>();
  ARROW_ASSIGN_OR_RAISE(const std::string latest, LatestLabelsSql(table, ""));
  const std::string with = "WITH latest AS (" + latest +
                           "), present AS (SELECT * FROM latest WHERE sample_id IN (SELECT "
                           "sample_id FROM " +
                           samples + ")) ";
  const auto ask = [&](const std::string& sql) {
    return query::RowsOf(session, with + sql, {}, context);
  };
  std::map<std::string, LabelSummary> summaries;
  ARROW_ASSIGN_OR_RAISE(
      auto sets,
      ask("SELECT label_set, count(DISTINCT sample_id), count(DISTINCT sample_id) FILTER "
          "(WHERE sample_id IN (SELECT sample_id FROM present)) FROM latest GROUP BY 1"));
  for (const auto& row : sets) {
    LabelSummary& summary = summaries[row[0].get<std::string>()];
    summary.label_set = row[0].get<std::string>();
    summary.samples = total[0][0].get<int64_t>();
    summary.labelled = row[2].get<int64_t>();
    summary.orphans = row[1].get<int64_t>() - summary.labelled;
  }
  ARROW_ASSIGN_OR_RAISE(
      auto classes,
      ask("SELECT label_set, label, count(DISTINCT sample_id) FROM present GROUP BY 1, 2"));
  for (const auto& row : classes) {
    summaries[row[0].get<std::string>()].classes[row[1].get<std::string>()] = row[2].get<int64_t>();
  }
  ARROW_ASSIGN_OR_RAISE(
      auto annotators,
      ask("SELECT label_set, annotator, count(DISTINCT sample_id) FROM present GROUP BY 1, 2"));
  for (const auto& row : annotators) {
    summaries[row[0].get<std::string>()].annotators[row[1].get<std::string>()] =
        row[2].get<int64_t>();
  }
  ARROW_ASSIGN_OR_RAISE(
      auto conflicts,
      ask("SELECT label_set, count(*) FROM (SELECT label_set, sample_id FROM present GROUP BY 1, 2 "
          "HAVING count(DISTINCT label) > 1) GROUP BY 1"));
  for (const auto& row : conflicts) {
    summaries[row[0].get<std::string>()].conflicts = row[1].get<int64_t>();
  }
  std::vector<LabelSummary> sorted;
  for (auto& [name, summary] : summaries) sorted.push_back(std::move(summary));
  return sorted;
}

Json ToJson(const LabelReport& report) {
  return {{"table", report.table.ToString()},
          {"labels_table", report.labels_table.ToString()},
          {"label_set", report.label_set},
          {"labels", report.labels},
          {"unchanged", report.unchanged},
          {"rejected", report.rejected},
          {"reasons", report.reasons},
          {"rejects_table", report.rejects_table ? Json(report.rejects_table->ToString()) : Json()},
          {"commit", report.commit ? Json(report.commit->id) : Json()},
          {"seconds", report.seconds}};
}

Json ToJson(const LabelSummary& summary) {
  return {{"label_set", summary.label_set},
          {"samples", summary.samples},
          {"labelled", summary.labelled},
          {"coverage", summary.samples == 0 ? Json()
                                            : Json(static_cast<double>(summary.labelled) /
                                                   static_cast<double>(summary.samples))},
          {"classes", summary.classes},
          {"annotators", summary.annotators},
          {"conflicts", summary.conflicts},
          {"orphans", summary.orphans}};
}

}  // namespace millpond::label
