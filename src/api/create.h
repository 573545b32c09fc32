// create: an empty table with stated columns.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/pond.h"
#include "base/json.h"

namespace millpond::api {

struct CreateRequest {
  std::string table;
  std::string columns;            ///< "id BIGINT NOT NULL, at TIMESTAMP, note VARCHAR": SQL types.
  std::vector<std::string> keys;  ///< Identifier columns; empty: sample_id, which is added.
  std::map<std::string, std::string> properties;
  int format_version = 2;  ///< 3: row lineage and deletion vectors.
  std::string message;
  std::string branch;  ///< Empty: main.
};

/// {"commit", "table", "columns": [{"name", "type", "required"}]}
Result<base::Json> CreateTable(Pond& pond, const CreateRequest& request);

}  // namespace millpond::api
