// Columns and properties, in the pond's name.
#include "api/alter.h"

#include <arrow/type.h>

#include "base/text.h"
#include "table/commit.h"

namespace millpond::api {
namespace {

using base::Json;
using Kind = table::SchemaStep::Kind;

Result<Kind> KindOf(const std::string& action) {
  static const std::map<std::string, Kind> kinds = {
      {"add", Kind::kAdd},          {"drop", Kind::kDrop},   {"rename", Kind::kRename},
      {"move", Kind::kMove},        {"widen", Kind::kWiden}, {"optional", Kind::kOptional},
      {"describe", Kind::kDescribe}};
  const auto found = kinds.find(action);
  if (found != kinds.end()) return found->second;
  return base::Invalid(
      "no change of columns is called '{}'; there are add, drop, rename, move, widen, optional and "
      "describe",
      action);
}

Result<table::TableName> NameOf(const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(const auto at, table::TableAtRef::Parse(text));
  if (at.ref.empty()) return at.table;
  return base::Invalid("a table is altered at its head; name it without '@{}'", at.ref);
}

table::CommitInfo InfoOf(const Pond& pond, const std::string& message, const std::string& words,
                         const std::string& branch) {
  table::CommitInfo info;
  info.author = pond.author();
  info.message = message.empty() ? words : message;
  info.operation = "alter";
  if (!branch.empty()) info.branch = branch;
  return info;
}

}  // namespace

Result<std::shared_ptr<arrow::DataType>> SqlType(Pond& pond, const std::string& name) {
  const std::string lower = base::ToLower(base::Trim(name));
  if (lower == "uuid") {
    return base::Invalid(
        "columns of type uuid lose rows in other engines; use VARCHAR, or BLOB for its 16 bytes");
  }
  if (lower == "time" || lower.starts_with("time ")) {
    return base::Invalid(
        "columns of type time cannot be read by Spark; use BIGINT microseconds, or a TIMESTAMP");
  }
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  auto schema = session->SchemaOf("SELECT CAST(NULL AS " + name + "\n) AS c", {});
  if (!schema.ok()) return base::WithContext("type '" + name + "'", schema.status());
  if ((*schema)->num_fields() != 1) return base::Invalid("'{}' is not a type", name);
  return (*schema)->field(0)->type();
}

Json ColumnsToJson(const arrow::Schema& schema) {
  Json columns = Json::array();
  for (const auto& field : schema.fields()) {
    columns.push_back({{"name", field->name()},
                       {"type", field->type()->ToString()},
                       {"required", !field->nullable()}});
  }
  return columns;
}

Result<Json> AlterColumns(Pond& pond, const std::string& table,
                          const std::vector<ColumnChange>& changes, const std::string& message,
                          const std::string& branch) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(table));
  std::vector<table::SchemaStep> steps;
  std::vector<std::string> words;
  Json details = Json::array();
  for (const ColumnChange& change : changes) {
    table::SchemaStep step;
    ARROW_ASSIGN_OR_RAISE(step.kind, KindOf(change.action));
    step.column = change.column;
    if (step.kind == Kind::kAdd || step.kind == Kind::kWiden) {
      ARROW_ASSIGN_OR_RAISE(step.type, SqlType(pond, change.value));
    } else {
      step.name = change.value;
    }
    steps.push_back(std::move(step));
    words.push_back(change.action + " " + change.column +
                    (change.value.empty() ? "" : " " + change.value));
    details.push_back(
        {{"action", change.action}, {"column", change.column}, {"value", change.value}});
  }
  table::CommitInfo info =
      InfoOf(pond, message, "alter " + name.ToString() + ": " + base::Join(words, ", "), branch);
  info.details = {{"changes", std::move(details)}};
  table::PendingCommit commit(pond.catalog(), std::move(info));
  ARROW_RETURN_NOT_OK(commit.AlterSchema(name, steps));
  ARROW_ASSIGN_OR_RAISE(const auto schema, commit.SchemaOf(name));
  ARROW_ASSIGN_OR_RAISE(const auto landed, commit.Land({}));
  return Json{{"commit", landed.id}, {"columns", ColumnsToJson(*schema)}};
}

Result<Json> SetProperties(Pond& pond, const std::string& table,
                           const std::map<std::string, std::optional<std::string>>& properties,
                           const std::string& message, const std::string& branch) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(table));
  std::vector<std::string> words;
  Json details = Json::object();
  for (const auto& [key, value] : properties) {
    words.push_back(value ? key + "=" + *value : "no " + key);
    details[key] = value ? Json(*value) : Json();
  }
  table::CommitInfo info =
      InfoOf(pond, message, "alter " + name.ToString() + ": " + base::Join(words, ", "), branch);
  info.details = {{"properties", std::move(details)}};
  table::PendingCommit commit(pond.catalog(), std::move(info));
  ARROW_RETURN_NOT_OK(commit.SetProperties(name, properties));
  ARROW_ASSIGN_OR_RAISE(const auto landed, commit.Land({}));
  ARROW_ASSIGN_OR_RAISE(const auto stored, pond.catalog()->Load(name));
  return Json{{"commit", landed.id}, {"properties", stored.metadata->properties}};
}

}  // namespace millpond::api
