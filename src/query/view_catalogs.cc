// See view_catalogs.h.
#include "query/view_catalogs.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "table/table_name.h"

namespace millpond::query {
namespace {

using base::QuoteIdentifier;

// An attached catalog takes some ten kilobytes.
constexpr size_t kKept = 32;

// The statements that make the views in the catalog that is called `catalog`.
std::string SetupOf(const std::vector<View>& views, const std::string& catalog) {
  const std::string quoted = QuoteIdentifier(catalog);
  std::string setup = "ATTACH ':memory:' AS " + quoted + "; ";
  std::set<std::string> schemas{std::string(table::kDefaultNamespace)};  // DuckDB's own default.
  for (const View& view : views) {
    const std::string schema = quoted + "." + QuoteIdentifier(view.schema);
    if (schemas.insert(base::ToLower(view.schema)).second) {
      setup += "CREATE SCHEMA " + schema + "; ";
    }
    setup +=
        "CREATE VIEW " + schema + "." + QuoteIdentifier(view.name) + " AS " + view.relation + "; ";
  }
  return setup;
}

}  // namespace

ViewCatalog::~ViewCatalog() {
  if (!open_) return;
  auto connection = engine_->Connect();
  if (connection.ok()) ARROW_UNUSED((*connection)->Execute("DETACH " + QuoteIdentifier(name_)));
}

Status ViewCatalog::Open(Connection& connection) {
  const std::lock_guard lock(mutex_);
  if (open_) return Status::OK();
  const Status status = connection.Execute(setup_);
  // Fails itself only where not even the catalog was made.
  if (!status.ok()) ARROW_UNUSED(connection.Execute("DETACH " + QuoteIdentifier(name_)));
  open_ = status.ok();
  return status;
}

std::shared_ptr<ViewCatalog> ViewCatalogs::Make(const std::vector<View>& views) {
  const std::string name = fmt::format("{}{}", kQueryCatalogPrefix, ++made_);
  return std::make_shared<ViewCatalog>(engine_, name, SetupOf(views, name));
}

std::shared_ptr<ViewCatalog> ViewCatalogs::Take(const std::vector<View>& views) {
  const std::string text = SetupOf(views, "");
  std::list<Kept> dropped;  // Goes after the lock: to detach a catalog takes a while.
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(kept_.begin(), kept_.end(),
                                  [&](const Kept& kept) { return kept.views == text; });
  if (found != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, found);
    return kept_.front().catalog;
  }
  auto catalog = Make(views);
  kept_.push_front({text, catalog});
  if (kept_.size() > kKept) dropped.splice(dropped.begin(), kept_, std::prev(kept_.end()));
  return catalog;
}

}  // namespace millpond::query
