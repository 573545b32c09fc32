// Opening a session takes who asks and who decides.
// expect: no matching function|could not convert|too few arguments|cannot convert
#include "query/session.h"

arrow::Result<std::shared_ptr<millpond::query::Session>> Careless(
    std::shared_ptr<millpond::table::Catalog> catalog) {
  return millpond::query::Session::Open(catalog, millpond::query::SessionSettings{});
}
