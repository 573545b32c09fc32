// The Iceberg REST catalog protocol over HTTP: routes, error bodies, paging, entity tags. The verbs
// are api/rest_catalog.h.
#pragma once

#include "api/pond.h"
#include "base/context.h"
#include "server/auth.h"
#include "server/routes.h"

namespace millpond::server {

/// Adds the routes below /v1. `pond` and `context` outlive them.
void AddIcebergRoutes(api::Pond& pond, const base::Context& context, const Authenticator& auth,
                      Routes* routes);

}  // namespace millpond::server
