// Nothing but a DecisionPoint decides: a function that says yes is not one.
// expect: cannot convert|could not convert
#include "query/session.h"

arrow::Result<std::shared_ptr<millpond::query::Session>> Careless(
    std::shared_ptr<millpond::table::Catalog> catalog) {
  auto yes = std::make_shared<bool (*)()>([] { return true; });
  return millpond::query::Session::Open({"ana", {}}, yes, catalog, {});
}
