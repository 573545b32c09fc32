// The Iceberg REST catalog protocol over HTTP: routes, error bodies, paging, entity tags. The verbs
// are api/rest_catalog.h.
#pragma once

#include <optional>

#include "api/pond.h"
#include "base/context.h"
#include "server/auth.h"
#include "server/routes.h"

namespace millpond::server {

/// An error as the protocol's clients read it.
HttpResponse IcebergError(const Status& status);

/// The answer to a request that carries no valid token; nullopt where it does.
std::optional<HttpResponse> RefusalOf(const Authenticator& auth, const HttpRequest& request);

/// Adds the routes below /v1. `pond` and `context` outlive them.
void AddIcebergRoutes(api::Pond& pond, const base::Context& context, const Authenticator& auth,
                      Routes* routes);

}  // namespace millpond::server
