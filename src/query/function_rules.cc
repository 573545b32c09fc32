// The two lists behind the function rules.
#include "query/function_rules.h"

#include <algorithm>
#include <array>

namespace millpond::query {
namespace {

constexpr std::array<std::string_view, 8> kTableFunctions{
    "generate_series", "json_each",  "json_tree",      "range",
    "repeat",          "repeat_row", "test_all_types", "unnest",
};

// Reads of settings, variables, catalogs and statistics (which show what filters hide); parsing and
// planning of other statements; waiting; writing to logs and sequences.
constexpr std::array<std::string_view, 36> kForbidden{
    "current_catalog",
    "current_connection_id",
    "current_database",
    "current_query",
    "current_query_id",
    "current_role",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_transaction_id",
    "current_user",
    "currval",
    "format_pg_type",
    "format_type",
    "get_block_size",
    "getenv",
    "getvariable",
    "in_search_path",
    "json_deserialize_sql",
    "json_execute_serialized_sql",
    "json_serialize_plan",
    "json_serialize_sql",
    "map_to_pg_oid",
    "nextval",
    "obj_description",
    "col_description",
    "parse_duckdb_log_message",
    "session_user",
    "shobj_description",
    "sleep_ms",
    "stats",
    "txid_current",
    "user",
    "vector_type",
    "write_log",
    "which_secret",
};

constexpr std::array<std::string_view, 7> kForbiddenBeginnings{
    "__internal_", "duckdb_", "has_", "inet_", "pg_", "pragma_", "read_",
};

}  // namespace

Status CheckTableFunction(std::string_view lower_name) {
  if (std::find(kTableFunctions.begin(), kTableFunctions.end(), lower_name) !=
      kTableFunctions.end()) {
    return Status::OK();
  }
  return base::Denied(
      "the table function {} is not allowed: queries read the pond's tables only (files are "
      "brought "
      "in by `millpond sync`)",
      lower_name);
}

Status CheckScalarFunction(std::string_view lower_name) {
  const bool begins =
      std::any_of(kForbiddenBeginnings.begin(), kForbiddenBeginnings.end(),
                  [&](std::string_view beginning) { return lower_name.starts_with(beginning); });
  if (!begins && std::find(kForbidden.begin(), kForbidden.end(), lower_name) == kForbidden.end()) {
    return Status::OK();
  }
  return base::Denied("the function {} is not allowed in queries of a pond", lower_name);
}

}  // namespace millpond::query
