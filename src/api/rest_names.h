// Names of the REST protocol and what is behind them in the catalog. Used by the rest_*.cc verbs.
#pragma once

#include <string>

#include "api/rest_catalog.h"
#include "table/table_name.h"

namespace millpond::api {

/// Levels joined by '.'; kNotFound ("Namespace does not exist") for names that no pond can hold.
Result<std::string> SpaceOf(const Levels& space);
Levels LevelsOf(const std::string& space);
Result<table::TableName> TableNameOf(const CatalogName& name, const char* what);
/// {"namespace": […], "name": …}.
base::Json NameJson(const table::TableName& name);

/// A member of a request; kInvalid where it is missing or of another type.
Result<std::string> TextIn(const base::Json& request, const char* key);
Result<base::Json> ObjectIn(const base::Json& request, const char* key);

/// What has the name: "TABLE", "VIEW", or "" where nothing has.
Result<std::string> KindOfName(Pond& pond, const table::TableName& name);
/// kNotFound where there is no such namespace.
Status CheckNamespace(Pond& pond, const std::string& space);

}  // namespace millpond::api
