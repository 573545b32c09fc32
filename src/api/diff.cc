// What changed between two refs, table by table: columns by field id, totals, and rows by key
// counted with SQL.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>

#include "api/live_rows.h"
#include "api/versions.h"
#include "base/text.h"
#include "table/schema.h"

namespace millpond::api {
namespace {

using base::Json;
using table::TableVersion;

/// Both sides of one table; either may be absent.
struct Pair {
  std::optional<TableVersion> before, after;
};

Result<Json> RowsOf(Pond& pond, const std::optional<TableVersion>& version,
                    const base::Context& context) {
  if (!version) return Json(0);
  return LiveRows(pond, *version, context);
}

/// Dropped and made anew under its name: no column or row of one is the other's.
bool IsAnotherTable(const Pair& pair) {
  return pair.before->table.metadata->uuid != pair.after->table.metadata->uuid;
}

Json AllColumnsChanged(const arrow::Schema& before, const arrow::Schema& after) {
  return {{"added", after.field_names()},
          {"removed", before.field_names()},
          {"changed", Json::array()}};
}

Json ColumnChanges(const arrow::Schema& before, const arrow::Schema& after) {
  std::map<int32_t, std::shared_ptr<arrow::Field>> old_columns;
  for (const auto& field : before.fields())
    old_columns[table::FieldIdOf(*field).value_or(-1)] = field;
  Json added = Json::array(), removed = Json::array(), changed = Json::array();
  for (const auto& field : after.fields()) {
    const auto found = old_columns.find(table::FieldIdOf(*field).value_or(-1));
    if (found == old_columns.end()) {
      added.push_back(field->name());
      continue;
    }
    const auto& old_field = *found->second;
    if (old_field.name() != field->name() || !old_field.type()->Equals(*field->type())) {
      changed.push_back(fmt::format("{} {} -> {} {}", old_field.name(),
                                    old_field.type()->ToString(), field->name(),
                                    field->type()->ToString()));
    }
    old_columns.erase(found);
  }
  for (const auto& [id, field] : old_columns) removed.push_back(field->name());
  return {{"added", added}, {"removed", removed}, {"changed", changed}};
}

/// A column of both sides, quoted; it is the same one by its field id, whatever it is called.
struct SharedColumn {
  int32_t id = 0;
  std::string before, after;
};

std::vector<SharedColumn> SharedColumns(const Pair& pair) {
  std::map<int32_t, std::string> old_names;
  for (const auto& field : pair.before->schema->fields()) {
    if (const auto id = table::FieldIdOf(*field)) old_names[*id] = field->name();
  }
  std::vector<SharedColumn> shared;
  for (const auto& field : pair.after->schema->fields()) {
    const auto found = old_names.find(table::FieldIdOf(*field).value_or(-1));
    if (found == old_names.end()) continue;
    shared.push_back(
        {found->first, base::QuoteIdentifier(found->second), base::QuoteIdentifier(field->name())});
  }
  return shared;
}

std::string AtSnapshot(const TableVersion& version) {
  return fmt::format("{}.{} AT SNAPSHOT {}", base::QuoteIdentifier(version.table.name.space),
                     base::QuoteIdentifier(version.table.name.name), *version.snapshot_id);
}

/// Empty where no column identifies a row on both sides. One pass over the files that differ: rows
/// only here, only there, and in both with other values in the shared columns.
std::string CountChangesSql(const Pair& pair) {
  const auto& ids = pair.after->table.metadata->schema().identifier_field_ids;
  std::vector<std::string> joins, differs;
  const SharedColumn* key = nullptr;
  const auto columns = SharedColumns(pair);
  for (const SharedColumn& column : columns) {
    if (std::find(ids.begin(), ids.end(), column.id) == ids.end()) {
      differs.push_back(fmt::format("a.{} IS DISTINCT FROM b.{}", column.before, column.after));
    } else {
      joins.push_back(fmt::format("a.{} = b.{}", column.before, column.after));
      if (key == nullptr) key = &column;
    }
  }
  if (key == nullptr) return "";
  const std::string changed = differs.empty() ? "false" : base::Join(differs, " OR ");
  return fmt::format(
      "SELECT count(*) FILTER (a.{0} IS NULL), count(*) FILTER (b.{1} IS NULL), "
      "count(*) FILTER (a.{0} IS NOT NULL AND b.{1} IS NOT NULL AND ({2})) "
      "FROM (SELECT * FROM {3}) a FULL OUTER JOIN (SELECT * FROM {4}) b ON {5}",
      key->before, key->after, changed, AtSnapshot(*pair.before), AtSnapshot(*pair.after),
      base::Join(joins, " AND "));
}

Result<Json> CountRowChanges(Pond& pond, const Pair& pair, const base::Context& context) {
  if (!pair.before->snapshot_id || !pair.after->snapshot_id || IsAnotherTable(pair)) {
    Json rows = {{"changed", 0}};
    ARROW_ASSIGN_OR_RAISE(rows["added"], RowsOf(pond, pair.after, context));
    ARROW_ASSIGN_OR_RAISE(rows["removed"], RowsOf(pond, pair.before, context));
    return rows;
  }
  const std::string sql = CountChangesSql(pair);
  if (sql.empty()) return Json(nullptr);
  query::SqlOptions options;
  options.differences_only = true;
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(auto result, session->Sql(sql, options, context));
  ARROW_ASSIGN_OR_RAISE(auto batch, result.reader->Next());
  if (batch == nullptr || batch->num_rows() != 1)
    return base::Internal("counting row changes gave no row");
  auto count = [&](int column) {
    return static_cast<const arrow::Int64Array&>(*batch->column(column)).Value(0);
  };
  return Json{{"added", count(0)}, {"removed", count(1)}, {"changed", count(2)}};
}

Result<std::map<table::TableName, Pair>> PairTables(Pond& pond, const DiffRequest& request) {
  auto history = pond.history();
  ARROW_ASSIGN_OR_RAISE(auto before, history.TablesAt(request.from));
  ARROW_ASSIGN_OR_RAISE(auto after, history.TablesAt(request.to));
  std::map<table::TableName, Pair> pairs;
  for (auto& version : before) pairs[version.table.name].before = std::move(version);
  for (auto& version : after) pairs[version.table.name].after = std::move(version);
  if (request.table.empty()) return pairs;
  ARROW_ASSIGN_OR_RAISE(auto only, table::TableName::Parse(request.table));
  const auto found = pairs.find(only);
  if (found == pairs.end()) {
    return base::NotFound("no table '{}' at '{}' or '{}'", only.ToString(), request.from,
                          request.to.empty() ? "main" : request.to);
  }
  return std::map<table::TableName, Pair>{*found};
}

}  // namespace

Result<Json> Diff(Pond& pond, const DiffRequest& request, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto pairs, PairTables(pond, request));
  Json tables = Json::array();
  for (const auto& [name, pair] : pairs) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    const bool both = pair.before && pair.after;
    const bool another = both && IsAnotherTable(pair);
    const bool same_rows = both && !another && pair.before->snapshot_id == pair.after->snapshot_id;
    if (same_rows && pair.before->schema->Equals(*pair.after->schema, true)) continue;
    Json entry = {{"table", name.ToString()}, {"rows", nullptr}};
    ARROW_ASSIGN_OR_RAISE(entry["rows_before"], RowsOf(pond, pair.before, context));
    ARROW_ASSIGN_OR_RAISE(entry["rows_after"], RowsOf(pond, pair.after, context));
    if (!both) {
      entry["change"] = pair.after ? "added" : "removed";
      tables.push_back(std::move(entry));
      continue;
    }
    entry["change"] = another ? "replaced" : "changed";
    entry["columns"] = another ? AllColumnsChanged(*pair.before->schema, *pair.after->schema)
                               : ColumnChanges(*pair.before->schema, *pair.after->schema);
    if (request.rows && !same_rows) {
      ARROW_ASSIGN_OR_RAISE(entry["rows"], CountRowChanges(pond, pair, context));
    }
    tables.push_back(std::move(entry));
  }
  return Json{{"from", request.from},
              {"to", request.to.empty() ? "main" : request.to},
              {"tables", std::move(tables)}};
}

}  // namespace millpond::api
