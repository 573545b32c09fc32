// The implementation of Session: one engine, opened at the first query, and one connection per
// call.
#include "query/session.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <mutex>
#include <utility>

#include "base/text.h"
#include "query/engine.h"
#include "query/engine_error.h"
#include "query/given_rows.h"
#include "query/planner.h"
#include "query/result_stream.h"
#include "query/view_catalogs.h"
#include "table/manifest_cache.h"

namespace millpond::query {
namespace {

using base::QuoteIdentifier;

// Parsed manifests that a session keeps: some hundred thousand data files' worth.
constexpr int64_t kManifestBytes = 64LL << 20;

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
        settings_(std::move(settings)),
        manifests_(&catalog_->store(), kManifestBytes) {}

  Result<QueryResult> Sql(const std::string& sql, const SqlOptions& options,
                          const base::Context& context) override {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_ASSIGN_OR_RAISE(auto connection, Connect());
    ARROW_ASSIGN_OR_RAISE(QueryPlan plan, Plan(*connection, sql, options));
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
    ARROW_RETURN_NOT_OK(plan.OpenViews(*connection));
    ARROW_ASSIGN_OR_RAISE(explanation.plan,
                          connection->QueryText("EXPLAIN " + plan.sql, options.parameters));
    return explanation;
  }

  Result<std::vector<TableRead>> InputsOf(const std::string& sql,
                                          const SqlOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(auto connection, Connect());
    return MakePlanner().Inputs(*connection, sql, options);
  }

  Result<std::shared_ptr<arrow::Schema>> SchemaOf(const std::string& sql,
                                                  const SqlOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(auto connection, Connect());
    ARROW_ASSIGN_OR_RAISE(const QueryPlan plan, Plan(*connection, sql, options));
    return OutputSchema(*connection, plan);
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
    if (engine_ != nullptr && !StillWorks()) {
      engine_ = nullptr;
      retired_.push_back(std::move(views_));
    }
    if (engine_ == nullptr) {
      errors_read_ = InternalErrorsRead();
      EngineSettings settings;
      ARROW_ASSIGN_OR_RAISE(settings.readable_folder, ReadableFolder(*catalog_));
      settings.temp_folder = settings_.temp_folder;
      settings.memory_limit = settings_.memory_limit;
      settings.threads = settings_.threads;
      ARROW_ASSIGN_OR_RAISE(engine_, Engine::Open(settings));
      views_ = std::make_unique<ViewCatalogs>(engine_);
    }
    return engine_->Connect();
  }

  // DuckDB gives a database up after an error of its own making; the next statement gets a new one.
  bool StillWorks() {
    const uint64_t read = InternalErrorsRead();
    if (read == errors_read_) return true;
    errors_read_ = read;
    auto connection = engine_->Connect();
    return connection.ok() && (*connection)->Execute("SELECT 1").ok();
  }

  // The rows that the caller brought along, where the statement names them, beside its views.
  static Status Load(Connection& connection, const QueryPlan& plan, const SqlOptions& options,
                     const base::Context& context) {
    if (plan.given_rows.empty()) return Status::OK();
    ARROW_RETURN_NOT_OK(plan.OpenViews(connection));
    for (const std::string& name : plan.given_rows) {
      ARROW_RETURN_NOT_OK(
          LoadRows(connection, plan.views->name(), name, *options.rows.at(name), context));
    }
    return Status::OK();
  }

  Planner MakePlanner() { return Planner(principal_, *decisions_, catalog_, manifests_, columns_); }

  // After Connect.
  Result<QueryPlan> Plan(Connection& connection, const std::string& sql,
                         const SqlOptions& options) {
    std::unique_lock lock(mutex_);
    ViewCatalogs& views = *views_;
    lock.unlock();
    return MakePlanner().Plan(connection, sql, options, views);
  }

  const Principal principal_;
  const std::shared_ptr<DecisionPoint> decisions_;
  const std::shared_ptr<table::Catalog> catalog_;
  const SessionSettings settings_;
  table::FileColumnsCache columns_;  // Footers of other engines' files.
  table::ManifestCache manifests_;
  std::mutex mutex_;
  std::shared_ptr<Engine> engine_;
  std::unique_ptr<ViewCatalogs> views_;
  std::vector<std::unique_ptr<ViewCatalogs>> retired_;  // A statement may be planned with them.
  uint64_t errors_read_ = 0;                            // When engine_ was last known to work.
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
