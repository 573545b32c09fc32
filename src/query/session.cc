// The implementation of Session: one engine, opened at the first query, and one connection per
// call.
#include "query/session.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <atomic>
#include <mutex>
#include <utility>

#include "base/text.h"
#include "query/engine.h"
#include "query/given_rows.h"
#include "query/planner.h"
#include "query/result_stream.h"

namespace millpond::query {
namespace {

using base::QuoteIdentifier;

// The folder that all data files of the catalog's store lie in, as a path with '/' at its end.
Result<std::string> ReadableFolder(table::Catalog& catalog) {
  std::string uri = catalog.store().UriOf("x");
  uri.pop_back();
  constexpr std::string_view kFile = "file://";
  if (!uri.starts_with(kFile)) {
    return base::Invalid("SQL reads tables in local folders only; this pond's are at {}", uri);
  }
  return uri.substr(kFile.size());
}

// The statement that a scan stands for; it passes the same gate as any other.
std::string ScanSql(const ScanRequest& request) {
  std::string columns = "*";
  if (!request.columns.empty()) {
    std::vector<std::string> quoted;
    for (const std::string& column : request.columns) quoted.push_back(QuoteIdentifier(column));
    columns = base::Join(quoted, ", ");
  }
  std::string sql = "SELECT " + columns + " FROM " + QuoteIdentifier(request.table.space) + "." +
                    QuoteIdentifier(request.table.name);
  if (!request.filter.empty()) sql += " WHERE (" + request.filter + "\n)";
  if (request.limit) sql += fmt::format(" LIMIT {}", *request.limit);
  return sql;
}

class PondSession final : public Session {
 public:
  PondSession(Principal principal, std::shared_ptr<DecisionPoint> decisions,
              std::shared_ptr<table::Catalog> catalog, SessionSettings settings)
      : Session(0),
        principal_(std::move(principal)),
        decisions_(std::move(decisions)),
        catalog_(std::move(catalog)),
        settings_(std::move(settings)) {}

  Result<QueryResult> Sql(const std::string& sql, const SqlOptions& options,
                          const base::Context& context) override {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_ASSIGN_OR_RAISE(auto connection, Connect());
    ARROW_ASSIGN_OR_RAISE(QueryPlan plan, Plan(*connection, sql, options));
    ARROW_RETURN_NOT_OK(SetUp(*connection, plan));
    ARROW_RETURN_NOT_OK(Load(*connection, plan, options, context));
    QueryResult result;
    result.inputs = plan.inputs;
    ARROW_ASSIGN_OR_RAISE(result.reader, StartQuery(std::move(connection), std::move(plan),
                                                    options.parameters, context));
    return result;
  }

  Result<QueryResult> Scan(const ScanRequest& request, const base::Context& context) override {
    SqlOptions options;
    options.ref = request.ref;
    return Sql(ScanSql(request), options, context);
  }

  Result<Explanation> Explain(const std::string& sql, const SqlOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(auto connection, Connect());
    ARROW_ASSIGN_OR_RAISE(const QueryPlan plan, Plan(*connection, sql, options));
    Explanation explanation;
    explanation.tables = plan.tables;
    if (plan.has_policy) {
      explanation.plan = "(not shown: a policy applies)";  // It would spell out filters and masks.
      return explanation;
    }
    ARROW_RETURN_NOT_OK(SetUp(*connection, plan));
    auto text = connection->QueryText("EXPLAIN " + plan.sql, options.parameters);
    TearDown(*connection, plan);
    ARROW_ASSIGN_OR_RAISE(explanation.plan, std::move(text));
    return explanation;
  }

  Result<std::vector<TableRead>> InputsOf(const std::string& sql,
                                          const SqlOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(auto connection, Connect());
    return Planner(principal_, *decisions_, catalog_, columns_).Inputs(*connection, sql, options);
  }

  Result<std::shared_ptr<arrow::Schema>> SchemaOf(const std::string& sql,
                                                  const SqlOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(auto connection, Connect());
    ARROW_ASSIGN_OR_RAISE(const QueryPlan plan, Plan(*connection, sql, options));
    ARROW_RETURN_NOT_OK(SetUp(*connection, plan));
    auto schema = OutputSchema(*connection, plan);
    TearDown(*connection, plan);
    return schema;
  }

  Result<std::vector<table::Predicate>> PredicatesOf(const table::TableName& name,
                                                     const std::string& filter) override {
    ARROW_ASSIGN_OR_RAISE(auto connection, Connect());
    ARROW_ASSIGN_OR_RAISE(const auto conditions, ParseExpression(*connection, filter, "condition"));
    ARROW_ASSIGN_OR_RAISE(const table::Table stored, catalog_->Load(name));
    std::vector<table::Predicate> predicates;
    for (const Condition& condition : conditions) {
      for (const auto& field : stored.metadata->schema().arrow->fields()) {
        const bool names_it = condition.column.size() == 1 &&
                              base::ToLower(condition.column[0]) == base::ToLower(field->name());
        if (names_it) AppendPredicates(condition, *field, &predicates);
      }
    }
    return predicates;
  }

  const Principal& principal() const override { return principal_; }
  const std::shared_ptr<table::Catalog>& catalog() const override { return catalog_; }

 private:
  // DuckDB takes some 10 ms to open: calls that run no query do not pay for it.
  Result<std::unique_ptr<Connection>> Connect() {
    const std::lock_guard lock(mutex_);
    if (engine_ == nullptr) {
      EngineSettings settings;
      ARROW_ASSIGN_OR_RAISE(settings.readable_folder, ReadableFolder(*catalog_));
      settings.temp_folder = settings_.temp_folder;
      settings.memory_limit = settings_.memory_limit;
      settings.threads = settings_.threads;
      ARROW_ASSIGN_OR_RAISE(engine_, Engine::Open(settings));
    }
    return engine_->Connect();
  }

  // The rows that the caller brought along, where the statement names them.
  static Status Load(Connection& connection, const QueryPlan& plan, const SqlOptions& options,
                     const base::Context& context) {
    Status status;
    for (const std::string& name : plan.given_rows) {
      if (!status.ok()) break;
      status = LoadRows(connection, plan.catalog, name, *options.rows.at(name), context);
    }
    if (!status.ok()) TearDown(connection, plan);
    return status;
  }

  Result<QueryPlan> Plan(Connection& connection, const std::string& sql,
                         const SqlOptions& options) {
    const std::string catalog =
        fmt::format("{}{}", kQueryCatalogPrefix, next_query_.fetch_add(1) + 1);
    return Planner(principal_, *decisions_, catalog_, columns_)
        .Plan(connection, sql, options, catalog);
  }

  const Principal principal_;
  const std::shared_ptr<DecisionPoint> decisions_;
  const std::shared_ptr<table::Catalog> catalog_;
  const SessionSettings settings_;
  table::FileColumnsCache columns_;  // Footers of other engines' files.
  std::atomic<int64_t> next_query_{0};
  std::mutex mutex_;
  std::shared_ptr<Engine> engine_;
};

}  // namespace

Result<std::shared_ptr<Session>> Session::Open(Principal principal,
                                               std::shared_ptr<DecisionPoint> decisions,
                                               std::shared_ptr<table::Catalog> catalog,
                                               SessionSettings settings) {
  if (principal.name.empty()) return base::Invalid("a session needs a principal with a name");
  if (decisions == nullptr) return base::Invalid("a session needs a decision point");
  if (catalog == nullptr) return base::Invalid("a session needs a catalog");
  return std::make_shared<PondSession>(std::move(principal), std::move(decisions),
                                       std::move(catalog), std::move(settings));
}

}  // namespace millpond::query
