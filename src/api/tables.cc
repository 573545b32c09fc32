// ls and show, from metadata: their cost does not depend on how much data there is, only on how
// many rows are deleted beside it.
#include "api/tables.h"

#include <arrow/type.h>

#include <algorithm>

#include "api/live_rows.h"
#include "base/time.h"
#include "table/schema.h"
#include "table/snapshot_summary.h"

namespace millpond::api {
namespace {

using base::Json;

/// A total from a snapshot's summary; null where the writer left it out.
Json TotalOf(const table::Snapshot* snapshot, const char* key) {
  if (snapshot == nullptr) return 0;
  const auto total = table::TotalIn(*snapshot, key);
  return total ? Json(*total) : Json(nullptr);
}

Json OptionalId(const std::optional<int64_t>& id) { return id ? Json(*id) : Json(nullptr); }

Status AddTotals(Pond& pond, const table::TableVersion& version, Json* into) {
  const auto& metadata = *version.table.metadata;
  const auto* snapshot =
      version.snapshot_id ? metadata.SnapshotById(*version.snapshot_id) : nullptr;
  ARROW_ASSIGN_OR_RAISE((*into)["rows"], LiveRows(pond, version, {}));
  (*into)["files"] = TotalOf(snapshot, "total-data-files");
  (*into)["bytes"] = TotalOf(snapshot, "total-files-size");
  (*into)["snapshot"] = OptionalId(version.snapshot_id);
  (*into)["updated"] =
      base::FormatUtc(snapshot != nullptr ? snapshot->timestamp_ms : metadata.last_updated_ms);
  return Status::OK();
}

Json ColumnsOf(const table::TableVersion& version) {
  const auto& identifiers = version.table.metadata->schema().identifier_field_ids;
  Json columns = Json::array();
  for (const auto& field : version.schema->fields()) {
    const auto id = table::FieldIdOf(*field);
    const bool identifies =
        id && std::find(identifiers.begin(), identifiers.end(), *id) != identifiers.end();
    columns.push_back({{"id", id ? Json(*id) : Json(nullptr)},
                       {"name", field->name()},
                       {"type", field->type()->ToString()},
                       {"required", !field->nullable()},
                       {"identifier", identifies}});
  }
  return columns;
}

/// Other engines change the heads of branches; what any other ref names is recorded.
Result<std::vector<table::TableName>> UnrecordedAt(table::History& history,
                                                   const std::string& ref) {
  if (ref.empty()) return history.Unrecorded();
  ARROW_ASSIGN_OR_RAISE(auto refs, history.Refs());
  for (const auto& known : refs) {
    if (known.kind == table::kBranchKind && known.name == ref) return history.Unrecorded(ref);
  }
  return std::vector<table::TableName>{};
}

}  // namespace

Result<Json> ListTables(Pond& pond, const std::string& ref) {
  auto history = pond.history();
  ARROW_ASSIGN_OR_RAISE(auto versions, history.TablesAt(ref));
  ARROW_ASSIGN_OR_RAISE(auto unrecorded, UnrecordedAt(history, ref));
  std::sort(versions.begin(), versions.end(),
            [](const auto& a, const auto& b) { return a.table.name < b.table.name; });
  Json tables = Json::array();
  for (const auto& version : versions) {
    Json entry = {{"table", version.table.name.ToString()},
                  {"columns", version.schema->num_fields()}};
    ARROW_RETURN_NOT_OK(AddTotals(pond, version, &entry));
    entry["recorded"] =
        std::find(unrecorded.begin(), unrecorded.end(), version.table.name) == unrecorded.end();
    tables.push_back(std::move(entry));
  }
  return Json{{"tables", std::move(tables)}};
}

Result<Json> ShowTable(Pond& pond, const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(auto at, table::TableAtRef::Parse(text));
  ARROW_ASSIGN_OR_RAISE(auto version, pond.history().At(at.table, at.ref));
  const auto& metadata = *version.table.metadata;
  Json snapshots = Json::array();
  for (auto it = metadata.snapshots.rbegin(); it != metadata.snapshots.rend(); ++it) {
    const auto operation = it->summary.find("operation");
    snapshots.push_back({{"id", it->id},
                         {"at", base::FormatUtc(it->timestamp_ms)},
                         {"operation", operation == it->summary.end() ? "" : operation->second},
                         {"rows", OptionalId(table::RowsOf(*it))}});
  }
  Json shown = {{"table", at.table.ToString()},  {"ref", at.ref},
                {"location", metadata.location}, {"format_version", metadata.format_version},
                {"uuid", metadata.uuid},         {"properties", metadata.properties},
                {"columns", ColumnsOf(version)}, {"snapshots", std::move(snapshots)}};
  ARROW_RETURN_NOT_OK(AddTotals(pond, version, &shown));
  return shown;
}

}  // namespace millpond::api
