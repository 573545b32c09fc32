// The pond as an Iceberg REST catalog: what its routes ask, as functions from the protocol's JSON
// to its JSON (REST catalog spec 1.11). Names come apart into levels; errors carry the protocol's
// own wording where clients look at it. Every table handed out whole passes the gate. Called by
// server/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"

namespace millpond::api {

/// Who asks, and of which pond.
struct CatalogCaller {
  Pond& pond;
  query::Principal principal;
  const base::Context& context;
};

using Levels = std::vector<std::string>;  ///< A namespace, outermost level first.

/// A table or view as the protocol names it.
struct CatalogName {
  Levels space;
  std::string name;
};

/// {"namespace": […], "name": …} of the protocol.
Result<CatalogName> CatalogNameOf(const base::Json& json);

// Namespaces. Reports are the protocol's response bodies.
/// Those directly below `parent`; empty: the outermost.
Result<base::Json> ListNamespaces(CatalogCaller& caller, const Levels& parent);
Result<base::Json> CreateNamespace(CatalogCaller& caller, const base::Json& request);
Result<base::Json> LoadNamespace(CatalogCaller& caller, const Levels& space);
Result<base::Json> UpdateNamespace(CatalogCaller& caller, const Levels& space,
                                   const base::Json& request);
Status DropNamespace(CatalogCaller& caller, const Levels& space);

// Tables.
Result<base::Json> ListCatalogTables(CatalogCaller& caller, const Levels& space);
Result<base::Json> CreateCatalogTable(CatalogCaller& caller, const Levels& space,
                                      const base::Json& request);
Result<base::Json> RegisterCatalogTable(CatalogCaller& caller, const Levels& space,
                                        const base::Json& request);
/// `only_refs`: leaves out snapshots that no branch or tag names.
Result<base::Json> LoadCatalogTable(CatalogCaller& caller, const CatalogName& name, bool only_refs);
Result<base::Json> CommitCatalogTable(CatalogCaller& caller, const CatalogName& name,
                                      const base::Json& request);
/// {"table-changes": […]}: one pond commit over all of them.
Status CommitCatalogTables(CatalogCaller& caller, const base::Json& request);
/// The files stay for as long as the pond's history reaches them.
Status DropCatalogTable(CatalogCaller& caller, const CatalogName& name);
Status RenameCatalogTable(CatalogCaller& caller, const base::Json& request);

// Views.
Result<base::Json> ListCatalogViews(CatalogCaller& caller, const Levels& space);
Result<base::Json> CreateCatalogView(CatalogCaller& caller, const Levels& space,
                                     const base::Json& request);
/// A view of a metadata file that is in the store already.
Result<base::Json> RegisterCatalogView(CatalogCaller& caller, const Levels& space,
                                       const base::Json& request);
Result<base::Json> LoadCatalogView(CatalogCaller& caller, const CatalogName& name);
Result<base::Json> ReplaceCatalogView(CatalogCaller& caller, const CatalogName& name,
                                      const base::Json& request);
Status DropCatalogView(CatalogCaller& caller, const CatalogName& name);
Status RenameCatalogView(CatalogCaller& caller, const base::Json& request);

}  // namespace millpond::api
