// What changed between two refs, table by table: columns by field id, totals, and rows by key
// counted with SQL.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>

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

int64_t RowsOf(const TableVersion& version) {
  if (!version.snapshot_id) return 0;
  const auto* snapshot = version.table.metadata->SnapshotById(*version.snapshot_id);
  if (snapshot == nullptr) return 0;
  const auto found = snapshot->summary.find("total-records");
  return found == snapshot->summary.end() ? 0 : std::atoll(found->second.c_str());
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

/// Names of the columns that identify a row on both sides; empty where there are none.
std::vector<std::string> KeyOf(const Pair& pair) {
  std::vector<std::string> key;
  for (const int32_t id : pair.after->table.metadata->schema().identifier_field_ids) {
    for (const auto& field : pair.after->schema->fields()) {
      if (table::FieldIdOf(*field) == id &&
          pair.before->schema->GetFieldByName(field->name()) != nullptr) {
        key.push_back(field->name());
      }
    }
  }
  return key;
}

std::string AtSnapshot(const TableVersion& version) {
  return fmt::format("{}.{} AT SNAPSHOT {}", base::QuoteIdentifier(version.table.name.space),
                     base::QuoteIdentifier(version.table.name.name), *version.snapshot_id);
}

/// One pass over both sides: rows only here, only there, and in both with other values in the
/// shared columns.
std::string CountChangesSql(const Pair& pair, const std::vector<std::string>& key) {
  std::vector<std::string> joins, differs;
  for (const auto& column : key) {
    const std::string name = base::QuoteIdentifier(column);
    joins.push_back(fmt::format("a.{0} = b.{0}", name));
  }
  for (const auto& field : pair.after->schema->fields()) {
    const bool shared = pair.before->schema->GetFieldByName(field->name()) != nullptr;
    const bool in_key = std::find(key.begin(), key.end(), field->name()) != key.end();
    const std::string name = base::QuoteIdentifier(field->name());
    if (shared && !in_key) differs.push_back(fmt::format("a.{0} IS DISTINCT FROM b.{0}", name));
  }
  const std::string first = base::QuoteIdentifier(key.front());
  const std::string changed = differs.empty() ? "false" : base::Join(differs, " OR ");
  return fmt::format(
      "SELECT count(*) FILTER (a.{0} IS NULL), count(*) FILTER (b.{0} IS NULL), "
      "count(*) FILTER (a.{0} IS NOT NULL AND b.{0} IS NOT NULL AND ({1})) "
      "FROM (SELECT * FROM {2}) a FULL OUTER JOIN (SELECT * FROM {3}) b ON {4}",
      first, changed, AtSnapshot(*pair.before), AtSnapshot(*pair.after),
      base::Join(joins, " AND "));
}

Result<Json> CountRowChanges(Pond& pond, const Pair& pair, const base::Context& context) {
  if (!pair.before->snapshot_id || !pair.after->snapshot_id) {
    return Json{{"added", RowsOf(*pair.after)}, {"removed", RowsOf(*pair.before)}, {"changed", 0}};
  }
  const auto key = KeyOf(pair);
  if (key.empty()) return Json(nullptr);
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(auto result, session->Sql(CountChangesSql(pair, key), {}, context));
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
    Json entry = {{"table", name.ToString()},
                  {"rows_before", pair.before ? RowsOf(*pair.before) : 0},
                  {"rows_after", pair.after ? RowsOf(*pair.after) : 0},
                  {"rows", nullptr}};
    if (!pair.before || !pair.after) {
      entry["change"] = pair.after ? "added" : "removed";
      tables.push_back(std::move(entry));
      continue;
    }
    const bool same_rows = pair.before->snapshot_id == pair.after->snapshot_id;
    if (same_rows && pair.before->schema->Equals(*pair.after->schema, true)) continue;
    entry["change"] = "changed";
    entry["columns"] = ColumnChanges(*pair.before->schema, *pair.after->schema);
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
