// A session cannot come into being without a decision point.
// expect: use of deleted function .*Session::Session\(\)
#include "query/session.h"

void Careless() { millpond::query::Session session; }
