// The chain of steps; see the header.
#include "curate/step_chain.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "query/result_rows.h"
#include "table/schema.h"

namespace millpond::curate {
namespace {

using base::Json;
using base::QuoteIdentifier;

constexpr int kRawCharacters = 65536;

std::string RelationName(size_t step) { return fmt::format("millpond_step_{}", step); }

}  // namespace

StepChain::StepChain(query::Session& session, const TableView& view, const arrow::Schema& stored,
                     const base::Context& context)
    : session_(session), view_(view), context_(context) {
  relations_.push_back("SELECT * FROM " + view.sql);
  for (const auto& field : view.schema->fields()) {
    const auto own = stored.GetFieldByName(field->name());
    columns_.push_back(
        {field->name(), field->type(), own == nullptr ? std::nullopt : table::FieldIdOf(*own)});
  }
}

std::string StepChain::Over(const std::string& select, const std::string& tail) const {
  std::vector<std::string> parts;
  for (size_t i = 0; i < relations_.size(); ++i) {
    parts.push_back(RelationName(i) + " AS (" + relations_[i] + ")");
  }
  return "WITH " + base::Join(parts, ",\n") + "\nSELECT " + select + " FROM " +
         RelationName(relations_.size() - 1) + (tail.empty() ? "" : " " + tail);
}

std::string StepChain::Sql() const {
  const bool has_id = std::any_of(columns_.begin(), columns_.end(), [](const StepColumn& column) {
    return column.name == table::kSampleId;
  });
  return Over("*", reorders_ && has_id ? "ORDER BY sample_id" : "");
}

Result<std::vector<Json>> StepChain::One(const std::string& select, const std::string& tail) {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        query::RowsOf(session_, Over(select, tail), view_.options, context_));
  if (rows.empty()) return std::vector<Json>();
  return std::move(rows[0]);
}

Status StepChain::CountRows() {
  ARROW_ASSIGN_OR_RAISE(const auto counted, One("count(*)", ""));
  rows_ = counted[0].get<int64_t>();
  return Status::OK();
}

std::string StepChain::Refused(const StepSql& sql) const {
  std::vector<std::string> refused;
  for (const CastGuard& guard : sql.guards) refused.push_back("(" + guard.refused + ")");
  return base::Join(refused, " OR ");
}

std::string StepChain::Relation(const StepSql& sql) const {
  std::vector<std::string> list;
  for (const StepColumn& column : columns_) {
    if (sql.dropped.contains(column.name)) continue;
    const auto renamed = sql.renamed.find(column.name);
    const std::string name =
        QuoteIdentifier(renamed == sql.renamed.end() ? column.name : renamed->second);
    const auto changed = sql.changed.find(column.name);
    list.push_back((changed == sql.changed.end() ? QuoteIdentifier(column.name) : changed->second) +
                   " AS " + name);
  }
  for (const auto& [name, expression] : sql.added) {
    list.push_back(expression + " AS " + QuoteIdentifier(name));
  }
  std::string text =
      "SELECT " + base::Join(list, ", ") + " FROM " + RelationName(relations_.size() - 1);
  std::vector<std::string> keep;
  if (!sql.keep.empty()) keep.push_back("(" + sql.keep + ")");
  if (!sql.guards.empty()) keep.push_back("NOT (" + Refused(sql) + ")");
  if (!keep.empty()) text += " WHERE " + base::Join(keep, " AND ");
  if (!sql.qualify.empty()) text += " QUALIFY " + sql.qualify;
  return text;
}

// Over the rows before the step: how many values come out other than they went in.
Status StepChain::CountCells(const StepSql& sql, StepReport* report) {
  if (sql.changed.empty() && sql.added.empty() && sql.guards.empty()) return Status::OK();
  std::vector<std::string> pairs, counts;
  for (const auto& [name, expression] : sql.changed) {
    const size_t i = counts.size();
    pairs.push_back(fmt::format("{} AS o{}, {} AS n{}", QuoteIdentifier(name), i, expression, i));
    // As text: a cast alone changes no value. A refused row is counted as rejected instead.
    counts.push_back(
        fmt::format("count(*) FILTER (WHERE NOT r AND CAST(o{} AS VARCHAR) IS DISTINCT FROM "
                    "CAST(n{} AS VARCHAR))",
                    i, i));
  }
  const std::string refused = sql.guards.empty() ? "false" : "(" + Refused(sql) + ")";
  pairs.push_back(refused + " AS r");
  counts.push_back("count(*) FILTER (WHERE r)");
  const std::string inner = Over(base::Join(pairs, ", "), "");
  ARROW_ASSIGN_OR_RAISE(
      auto rows,
      query::RowsOf(session_, "SELECT " + base::Join(counts, ", ") + " FROM (" + inner + ")",
                    view_.options, context_));
  for (size_t i = 0; i + 1 < counts.size(); ++i) report->cells_changed += rows[0][i].get<int64_t>();
  report->rejected = rows[0].back().get<int64_t>();
  report->cells_changed += static_cast<int64_t>(sql.added.size()) * (rows_ - report->rejected);
  return Status::OK();
}

void StepChain::QueueRejects(const StepSql& sql) {
  std::string which = "CASE", value = "CASE";
  for (size_t i = 0; i < sql.guards.size(); ++i) {
    const CastGuard& guard = sql.guards[i];
    which += fmt::format(" WHEN {} THEN {}", guard.refused, i);
    value += fmt::format(" WHEN {} THEN CAST({} AS VARCHAR)", guard.refused,
                         QuoteIdentifier(guard.column));
  }
  std::vector<std::string> fields;
  bool has_id = false;
  for (const StepColumn& column : columns_) {
    has_id = has_id || column.name == table::kSampleId;
    if (KindOfType(*column.type) == ValueKind::kBinary) continue;
    fields.push_back(QuoteIdentifier(column.name) + " := " + QuoteIdentifier(column.name));
  }
  const std::string row = fmt::format("left(CAST(struct_pack({}) AS VARCHAR), {})",
                                      base::Join(fields, ", "), kRawCharacters);
  rejects_.push_back(
      {Over(fmt::format("{}, {} END, {} END, {}", has_id ? "sample_id" : "NULL", which, value, row),
            "WHERE " + Refused(sql)),
       sql.guards});
}

// Names and ids follow from the step, types from what the engine makes of its expressions.
Status StepChain::TakeColumns(const StepSql& sql) {
  ARROW_ASSIGN_OR_RAISE(auto schema, session_.SchemaOf(Over("*", ""), view_.options));
  std::vector<StepColumn> after;
  for (const StepColumn& column : columns_) {
    if (sql.dropped.contains(column.name)) continue;
    after.push_back(column);
    const auto renamed = sql.renamed.find(column.name);
    if (renamed != sql.renamed.end()) after.back().name = renamed->second;
  }
  for (const auto& [name, expression] : sql.added) after.push_back({name, nullptr, std::nullopt});
  if (schema->num_fields() != static_cast<int>(after.size())) {
    return base::Invalid("an expression of this step gives more than one value");
  }
  ARROW_RETURN_NOT_OK(table::StorableSchema(*schema).status());
  changes_schema_ =
      changes_schema_ || !sql.dropped.empty() || !sql.renamed.empty() || !sql.added.empty();
  for (int i = 0; i < schema->num_fields(); ++i) {
    StepColumn& column = after[static_cast<size_t>(i)];
    const auto& type = schema->field(i)->type();
    if (column.type != nullptr && !column.type->Equals(*type)) {
      changes_schema_ = true;
      column.field_id.reset();  // Another type is another column; what old readers hold stays true.
    }
    column.type = type;
  }
  columns_ = std::move(after);
  return Status::OK();
}

Result<StepReport> StepChain::Add(const RecipeStep& step) {
  ARROW_RETURN_NOT_OK(context_.CheckStop());
  StepReport report{.step = step, .rows_in = rows_};
  const StepInputs inputs(
      step, columns_,
      [this](const std::string& select, const std::string& tail) { return One(select, tail); });
  ARROW_ASSIGN_OR_RAISE(StepSql sql, FindStep(step.kind)->compile(inputs));
  report.values = sql.values;
  ARROW_RETURN_NOT_OK(CountCells(sql, &report));
  if (report.rejected > 0) QueueRejects(sql);
  relations_.push_back(Relation(sql));
  reorders_ = reorders_ || sql.reorders;
  ARROW_RETURN_NOT_OK(TakeColumns(sql));
  if (!sql.keep.empty() || !sql.qualify.empty()) {
    ARROW_RETURN_NOT_OK(CountRows());
  } else {
    rows_ -= report.rejected;
  }
  report.rows_out = rows_;
  return report;
}

}  // namespace millpond::curate
