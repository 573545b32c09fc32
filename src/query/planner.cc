// Resolving, deciding, pruning, naming: see planner.h.
#include "query/planner.h"

#include <arrow/type.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/text.h"
#include "query/relation.h"
#include "query/shared_files.h"

namespace millpond::query {
namespace {

using base::QuoteIdentifier;
using table::TableName;

// What lets files of the table be skipped. A user's condition on a masked column speaks of masked
// values, which no bounds know; the row filter speaks of the table's own.
std::vector<table::Predicate> PredicatesOf(const AllowedTable& allowed) {
  std::vector<table::Predicate> predicates;
  auto append = [&](const Condition& condition, bool masked_too) {
    for (const auto& field : allowed.version.schema->fields()) {
      const std::string name = base::ToLower(field->name());
      if (condition.column.size() != 1 || base::ToLower(condition.column[0]) != name) continue;
      const bool masked =
          std::any_of(allowed.decision.masks.begin(), allowed.decision.masks.end(),
                      [&](const auto& mask) { return base::ToLower(mask.first) == name; });
      if (!masked || masked_too) AppendPredicates(condition, *field, &predicates);
    }
  };
  if (allowed.uses == 1) {
    for (const Condition& condition : allowed.conditions) append(condition, false);
  }
  for (const Condition& condition : allowed.filter) append(condition, true);
  return predicates;
}

// Names one view per table version so that what the user wrote still resolves: the namespace is a
// schema, the name as written a view. Schemas that DuckDB has itself, and names that differ only by
// case, move to a schema of their own.
class ViewNames {
 public:
  void Place(const TableUse& use, AllowedTable* allowed) {
    allowed->view = use.ref.empty() ? use.name : use.name + "@" + use.ref;
    const std::string space = use.space.empty() ? std::string(table::kDefaultNamespace) : use.space;
    const std::string lower = base::ToLower(space);
    const bool reserved = lower == "information_schema" || lower == "pg_catalog";
    allowed->schema = reserved ? space + "#" : space;
    for (int i = 2; !taken_.insert(Key(*allowed)).second; ++i) {
      allowed->schema = fmt::format("{}#{}", space, i);
    }
  }

 private:
  static std::pair<std::string, std::string> Key(const AllowedTable& allowed) {
    return {base::ToLower(allowed.schema), base::ToLower(allowed.view)};
  }
  std::set<std::pair<std::string, std::string>> taken_;
};

// In the place of a table's number: rows that the caller brought along.
constexpr size_t kGivenRows = SIZE_MAX;

// As the statement writes it: what pins go by.
TableName NameOf(const TableUse& use) {
  return {use.space.empty() ? std::string(table::kDefaultNamespace) : use.space, use.name};
}

TableRead ReadOf(const AllowedTable& allowed) {
  return {allowed.version.table.name, allowed.version.snapshot_id, allowed.decision.policy_hash};
}

/// A place in the statement's text and what it becomes.
struct Edit {
  size_t begin, end;
  std::string text;
};

// What the tables of a star's FROM offer beyond their columns, as names for EXCLUDE.
std::string HiddenBehind(const StarUse& star, const Statement& statement,
                         const std::vector<AllowedTable>& tables,
                         const std::vector<size_t>& table_of_use) {
  std::vector<std::string> names;
  for (const size_t at : star.tables) {
    if (table_of_use[at] == kGivenRows) continue;
    const TableUse& use = statement.tables[at];
    const AllowedTable& allowed = tables[table_of_use[at]];
    std::string alias = use.alias.empty() ? use.default_alias : use.alias;
    if (alias.empty()) alias = allowed.view;
    if (!star.relation.empty() && base::ToLower(star.relation) != base::ToLower(alias)) continue;
    for (const std::string& hidden : allowed.hidden) {
      names.push_back(QuoteIdentifier(alias) + "." + QuoteIdentifier(hidden));
    }
  }
  return base::Join(names, ", ");
}

Status AppendStarEdits(const Statement& statement, const std::vector<AllowedTable>& tables,
                       const std::vector<size_t>& table_of_use, std::vector<Edit>* edits) {
  for (const StarUse& star : statement.stars) {
    const std::string names = HiddenBehind(star, statement, tables, table_of_use);
    if (names.empty()) continue;
    if (star.exclude_at == 0) {
      return base::Invalid("write out SELECT and the columns: {} is named beside an implied *",
                           *statement.hidden_columns.begin());
    }
    edits->push_back({star.exclude_at, star.exclude_at, star.before + names + star.after});
    if (star.close_at > 0) edits->push_back({star.close_at, star.close_at, ")"});
  }
  return Status::OK();
}

// Replaces each table name in the statement by its view's full name, and hides from each * what it
// must not show.
Status QualifyNames(const Statement& statement, const std::vector<AllowedTable>& tables,
                    const std::vector<size_t>& table_of_use, const std::string& catalog,
                    QueryPlan* plan) {
  std::vector<Edit> edits;
  for (size_t i = 0; i < statement.tables.size(); ++i) {
    const TableUse& use = statement.tables[i];
    if (use.end == 0) {
      return base::Invalid("give the table {} an alias in a FROM clause", use.name);
    }
    if (table_of_use[i] == kGivenRows) {
      edits.push_back(
          {use.begin, use.end, QuoteIdentifier(catalog) + ".main." + QuoteIdentifier(use.name)});
      continue;
    }
    const AllowedTable& allowed = tables[table_of_use[i]];
    std::string name = QuoteIdentifier(catalog) + "." + QuoteIdentifier(allowed.schema) + "." +
                       QuoteIdentifier(allowed.view);
    if (!use.default_alias.empty()) name += " AS " + QuoteIdentifier(use.default_alias);
    edits.push_back({use.begin, use.end, std::move(name)});
  }
  ARROW_RETURN_NOT_OK(AppendStarEdits(statement, tables, table_of_use, &edits));
  std::stable_sort(edits.begin(), edits.end(),
                   [](const Edit& a, const Edit& b) { return a.begin < b.begin; });
  plan->names = TextEdits(statement.sql);
  for (const Edit& edit : edits) plan->names.Replace(edit.begin, edit.end, edit.text);
  plan->sql = plan->names.Finish();
  return Status::OK();
}

}  // namespace

struct Planner::Resolved {
  Statement statement;
  std::vector<AllowedTable> tables;
  std::vector<size_t> table_of_use;  ///< For each of statement.tables, its place in `tables`.
  std::set<std::string> given_rows;
};

Result<table::TableVersion> Planner::AtAnyCase(const TableName& name, const std::string& ref) {
  table::History history(catalog_);
  auto exact = history.At(name, ref);
  if (exact.ok() || base::KindOf(exact.status()) != base::ErrorKind::kNotFound) return exact;
  ARROW_ASSIGN_OR_RAISE(const std::vector<TableName> known, catalog_->List());
  const TableName* found = nullptr;
  std::vector<std::string> elsewhere;
  for (const TableName& candidate : known) {
    if (candidate == name) return exact;  // The table is there: the ref is not.
    const bool same_name = base::ToLower(candidate.name) == base::ToLower(name.name);
    if (same_name) elsewhere.push_back(candidate.ToString());
    if (!same_name || base::ToLower(candidate.space) != base::ToLower(name.space)) continue;
    if (found != nullptr) {
      return base::NotFound("{} is not a table, but {} and {} are: write one of them in quotes",
                            name.ToString(), found->ToString(), candidate.ToString());
    }
    found = &candidate;
  }
  if (found != nullptr) return history.At(*found, ref);
  if (name.name.find_first_of("./") != std::string::npos) {
    return base::NotFound(
        "{} is not a table: queries read the pond's tables only (bring files in with `millpond "
        "sync`)",
        name.name);
  }
  if (elsewhere.empty()) return exact;
  return base::NotFound("table {} does not exist. Did you mean {}?", name.ToString(),
                        elsewhere.front());
}

namespace {

Status ReadAsSchema(int32_t schema_id, table::TableVersion* version) {
  const table::Schema* schema = version->table.metadata->SchemaById(schema_id);
  if (schema == nullptr) {
    return base::Conflict("{} no longer has the schema {}; another engine removed it",
                          version->table.name.ToString(), schema_id);
  }
  version->schema = schema->arrow;
  version->schema_id = schema_id;
  return Status::OK();
}

}  // namespace

Result<table::TableVersion> Planner::VersionOf(const TableUse& use, const SqlOptions& options) {
  const TableName name = NameOf(use);
  const auto pin = options.pins.find(name);
  if (pin == options.pins.end()) return AtAnyCase(name, use.ref.empty() ? options.ref : use.ref);
  if (!pin->second.uuid.empty()) return table::PinnedVersion(*catalog_, name, pin->second);
  const auto& snapshot = pin->second.snapshot_id;
  if (snapshot) return table::History(catalog_).At(name, fmt::format("{}", *snapshot));
  ARROW_ASSIGN_OR_RAISE(auto version, table::History(catalog_).At(name, ""));
  version.snapshot_id.reset();  // Pinned before its first snapshot.
  return version;
}

Status Planner::Decide(Connection& connection, AllowedTable* allowed) {
  const TableName& name = allowed->version.table.name;
  ARROW_ASSIGN_OR_RAISE(allowed->decision,
                        decisions_.DecideRead(principal_, name, *allowed->version.schema));
  const ReadDecision& decision = allowed->decision;
  if (!decision.allowed) {
    return base::Denied("{} may not read {}{}", principal_.name, name.ToString(),
                        decision.reason.empty() ? "" : ": " + decision.reason);
  }
  if (!decision.row_filter.empty()) {
    ARROW_ASSIGN_OR_RAISE(allowed->filter, ParseExpression(connection, decision.row_filter,
                                                           "row filter of " + name.ToString()));
  }
  for (const auto& [column, mask] : decision.masks) {
    ARROW_RETURN_NOT_OK(
        ParseExpression(connection, mask, "mask of " + name.ToString() + "." + column).status());
  }
  return Status::OK();
}

Result<Planner::Resolved> Planner::Resolve(Connection& connection, const std::string& sql,
                                           const SqlOptions& options) {
  ARROW_ASSIGN_OR_RAISE(Statement statement, ParseStatement(connection, sql, options.parameters));
  Resolved resolved{std::move(statement), {}, {}, {}};
  ViewNames names;
  std::map<std::pair<std::string, std::string>, size_t> seen;  // As written -> table.
  std::map<TableName, std::string> pinned_refs;
  for (const TableUse& use : resolved.statement.tables) {
    if (use.space.empty() && use.ref.empty() && options.rows.contains(use.name)) {
      resolved.given_rows.insert(use.name);
      resolved.table_of_use.push_back(kGivenRows);
      continue;
    }
    const std::pair<std::string, std::string> key{use.space + "." + use.name, use.ref};
    auto found = seen.find(key);
    if (found == seen.end()) {
      ARROW_ASSIGN_OR_RAISE(auto version, VersionOf(use, options));
      const TableName name = NameOf(use);
      const auto columns = options.columns_of_schema.find(version.table.name);
      if (columns != options.columns_of_schema.end()) {
        ARROW_RETURN_NOT_OK(ReadAsSchema(columns->second, &version));
      }
      if (options.pins.contains(name) && !pinned_refs.emplace(name, use.ref).second) {
        return base::Invalid(
            "{} is pinned to one snapshot, but the statement names two versions of it",
            name.ToString());
      }
      AllowedTable allowed;
      allowed.version = std::move(version);
      ARROW_RETURN_NOT_OK(Decide(connection, &allowed));
      allowed.conditions = use.conditions;
      allowed.hidden = OfferedHiddenColumns(allowed.version, resolved.statement.hidden_columns);
      if (!allowed.hidden.empty() && resolved.statement.has_natural_join) {
        return base::Invalid("write JOIN … USING in place of NATURAL JOIN: {} is named beside it",
                             allowed.hidden.front());
      }
      names.Place(use, &allowed);
      found = seen.emplace(key, resolved.tables.size()).first;
      resolved.tables.push_back(std::move(allowed));
    }
    ++resolved.tables[found->second].uses;
    resolved.table_of_use.push_back(found->second);
  }
  return resolved;
}

Result<std::vector<TableRead>> Planner::Inputs(Connection& connection, const std::string& sql,
                                               const SqlOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const Resolved resolved, Resolve(connection, sql, options));
  std::vector<TableRead> inputs;
  for (const AllowedTable& allowed : resolved.tables) inputs.push_back(ReadOf(allowed));
  return inputs;
}

Result<std::vector<table::ScanPlan>> Planner::PlanScans(const std::vector<AllowedTable>& tables,
                                                        const SqlOptions& options) {
  std::vector<table::ScanPlan> scans;
  std::map<TableName, std::vector<size_t>> versions;
  for (const AllowedTable& allowed : tables) {
    versions[allowed.version.table.name].push_back(scans.size());
    // Pruned versions cannot be told from versions that differ.
    auto predicates =
        options.differences_only ? std::vector<table::Predicate>{} : PredicatesOf(allowed);
    ARROW_ASSIGN_OR_RAISE(table::ScanPlan scan,
                          table::PlanScan(manifests_, allowed.version, predicates));
    scans.push_back(std::move(scan));
  }
  if (!options.differences_only) return scans;
  for (const auto& [name, places] : versions) {
    std::vector<table::ScanPlan*> of_table;
    for (const size_t place : places) of_table.push_back(&scans[place]);
    LeaveOutSharedFiles(of_table);
  }
  return scans;
}

Result<View> Planner::MakeView(Connection& connection, const AllowedTable& allowed,
                               table::ScanPlan scan, QueryPlan* plan) {
  const table::TableVersion& version = allowed.version;
  ARROW_RETURN_NOT_OK(table::ReadColumns(*catalog_, version, columns_, &scan));
  FileSelection selection{version, scan, allowed.hidden};
  if (auto files = ScanFilesFor(catalog_, scan, !allowed.hidden.empty())) {
    plan->scans.push_back(connection.scans().Lease());
    selection.scan = plan->scans.back()->id();
    connection.scans().Fill(selection.scan, std::move(files));
  }
  ARROW_ASSIGN_OR_RAISE(std::string relation, RelationSql(selection, allowed.decision));
  plan->inputs.push_back(ReadOf(allowed));
  plan->has_policy |= !allowed.decision.row_filter.empty() || !allowed.decision.masks.empty();
  base::Json snapshot;
  if (version.snapshot_id) snapshot = *version.snapshot_id;
  plan->tables.push_back({{"table", version.table.name.ToString()},
                          {"snapshot", snapshot},
                          {"files_total", scan.files_total},
                          {"files_read", static_cast<int64_t>(scan.files.size())},
                          {"delete_files", static_cast<int64_t>(scan.deletes.size())},
                          {"records", scan.records}});
  return View{allowed.schema, allowed.view, std::move(relation)};
}

Result<QueryPlan> Planner::Plan(Connection& connection, const std::string& sql,
                                const SqlOptions& options, ViewCatalogs& views) {
  ARROW_ASSIGN_OR_RAISE(Resolved resolved, Resolve(connection, sql, options));
  QueryPlan plan;
  plan.source = sql;
  plan.tables = base::Json::array();
  std::vector<View> wanted;
  ARROW_ASSIGN_OR_RAISE(auto scans, PlanScans(resolved.tables, options));
  for (size_t i = 0; i < resolved.tables.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(wanted.emplace_back(),
                          MakeView(connection, resolved.tables[i], std::move(scans[i]), &plan));
  }
  plan.given_rows.assign(resolved.given_rows.begin(), resolved.given_rows.end());
  if (!plan.given_rows.empty()) {
    plan.views = views.Make(wanted);
  } else if (!wanted.empty()) {
    plan.views = views.Take(wanted);
  }
  ARROW_RETURN_NOT_OK(QualifyNames(resolved.statement, resolved.tables, resolved.table_of_use,
                                   plan.views == nullptr ? "" : plan.views->name(), &plan));
  plan.refs = std::move(resolved.statement.edits);
  return plan;
}

}  // namespace millpond::query
