// The ledger of a pond in a test: a SQLite file in its folder; with MILLPOND_TEST_LEDGER, the URL
// of a PostgreSQL database, a schema of that. So one suite runs on both.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "base/hash.h"
#include "ledger/open_ledger.h"

namespace millpond::ledger {

/// The ledger of the pond in `folder`.
inline LedgerPlace PlaceForTest(const std::string& folder) {
  const char* url = std::getenv("MILLPOND_TEST_LEDGER");
  if (url == nullptr || *url == '\0') return {.url = folder + "/ledger.db"};
  return {.url = std::string(url) + "?schema=t" + base::Sha256Hex(folder).substr(0, 24)};
}

/// As OpenLedger for that place.
inline Result<std::shared_ptr<Ledger>> OpenLedgerForTest(const std::string& folder, OpenMode mode) {
  return OpenLedger(PlaceForTest(folder), mode);
}

}  // namespace millpond::ledger
