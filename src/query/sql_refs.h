// Rewrites table refs, which DuckDB's grammar lacks, into quoted names, which it has:
//   shop.orders@v1            ->  shop."orders@v1"
//   shop.orders AT TAG v1     ->  shop."orders@v1", named "orders" where no alias is given
// with TAG, BRANCH, COMMIT, SNAPSHOT or TIMESTAMP. Unquoted refs hold letters, digits and _ - ~ :
// between them; others are quoted: orders@"my tag", AT TAG 'my tag'. Called by statement.cc.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "query/text_edits.h"

namespace millpond::query {

struct SqlRefs {
  TextEdits edits;
  std::string sql;  ///< The new text.
  std::map<size_t, std::string>
      default_names;  ///< AT form: where its name begins in `sql` -> name.
};

/// kInvalid where AT TAG and the like lack their value. `source` must outlive the result.
Result<SqlRefs> RewriteRefs(std::string_view source);

}  // namespace millpond::query
