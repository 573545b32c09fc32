// Tables of the REST catalog. A commit of the protocol is a pond commit like any other.
#include <algorithm>

#include "api/rest_names.h"
#include "base/random_id.h"
#include "base/time.h"
#include "table/commit.h"
#include "table/metadata_update.h"
#include "table/table_folder.h"

namespace millpond::api {
namespace {

using base::Json;
using table::TableName;

table::CommitInfo InfoFor(const CatalogCaller& caller, std::string operation, std::string message) {
  table::CommitInfo info;
  info.author = caller.principal.name;
  info.message = std::move(message);
  info.operation = std::move(operation);
  return info;
}

// Files know no row filters and no masks: a table is handed out whole or not at all.
Status CheckWholeRead(CatalogCaller& caller, const table::Table& table) {
  const auto& columns = *table.metadata->schema().arrow;
  ARROW_ASSIGN_OR_RAISE(const auto decision,
                        caller.pond.decisions()->DecideRead(caller.principal, table.name, columns));
  if (!decision.allowed) {
    return base::Denied("{} may not read {}: {}", caller.principal.name, table.name.ToString(),
                        decision.reason);
  }
  if (decision.row_filter.empty() && decision.masks.empty()) return Status::OK();
  return base::Denied(
      "{} may read only parts of {} ({}), so its files cannot be handed out; read it through SQL",
      caller.principal.name, table.name.ToString(), decision.reason);
}

Result<table::Table> LoadWhole(CatalogCaller& caller, const TableName& name) {
  ARROW_ASSIGN_OR_RAISE(const std::string kind, KindOfName(caller.pond, name));
  if (kind != "TABLE") return base::NotFound("Table does not exist: {}", name.ToString());
  ARROW_ASSIGN_OR_RAISE(auto loaded, caller.pond.catalog()->Load(name));
  ARROW_RETURN_NOT_OK(CheckWholeRead(caller, loaded));
  return loaded;
}

Json TableJson(const std::string& location, const Json& document) {
  Json response = {{"metadata", document}, {"config", Json::object()}};
  if (!location.empty()) response["metadata-location"] = location;
  return response;
}

void KeepOnlyRefs(Json* document) {
  Json kept = Json::array();
  const Json refs = document->value("refs", Json::object());
  for (Json& snapshot : (*document)["snapshots"]) {
    const bool named = std::any_of(refs.begin(), refs.end(), [&](const Json& ref) {
      return ref.value("snapshot-id", Json()) == snapshot.value("snapshot-id", Json(0));
    });
    if (named) kept.push_back(std::move(snapshot));
  }
  (*document)["snapshots"] = std::move(kept);
}

Status CheckFree(CatalogCaller& caller, const TableName& name) {
  ARROW_ASSIGN_OR_RAISE(const std::string kind, KindOfName(caller.pond, name));
  if (kind == "VIEW") {
    return base::AlreadyExists("View with same name already exists: {}", name.ToString());
  }
  if (kind == "TABLE") return base::AlreadyExists("Table already exists: {}", name.ToString());
  return Status::OK();
}

struct Change {
  TableName name;
  Json requirements, updates;
};

Result<Change> ChangeOf(CatalogCaller& caller, const CatalogName& name, const Json& request) {
  Change change;
  ARROW_ASSIGN_OR_RAISE(change.name, TableNameOf(name, "Table"));
  change.requirements = request.value("requirements", Json::array());
  change.updates = request.value("updates", Json::array());
  const bool creates =
      std::any_of(change.requirements.begin(), change.requirements.end(), [](const Json& one) {
        return one.is_object() && one.value("type", Json()) == Json("assert-create");
      });
  if (creates) {
    ARROW_RETURN_NOT_OK(CheckNamespace(caller.pond, change.name.space));
    ARROW_ASSIGN_OR_RAISE(const std::string kind, KindOfName(caller.pond, change.name));
    if (kind == "TABLE") {
      return base::AlreadyExists("Requirement failed: table already exists: {}",
                                 change.name.ToString());
    }
    ARROW_RETURN_NOT_OK(CheckFree(caller, change.name));
    return change;
  }
  // A table that another engine may change is one that it may read whole.
  ARROW_RETURN_NOT_OK(LoadWhole(caller, change.name).status());
  return change;
}

Status LandChanges(CatalogCaller& caller, std::vector<Change> changes) {
  std::string names;
  for (const Change& change : changes) {
    names += (names.empty() ? "" : ", ") + change.name.ToString();
  }
  table::PendingCommit commit(caller.pond.catalog(),
                              InfoFor(caller, "catalog", "changed by a catalog client: " + names));
  for (Change& change : changes) {
    ARROW_RETURN_NOT_OK(
        commit.Update(change.name, std::move(change.requirements), std::move(change.updates)));
  }
  return commit.Land(caller.context).status();
}

}  // namespace

Result<std::string> KindOfName(Pond& pond, const TableName& name) {
  ARROW_ASSIGN_OR_RAISE(const auto kinds, pond.catalog()->Kinds(name.space));
  const auto found = kinds.find(name);
  return found == kinds.end() ? std::string() : found->second;
}

Result<Json> ListCatalogTables(CatalogCaller& caller, const Levels& space) {
  ARROW_ASSIGN_OR_RAISE(const std::string name, SpaceOf(space));
  ARROW_RETURN_NOT_OK(CheckNamespace(caller.pond, name));
  ARROW_ASSIGN_OR_RAISE(const auto kinds, caller.pond.catalog()->Kinds(name));
  Json listed = Json::array();
  for (const auto& [table, kind] : kinds) {
    if (kind == "TABLE") listed.push_back(NameJson(table));
  }
  return Json{{"identifiers", std::move(listed)}};
}

Result<Json> CreateCatalogTable(CatalogCaller& caller, const Levels& space, const Json& request) {
  ARROW_ASSIGN_OR_RAISE(const std::string table, TextIn(request, "name"));
  ARROW_ASSIGN_OR_RAISE(const std::string parent, SpaceOf(space));
  ARROW_RETURN_NOT_OK(CheckNamespace(caller.pond, parent));
  ARROW_ASSIGN_OR_RAISE(const TableName name, TableName::Parse(parent + "." + table));
  ARROW_RETURN_NOT_OK(CheckFree(caller, name));
  const std::string uuid = base::NewUuid();
  const auto& store = *caller.pond.store();
  // Only files inside the store can be kept and verified, so another place that is asked for is
  // not taken.
  std::string location = request.value("location", std::string());
  if (location.empty() || !store.PathOf(location).ok()) {
    location = table::NewTableLocation(store, name, uuid);
  }
  ARROW_ASSIGN_OR_RAISE(Json updates, table::CreationUpdates(request, uuid, location));
  if (request.value("stage-create", false)) {
    ARROW_ASSIGN_OR_RAISE(Json document, table::ApplyUpdates(Json::object(), updates, base::NowMs(),
                                                             name.ToString()));
    return TableJson("", document);
  }
  std::vector<Change> changes(1);
  changes[0] = {name, Json::array({{{"type", "assert-create"}}}), std::move(updates)};
  const Status landed = LandChanges(caller, std::move(changes));
  if (!landed.ok() && base::KindOf(landed) == base::ErrorKind::kConflict) {
    return base::AlreadyExists("Table already exists: {}", name.ToString());
  }
  ARROW_RETURN_NOT_OK(landed);
  ARROW_ASSIGN_OR_RAISE(const auto made, caller.pond.catalog()->Load(name));
  return TableJson(made.metadata_location, made.metadata->Document());
}

Result<Json> RegisterCatalogTable(CatalogCaller& caller, const Levels& space, const Json& request) {
  ARROW_ASSIGN_OR_RAISE(const std::string table, TextIn(request, "name"));
  ARROW_ASSIGN_OR_RAISE(const std::string location, TextIn(request, "metadata-location"));
  ARROW_ASSIGN_OR_RAISE(const std::string parent, SpaceOf(space));
  ARROW_RETURN_NOT_OK(CheckNamespace(caller.pond, parent));
  ARROW_ASSIGN_OR_RAISE(const TableName name, TableName::Parse(parent + "." + table));
  ARROW_RETURN_NOT_OK(CheckFree(caller, name));
  table::PendingCommit commit(caller.pond.catalog(),
                              InfoFor(caller, "register", "registered " + name.ToString()));
  ARROW_RETURN_NOT_OK(commit.Register(name, location));
  ARROW_RETURN_NOT_OK(commit.Land(caller.context).status());
  ARROW_ASSIGN_OR_RAISE(const auto made, LoadWhole(caller, name));
  return TableJson(made.metadata_location, made.metadata->Document());
}

Result<Json> LoadCatalogTable(CatalogCaller& caller, const CatalogName& asked, bool only_refs) {
  ARROW_ASSIGN_OR_RAISE(const TableName name, TableNameOf(asked, "Table"));
  ARROW_ASSIGN_OR_RAISE(const auto loaded, LoadWhole(caller, name));
  Json document = loaded.metadata->Document();
  if (only_refs && document.contains("snapshots")) KeepOnlyRefs(&document);
  return TableJson(loaded.metadata_location, document);
}

Result<Json> CommitCatalogTable(CatalogCaller& caller, const CatalogName& name,
                                const Json& request) {
  std::vector<Change> changes(1);
  ARROW_ASSIGN_OR_RAISE(changes[0], ChangeOf(caller, name, request));
  const TableName table = changes[0].name;
  ARROW_RETURN_NOT_OK(LandChanges(caller, std::move(changes)));
  ARROW_ASSIGN_OR_RAISE(const auto now, caller.pond.catalog()->Load(table));
  return Json{{"metadata-location", now.metadata_location}, {"metadata", now.metadata->Document()}};
}

Status CommitCatalogTables(CatalogCaller& caller, const Json& request) {
  const Json listed = request.value("table-changes", Json());
  if (!listed.is_array() || listed.empty()) {
    return base::Invalid("\"table-changes\" is no list, or empty");
  }
  std::vector<Change> changes;
  for (const Json& one : listed) {
    if (!one.is_object()) return base::Invalid("a table change is not an object");
    ARROW_ASSIGN_OR_RAISE(const Json identifier, ObjectIn(one, "identifier"));
    ARROW_ASSIGN_OR_RAISE(const CatalogName name, CatalogNameOf(identifier));
    ARROW_ASSIGN_OR_RAISE(Change change, ChangeOf(caller, name, one));
    changes.push_back(std::move(change));
  }
  return LandChanges(caller, std::move(changes));
}

Status DropCatalogTable(CatalogCaller& caller, const CatalogName& asked) {
  ARROW_ASSIGN_OR_RAISE(const TableName name, TableNameOf(asked, "Table"));
  ARROW_RETURN_NOT_OK(LoadWhole(caller, name).status());
  table::PendingCommit commit(caller.pond.catalog(),
                              InfoFor(caller, "drop", "dropped " + name.ToString()));
  ARROW_RETURN_NOT_OK(commit.Drop(name));
  return commit.Land(caller.context).status();
}

Status RenameCatalogTable(CatalogCaller& caller, const Json& request) {
  ARROW_ASSIGN_OR_RAISE(const Json source, ObjectIn(request, "source"));
  ARROW_ASSIGN_OR_RAISE(const Json target, ObjectIn(request, "destination"));
  ARROW_ASSIGN_OR_RAISE(const CatalogName from_name, CatalogNameOf(source));
  ARROW_ASSIGN_OR_RAISE(const CatalogName to_name, CatalogNameOf(target));
  ARROW_ASSIGN_OR_RAISE(const TableName from, TableNameOf(from_name, "Table"));
  ARROW_RETURN_NOT_OK(LoadWhole(caller, from).status());
  ARROW_ASSIGN_OR_RAISE(const std::string parent, SpaceOf(to_name.space));
  ARROW_RETURN_NOT_OK(CheckNamespace(caller.pond, parent));
  ARROW_ASSIGN_OR_RAISE(const TableName to, TableName::Parse(parent + "." + to_name.name));
  ARROW_ASSIGN_OR_RAISE(const std::string kind, KindOfName(caller.pond, to));
  if (!kind.empty()) {
    return base::AlreadyExists("Cannot rename {} to {}. {} already exists", from.ToString(),
                               to.ToString(), kind == "VIEW" ? "View" : "Table");
  }
  table::PendingCommit commit(
      caller.pond.catalog(),
      InfoFor(caller, "rename", "renamed " + from.ToString() + " to " + to.ToString()));
  ARROW_RETURN_NOT_OK(commit.Rename(from, to));
  return commit.Land(caller.context).status();
}

}  // namespace millpond::api
