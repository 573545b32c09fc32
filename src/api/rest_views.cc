// Views of the REST catalog.
#include "api/rest_names.h"
#include "table/views.h"

namespace millpond::api {
namespace {

using base::Json;
using table::TableName;

table::Views ViewsOf(CatalogCaller& caller) {
  return table::Views(caller.pond.catalog(), caller.principal.name);
}

Json ViewJson(const table::View& view) {
  return {{"metadata-location", view.metadata_location},
          {"metadata", view.document},
          {"config", Json::object()}};
}

Status CheckFree(CatalogCaller& caller, const TableName& name) {
  ARROW_ASSIGN_OR_RAISE(const std::string kind, KindOfName(caller.pond, name));
  if (kind == "TABLE") {
    return base::AlreadyExists("Table with same name already exists: {}", name.ToString());
  }
  if (kind == "VIEW") return base::AlreadyExists("View already exists: {}", name.ToString());
  return Status::OK();
}

}  // namespace

Result<Json> ListCatalogViews(CatalogCaller& caller, const Levels& space) {
  ARROW_ASSIGN_OR_RAISE(const std::string name, SpaceOf(space));
  ARROW_RETURN_NOT_OK(CheckNamespace(caller.pond, name));
  ARROW_ASSIGN_OR_RAISE(const auto views, ViewsOf(caller).List(name));
  Json listed = Json::array();
  for (const TableName& view : views) listed.push_back(NameJson(view));
  return Json{{"identifiers", std::move(listed)}};
}

Result<Json> CreateCatalogView(CatalogCaller& caller, const Levels& space, const Json& request) {
  ARROW_ASSIGN_OR_RAISE(const std::string view, TextIn(request, "name"));
  ARROW_ASSIGN_OR_RAISE(const std::string parent, SpaceOf(space));
  ARROW_RETURN_NOT_OK(CheckNamespace(caller.pond, parent));
  ARROW_ASSIGN_OR_RAISE(const TableName name, TableName::Parse(parent + "." + view));
  ARROW_RETURN_NOT_OK(CheckFree(caller, name));
  ARROW_ASSIGN_OR_RAISE(const auto made, ViewsOf(caller).Create(name, request, caller.context));
  return ViewJson(made);
}

Result<Json> RegisterCatalogView(CatalogCaller& caller, const Levels& space, const Json& request) {
  ARROW_ASSIGN_OR_RAISE(const std::string view, TextIn(request, "name"));
  ARROW_ASSIGN_OR_RAISE(const std::string location, TextIn(request, "metadata-location"));
  ARROW_ASSIGN_OR_RAISE(const std::string parent, SpaceOf(space));
  ARROW_RETURN_NOT_OK(CheckNamespace(caller.pond, parent));
  ARROW_ASSIGN_OR_RAISE(const TableName name, TableName::Parse(parent + "." + view));
  ARROW_RETURN_NOT_OK(CheckFree(caller, name));
  ARROW_ASSIGN_OR_RAISE(const auto made, ViewsOf(caller).Register(name, location, caller.context));
  return ViewJson(made);
}

Result<Json> LoadCatalogView(CatalogCaller& caller, const CatalogName& asked) {
  ARROW_ASSIGN_OR_RAISE(const TableName name, TableNameOf(asked, "View"));
  ARROW_ASSIGN_OR_RAISE(const auto view, ViewsOf(caller).Load(name));
  return ViewJson(view);
}

Result<Json> ReplaceCatalogView(CatalogCaller& caller, const CatalogName& asked,
                                const Json& request) {
  ARROW_ASSIGN_OR_RAISE(const TableName name, TableNameOf(asked, "View"));
  ARROW_ASSIGN_OR_RAISE(
      const auto view,
      ViewsOf(caller).Update(name, request.value("requirements", Json::array()),
                             request.value("updates", Json::array()), caller.context));
  return ViewJson(view);
}

Status DropCatalogView(CatalogCaller& caller, const CatalogName& asked) {
  ARROW_ASSIGN_OR_RAISE(const TableName name, TableNameOf(asked, "View"));
  return ViewsOf(caller).Drop(name, caller.context);
}

Status RenameCatalogView(CatalogCaller& caller, const Json& request) {
  ARROW_ASSIGN_OR_RAISE(const Json source, ObjectIn(request, "source"));
  ARROW_ASSIGN_OR_RAISE(const Json target, ObjectIn(request, "destination"));
  ARROW_ASSIGN_OR_RAISE(const CatalogName from_name, CatalogNameOf(source));
  ARROW_ASSIGN_OR_RAISE(const CatalogName to_name, CatalogNameOf(target));
  ARROW_ASSIGN_OR_RAISE(const TableName from, TableNameOf(from_name, "View"));
  ARROW_ASSIGN_OR_RAISE(const std::string parent, SpaceOf(to_name.space));
  auto views = ViewsOf(caller);
  ARROW_RETURN_NOT_OK(views.Load(from).status());
  ARROW_RETURN_NOT_OK(CheckNamespace(caller.pond, parent));
  ARROW_ASSIGN_OR_RAISE(const TableName to, TableName::Parse(parent + "." + to_name.name));
  ARROW_ASSIGN_OR_RAISE(const std::string kind, KindOfName(caller.pond, to));
  if (!kind.empty()) {
    return base::AlreadyExists("Cannot rename {} to {}. {} already exists", from.ToString(),
                               to.ToString(), kind == "VIEW" ? "View" : "Table");
  }
  return views.Rename(from, to, caller.context);
}

}  // namespace millpond::api
