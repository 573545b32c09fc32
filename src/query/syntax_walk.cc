// One visitor over JSON nodes. A WITH query sees those before it and, where it is recursive,
// itself; the query it belongs to sees them all. A name that is neither is a table of the pond, so
// a mistake here could only end in "unknown table", not in an unchecked read: views are made for
// these tables alone, and names of system views cannot be given to WITH queries.
#include "query/syntax_walk.h"

#include <map>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "query/file_relation.h"
#include "query/function_rules.h"

namespace millpond::query {
namespace {

using base::Json;

std::string TextAt(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool IsNull(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found == node.end() || found->is_null();
}

bool IsSystemName(std::string_view lower) {
  for (std::string_view beginning : {"duckdb_", "pg_", "pragma_", "sqlite_"}) {
    if (lower.starts_with(beginning)) return true;
  }
  return false;
}

// Byte in the text that was parsed; -1: unknown.
int64_t PositionOf(const Json& node) {
  const auto position = node.find("query_location");
  const bool known = position != node.end() && position->is_number_unsigned() &&
                     position->get<uint64_t>() < uint64_t{INT64_MAX};
  return known ? position->get<int64_t>() : -1;
}

// Positions of the tables that a FROM names itself, not in subqueries.
void CollectTables(const Json& from, std::vector<int64_t>* positions) {
  const std::string type = TextAt(from, "type");
  if (type == "BASE_TABLE") positions->push_back(PositionOf(from));
  if (type != "JOIN") return;
  CollectTables(from["left"], positions);
  CollectTables(from["right"], positions);
}

class Walk {
 public:
  explicit Walk(const std::vector<Json>& parameters) : parameters_(parameters) {}

  Status Visit(const Json& node) {
    if (node.is_array()) {
      for (const Json& child : node) ARROW_RETURN_NOT_OK(Visit(child));
      return Status::OK();
    }
    if (!node.is_object()) return Status::OK();
    const size_t outer = with_names_.size();
    ARROW_RETURN_NOT_OK(VisitWith(node));
    ARROW_RETURN_NOT_OK(Check(node));
    const std::string type = TextAt(node, "type");
    if (type == "SELECT_NODE") {
      NoteConditions(node);
      NoteStars(node);
    }
    if (type == "COLUMN_REF") NoteColumn(node);
    if (type == "JOIN" && TextAt(node, "ref_type") == "NATURAL") syntax_.has_natural_join = true;
    if (type == "BASE_TABLE" && node.contains("table_name")) ARROW_RETURN_NOT_OK(AddTable(node));
    for (const auto& [key, child] : node.items()) {
      if (key != "cte_map") ARROW_RETURN_NOT_OK(Visit(child));
    }
    with_names_.resize(outer);
    return Status::OK();
  }

  Syntax Take() { return std::move(syntax_); }

 private:
  Status VisitWith(const Json& node) {
    const auto with = node.find("cte_map");
    if (with == node.end() || !with->is_object() || IsNull(*with, "map")) return Status::OK();
    for (const Json& entry : (*with)["map"]) {
      const std::string name = base::ToLower(TextAt(entry, "key"));
      if (IsSystemName(name)) {
        return base::Denied("a WITH query cannot be called {}: choose another name", name);
      }
      const Json& query = entry["value"]["query"]["node"];
      const bool recursive = TextAt(query, "type") == "RECURSIVE_CTE_NODE";
      if (recursive) with_names_.push_back(name);
      ARROW_RETURN_NOT_OK(Visit(entry["value"]));
      if (!recursive) with_names_.push_back(name);
    }
    return Status::OK();
  }

  Status Check(const Json& node) const {
    const std::string type = TextAt(node, "type");
    if (type == "TABLE_FUNCTION" && node.contains("function")) {
      ARROW_RETURN_NOT_OK(
          CheckTableFunction(base::ToLower(TextAt(node["function"], "function_name"))));
    }
    if (node.contains("function_name")) {
      ARROW_RETURN_NOT_OK(CheckScalarFunction(base::ToLower(TextAt(node, "function_name"))));
    }
    if (type == "SHOW_REF" && IsNull(node, "query")) {
      return base::Denied(
          "SHOW is not allowed in queries: `millpond ls` lists tables, DESCRIBE shop.orders shows "
          "one");
    }
    return Status::OK();
  }

  bool IsWithName(const Json& table) const {
    if (!TextAt(table, "schema_name").empty() || !TextAt(table, "catalog_name").empty()) {
      return false;
    }
    const std::string name = base::ToLower(TextAt(table, "table_name"));
    for (const std::string& known : with_names_) {
      if (known == name) return true;
    }
    return false;
  }

  Status AddTable(const Json& node) {
    if (IsWithName(node)) return Status::OK();
    TableNode table;
    table.catalog = TextAt(node, "catalog_name");
    table.schema = TextAt(node, "schema_name");
    table.name = TextAt(node, "table_name");
    table.alias = TextAt(node, "alias");
    if (!IsNull(node, "at_clause")) {
      return base::Invalid("write {} AT SNAPSHOT 123 or AT TIMESTAMP '2026-11-01', not AT (…)",
                           table.name);
    }
    table.position = PositionOf(node);
    if (const auto found = conditions_.find(&node); found != conditions_.end()) {
      table.conditions = found->second;
    }
    syntax_.tables.push_back(std::move(table));
    return Status::OK();
  }

  void NoteColumn(const Json& node) {
    const auto names = node.find("column_names");
    if (names == node.end() || !names->is_array() || names->empty()) return;
    if (!names->back().is_string()) return;
    const std::string name = base::ToLower(names->back().get_ref<const std::string&>());
    for (const std::string_view hidden :
         {kFileColumn, kPositionColumn, kRowIdColumn, kRowSequenceColumn}) {
      if (name == hidden) syntax_.hidden_columns.insert(name);
    }
  }

  void NoteStars(const Json& select) {
    std::vector<int64_t> tables;
    if (!IsNull(select, "from_table")) CollectTables(select["from_table"], &tables);
    if (!tables.empty()) FindStars(select["select_list"], tables);
  }

  void FindStars(const Json& node, const std::vector<int64_t>& tables) {
    if (node.is_object()) {
      const std::string type = TextAt(node, "type");
      if (type == "SUBQUERY") return;  // Has SELECTs of its own.
      if (type == "STAR" && IsNull(node, "expr")) {
        syntax_.stars.push_back({PositionOf(node), TextAt(node, "relation_name"), tables});
      }
    }
    if (!node.is_structured()) return;
    for (const auto& child : node) FindStars(child, tables);
  }

  // Hands each condition of a SELECT's WHERE to the table node of its FROM that it speaks of.
  void NoteConditions(const Json& select) {
    if (IsNull(select, "where_clause") || IsNull(select, "from_table") ||
        !IsNull(select, "sample")) {
      return;
    }
    std::vector<const Json*> leaves;
    CollectLeaves(select["from_table"], &leaves);
    const bool single = leaves.size() == 1 && leaves[0] == &select["from_table"];
    for (Condition& condition : ConditionsOf(select["where_clause"], parameters_)) {
      const Json* owner = single && condition.column.size() == 1 ? leaves[0] : nullptr;
      if (condition.column.size() == 2) owner = LeafCalled(leaves, condition.column[0]);
      if (owner == nullptr) continue;
      condition.column = {condition.column.back()};
      conditions_[owner].push_back(std::move(condition));
    }
  }

  // Tables whose rows WHERE may drop before the joins without changing the result.
  static void CollectLeaves(const Json& from, std::vector<const Json*>* leaves) {
    const std::string type = TextAt(from, "type");
    if (type == "BASE_TABLE") {
      const bool plain = IsNull(from, "sample") && from.value("column_name_alias", Json()).empty();
      if (plain) leaves->push_back(&from);
      return;
    }
    if (type != "JOIN") return;
    const std::string kind = TextAt(from, "ref_type");
    if (kind != "REGULAR" && kind != "CROSS" && kind != "NATURAL") return;
    const std::string join = TextAt(from, "join_type");
    const bool inner = join == "INNER";
    if (inner || join == "LEFT" || join == "SEMI" || join == "ANTI") {
      CollectLeaves(from["left"], leaves);
    }
    if (inner) CollectLeaves(from["right"], leaves);
  }

  static const Json* LeafCalled(const std::vector<const Json*>& leaves, const std::string& name) {
    const Json* found = nullptr;
    for (const Json* leaf : leaves) {
      std::string called = TextAt(*leaf, "alias");
      if (called.empty()) called = TextAt(*leaf, "table_name");
      if (base::ToLower(called) != base::ToLower(name)) continue;
      if (found != nullptr) return nullptr;
      found = leaf;
    }
    return found;
  }

  const std::vector<Json>& parameters_;
  std::vector<std::string> with_names_;
  std::map<const Json*, std::vector<Condition>> conditions_;
  Syntax syntax_;
};

}  // namespace

Result<Syntax> WalkSyntax(const Json& node, const std::vector<Json>& parameters) {
  Walk walk(parameters);
  ARROW_RETURN_NOT_OK(walk.Visit(node));
  return walk.Take();
}

}  // namespace millpond::query
