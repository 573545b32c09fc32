// Turns what DuckDB reports (JSON documents: the engine sets errors_as_json) into our kinds and
// messages. Called wherever the room talks to DuckDB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace millpond::query {

/// Names of the catalogs that hold one query's views start with this; error texts never show them.
inline constexpr std::string_view kQueryCatalogPrefix = "__millpond_query_";

/// An error of DuckDB, taken apart.
struct EngineError {
  base::ErrorKind kind = base::ErrorKind::kInternal;
  std::string message;
  std::optional<int64_t> position;  ///< Byte offset in the statement that was given to DuckDB.

  Status ToStatus() const { return base::MakeError(kind, message); }
};

/// Reads `report`, the text that DuckDB's C API returned; null means that it gave none.
EngineError ReadEngineError(const char* report);

/// How many errors of DuckDB's own making this process has read so far. After one of them a
/// database may refuse all further work.
uint64_t InternalErrorsRead();

}  // namespace millpond::query
