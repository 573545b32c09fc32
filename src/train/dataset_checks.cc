// Checks over schemas and streams of a dataset's rows; memory does not grow with the rows.
#include "train/dataset_checks.h"

#include <arrow/api.h>

#include <algorithm>
#include <set>

#include "base/text.h"

namespace millpond::train {
namespace {

constexpr size_t kExamples = 5;

// "shop=a, id=3" of a row.
std::string Describe(const std::vector<std::string>& columns, std::string text) {
  std::vector<std::string> values = base::Split(text, '\x1f');
  for (size_t i = 0; i < columns.size() && i < values.size(); ++i) {
    values[i] = columns[i] + "=" + values[i];
  }
  return base::Join(values, ", ");
}

Status CheckExists(const arrow::Schema& schema, const std::string& column, std::string_view role) {
  if (schema.GetFieldIndex(column) >= 0) return Status::OK();
  return base::Invalid("{} '{}' is not a column of the query.{} It gives: {}", role, column,
                       base::DidYouMean(column, schema.field_names()),
                       base::Join(schema.field_names(), ", "));
}

// Which parts the group at hand has rows in.
class LeakCount {
 public:
  explicit LeakCount(size_t parts) : seen_(parts) {}

  void Add(const std::string& group, int32_t part) {
    if (group != group_) Close();
    group_ = group;
    if (part >= 0) seen_[static_cast<size_t>(part)] = true;
  }
  void Close() {
    if (std::ranges::count(seen_, true) > 1) {
      ++groups_;
      if (examples_.size() < kExamples) examples_.push_back(group_);
    }
    seen_.assign(seen_.size(), false);
  }
  int64_t groups() const { return groups_; }
  const std::vector<std::string>& examples() const { return examples_; }

 private:
  std::vector<bool> seen_;
  std::string group_;
  int64_t groups_ = 0;
  std::vector<std::string> examples_;
};

}  // namespace

Status KeyCheck::Check(const arrow::RecordBatch& batch) {
  ARROW_ASSIGN_OR_RAISE(KeyText key, KeyText::Make(batch, key_));
  std::string text;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    if (!key.Write(row, &text)) {
      return base::Invalid(
          "the key ({}) is null in a row; drop such rows in the query or name another key",
          base::Join(key_, ", "));
    }
    if (!first_ && text == previous_) {
      return base::Invalid(
          "the key is not unique: {} is there more than once; name columns that identify a row, or "
          "keep one row of each in the query",
          Describe(key_, text));
    }
    first_ = false;
    previous_.swap(text);
  }
  return Status::OK();
}

Status CheckColumns(const DatasetDefinition& definition, const arrow::Schema& schema) {
  std::set<std::string> names;
  for (const std::string& name : schema.field_names()) {
    if (!names.insert(name).second) {
      return base::Invalid("the query gives the column '{}' twice; name one of them with AS", name);
    }
  }
  for (const std::string& column : definition.key) {
    ARROW_RETURN_NOT_OK(CheckExists(schema, column, "key"));
    ARROW_RETURN_NOT_OK(CheckKeyType(*schema.GetFieldByName(column)));
  }
  for (const std::string& column : definition.labels) {
    ARROW_RETURN_NOT_OK(CheckExists(schema, column, "label"));
  }
  for (const std::string& column : definition.features) {
    ARROW_RETURN_NOT_OK(CheckExists(schema, column, "feature"));
  }
  if (!definition.group.empty()) {
    ARROW_RETURN_NOT_OK(CheckExists(schema, definition.group, "group"));
    ARROW_RETURN_NOT_OK(CheckKeyType(*schema.GetFieldByName(definition.group)));
  }
  const std::string& split = definition.split.column;
  if (split.empty()) return Status::OK();
  ARROW_RETURN_NOT_OK(CheckExists(schema, split, "the column of the split"));
  auto field = schema.GetFieldByName(split);
  return definition.split.method == SplitMethod::kTime ? CheckTimeType(*field)
                                                       : CheckKeyType(*field);
}

std::string QuotedColumns(const std::vector<std::string>& columns) {
  std::vector<std::string> quoted;
  for (const std::string& column : columns) quoted.push_back(base::QuoteIdentifier(column));
  return base::Join(quoted, ", ");
}

Result<PartCounts> CountParts(query::Session& session, const Dataset& dataset,
                              const base::Context& context) {
  const DatasetDefinition& definition = dataset.definition;
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        SelectPinned(session, dataset, QuotedColumns(PlanColumns(definition)),
                                     "ORDER BY " + QuotedColumns(definition.key), context));
  PartCounts counts;
  counts.rows.resize(PartNames(dataset).size());
  KeyCheck check(definition.key);
  int64_t done = 0;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) return counts;
    ARROW_RETURN_NOT_OK(check.Check(*batch));
    ARROW_ASSIGN_OR_RAISE(std::vector<int32_t> parts,
                          AssignParts(dataset.plan, definition.key, *batch));
    for (int32_t part : parts) {
      ++(part == kNoPart ? counts.unassigned : counts.rows[static_cast<size_t>(part)]);
    }
    context.Report(
        {"check keys and splits of " + definition.name, done += batch->num_rows(), -1, "rows"});
  }
}

Result<base::Json> FindLeaks(query::Session& session, const Dataset& dataset,
                             const base::Context& context) {
  const DatasetDefinition& definition = dataset.definition;
  const SplitDefinition& split = definition.split;
  bool by_group = split.method == SplitMethod::kGroup && split.column == definition.group;
  if (definition.group.empty() || by_group || dataset.plan.parts.size() < 2) return base::Json();
  std::vector<std::string> columns = PlanColumns(definition);
  if (std::ranges::find(columns, definition.group) == columns.end()) {
    columns.push_back(definition.group);
  }
  std::string group = base::QuoteIdentifier(definition.group);
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        SelectPinned(session, dataset, QuotedColumns(columns),
                                     "WHERE " + group + " IS NOT NULL ORDER BY " + group, context));
  LeakCount leaks(dataset.plan.parts.size());
  std::string text;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_ASSIGN_OR_RAISE(std::vector<int32_t> parts,
                          AssignParts(dataset.plan, definition.key, *batch));
    ARROW_ASSIGN_OR_RAISE(KeyText groups, KeyText::Make(*batch, {definition.group}));
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      if (groups.Write(row, &text)) leaks.Add(text, parts[static_cast<size_t>(row)]);
    }
  }
  leaks.Close();
  return base::Json{
      {"column", definition.group}, {"groups", leaks.groups()}, {"examples", leaks.examples()}};
}

std::vector<std::string> PartNames(const Dataset& dataset) {
  if (dataset.plan.method == SplitMethod::kNone) return {"all"};
  return dataset.plan.parts;
}

}  // namespace millpond::train
