// Transactions over pooled connections: sent in one go, checked, then committed. What collides with
// another writer, or finds its connection gone before it asked for the commit, did nothing and is
// run again. Where the connection breaks at the commit itself, the server is asked afterwards what
// became of the transaction, so that no caller is told a wrong outcome.
#include "ledger/postgres_ledger.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "ledger/connection_pool.h"
#include "ledger/migration.h"
#include "ledger/postgres_check.h"
#include "ledger/postgres_connection.h"

namespace millpond::ledger {
namespace {

using Clock = std::chrono::steady_clock;
using Pool = ConnectionPool<PostgresConnection>;

// Waits a little longer after each attempt, not in step with others, until the time is up.
class Patience {
 public:
  explicit Patience(int budget_ms)
      : deadline_(Clock::now() + std::chrono::milliseconds(budget_ms)) {}

  bool Wait() {
    if (Clock::now() >= deadline_) return false;
    std::uniform_int_distribution<int64_t> spread(step_us_ / 2, step_us_);
    std::this_thread::sleep_for(std::chrono::microseconds(spread(random_)));
    step_us_ = std::min<int64_t>(step_us_ * 2, 500'000);
    return true;
  }

 private:
  const Clock::time_point deadline_;
  int64_t step_us_ = 2'000;
  std::minstd_rand random_{std::random_device{}()};
};

// What became of one attempt.
struct Attempt {
  Status status = {};
  bool again = false;            // It surely did nothing, and may succeed if it is run again.
  std::string in_doubt_id = {};  // The transaction whose commit was not answered.
};

class PostgresLedger : public Ledger {
 public:
  PostgresLedger(const Libpq& libpq, PostgresAddress address, const PostgresOptions& options)
      : name_(address.name),
        busy_ms_(options.busy_ms),
        pool_(
            [&libpq, address = std::move(address), busy_ms = options.busy_ms] {
              return PostgresConnection::Open(libpq, address, busy_ms);
            },
            {.open = options.connections,
             .idle = static_cast<size_t>(options.connections),
             .wait_ms = options.busy_ms,
             .name = name_}) {}

  Status Apply(const Transaction& transaction) override;
  Result<std::vector<Row>> Select(const Query& query) override;
  Result<std::vector<std::vector<Row>>> SelectAll(const std::vector<Query>& queries) override;
  Result<int64_t> Reserve(const std::string& counter, int64_t count) override;
  Status CheckIntegrity() override;
  Result<int64_t> Version() override;

  Status Create();
  Status Migrate();

 private:
  Result<std::vector<SqlText>> Statements(const Transaction& transaction);
  Attempt TryOnce(const Transaction& transaction, std::span<const SqlText> statements);
  // OK: it is committed. kConflict: it is not, and may be run again.
  Status Resolve(const std::string& id, const Status& lost);
  // Reads that lose their connection are run again.
  Result<PostgresAnswers> Read(std::span<const SqlText> statements);

  const std::string name_;
  const int busy_ms_;
  Pool pool_;
  std::mutex keys_mutex_;  // Guards primary_keys_.
  std::map<std::string, std::vector<std::string>> primary_keys_;
};

Result<std::vector<SqlText>> PostgresLedger::Statements(const Transaction& transaction) {
  // The lease keeps forks away while the mutex is held: a child could never unlock it.
  ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
  std::vector<SqlText> statements;
  statements.reserve(transaction.changes().size());
  for (const Transaction::Change& change : transaction.changes()) {
    std::vector<std::string> key;
    if (change.kind == Transaction::Kind::kUpsert) {
      const std::lock_guard lock(keys_mutex_);
      auto found = primary_keys_.find(change.table);
      if (found == primary_keys_.end()) {
        ARROW_ASSIGN_OR_RAISE(auto read, connection->PrimaryKeyOf(change.table));
        found = primary_keys_.emplace(change.table, std::move(read)).first;
      }
      key = found->second;
    }
    ARROW_ASSIGN_OR_RAISE(statements.emplace_back(), SqlOf(change, key));
  }
  return statements;
}

Attempt PostgresLedger::TryOnce(const Transaction& transaction,
                                std::span<const SqlText> statements) {
  Attempt attempt;
  auto work = [&]() -> Status {
    auto taken = pool_.Take();
    attempt.again = !taken.ok() && base::KindOf(taken.status()) == base::ErrorKind::kUnavailable;
    ARROW_ASSIGN_OR_RAISE(auto connection, std::move(taken));
    const std::vector<SqlText> begin = {{"BEGIN", {}},
                                        {"SELECT pg_current_xact_id()::text AS id", {}}};
    ARROW_ASSIGN_OR_RAISE(PostgresAnswers begun, connection->Run(begin));
    if (begun.failure) {
      attempt.again = begun.failure->lost;
      return StatusOf(*begun.failure, "write", name_, busy_ms_);
    }
    ARROW_ASSIGN_OR_RAISE(const std::string id, TextOf(begun.answers[1].rows[0], "id"));
    std::optional<PostgresFailure> failure;
    Status changed = connection->RunChanges(transaction.changes(), statements, &failure);
    if (!changed.ok()) {
      attempt.again = failure && (failure->collided() || failure->lost);
      // A connection that cannot even roll back is not used again.
      if (connection->in_transaction()) (void)connection->Execute("ROLLBACK");
      return changed;
    }
    const SqlText commit = {"COMMIT", {}};
    ARROW_ASSIGN_OR_RAISE(PostgresAnswers committed, connection->Run({&commit, 1}));
    if (!committed.failure) return Status::OK();
    attempt.again = committed.failure->collided();
    if (committed.failure->lost) attempt.in_doubt_id = id;
    return StatusOf(*committed.failure, "commit to", name_, busy_ms_);
  };
  attempt.status = work();
  return attempt;
}

Status PostgresLedger::Resolve(const std::string& id, const Status& lost) {
  base::Log(base::LogLevel::kWarning, "asking what became of a commit",
            {{"ledger", name_}, {"transaction", id}});
  Patience patience(std::max(busy_ms_, 10'000));
  const SqlText ask = {"SELECT pg_xact_status($1::text::xid8) AS outcome", {id}};
  do {
    auto answers = Read({&ask, 1});
    if (!answers.ok() || answers->failure) continue;
    auto outcome = OptionalTextOf(answers->answers[0].rows[0], "outcome");
    if (!outcome.ok() || !*outcome) break;  // Too long ago to be known.
    if (**outcome == "committed") return Status::OK();
    if (**outcome == "aborted") return base::Conflict("{}", lost.message());
  } while (patience.Wait());
  return base::Unavailable("{}. Whether the commit landed is not known: look before you try again",
                           lost.message());
}

Status PostgresLedger::Apply(const Transaction& transaction) {
  if (transaction.empty()) return Status::OK();
  Patience patience(busy_ms_);
  while (true) {
    auto statements = Statements(transaction);
    Attempt attempt{.status = statements.status(),
                    .again = base::KindOf(statements.status()) == base::ErrorKind::kUnavailable};
    if (statements.ok()) attempt = TryOnce(transaction, *statements);
    if (!attempt.in_doubt_id.empty()) {
      Status resolved = Resolve(attempt.in_doubt_id, attempt.status);
      if (base::KindOf(resolved) != base::ErrorKind::kConflict) return resolved;
      attempt.again = true;
    }
    if (attempt.status.ok() || !attempt.again || !patience.Wait()) return attempt.status;
    base::Log(base::LogLevel::kDebug, "ledger transaction runs again",
              {{"ledger", name_}, {"why", attempt.status.message()}});
  }
}

Result<PostgresAnswers> PostgresLedger::Read(std::span<const SqlText> statements) {
  Patience patience(busy_ms_);
  while (true) {
    auto connection = pool_.Take();
    bool again = base::KindOf(connection.status()) == base::ErrorKind::kUnavailable;
    Status status = connection.status();
    if (connection.ok()) {
      ARROW_ASSIGN_OR_RAISE(PostgresAnswers answers, (*connection)->Run(statements));
      if (!answers.failure) return answers;
      if ((*connection)->in_transaction()) (void)(*connection)->Execute("ROLLBACK");
      again = answers.failure->lost || answers.failure->collided();
      status = StatusOf(*answers.failure, "use", name_, busy_ms_);
    }
    if (!again || !patience.Wait()) return status;
  }
}

Result<std::vector<Row>> PostgresLedger::Select(const Query& query) {
  ARROW_ASSIGN_OR_RAISE(SqlText sql, SqlOf(query));
  ARROW_ASSIGN_OR_RAISE(PostgresAnswers answers, Read({&sql, 1}));
  return std::move(answers.answers[0].rows);
}

Result<std::vector<std::vector<Row>>> PostgresLedger::SelectAll(const std::vector<Query>& queries) {
  std::vector<SqlText> statements = {{"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", {}}};
  for (const Query& query : queries) {
    ARROW_ASSIGN_OR_RAISE(statements.emplace_back(), SqlOf(query));
  }
  statements.push_back({"COMMIT", {}});
  ARROW_ASSIGN_OR_RAISE(PostgresAnswers answers, Read(statements));
  std::vector<std::vector<Row>> results;
  for (size_t i = 0; i < queries.size(); ++i) {
    results.push_back(std::move(answers.answers[i + 1].rows));
  }
  return results;
}

Result<int64_t> PostgresLedger::Reserve(const std::string& counter, int64_t count) {
  if (count < 1) return base::Invalid("cannot reserve {} numbers of '{}'", count, counter);
  Transaction::Change change{
      Transaction::Kind::kInsert, "counter", {{"name", counter}, {"next", count}}, {}, {}, {}};
  ARROW_ASSIGN_OR_RAISE(SqlText sql, SqlOf(change, {}));
  sql.text +=
      " ON CONFLICT (name) DO UPDATE SET next = counter.next + excluded.next RETURNING next";
  // Run again after a lost connection: numbers may be skipped, but none is given twice.
  auto answers = Read({&sql, 1});
  if (!answers.ok() && base::KindOf(answers.status()) == base::ErrorKind::kInvalid) {
    return base::Exhausted("the counter '{}' of {} has no {} numbers left", counter, name_, count);
  }
  ARROW_RETURN_NOT_OK(answers.status());
  ARROW_ASSIGN_OR_RAISE(int64_t next, IntOf(answers->answers[0].rows[0], "next"));
  return next - count;
}

Status PostgresLedger::CheckIntegrity() {
  ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
  return CheckPostgres(connection.get());
}

Result<int64_t> PostgresLedger::Version() {
  ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
  return ReadVersion(connection.get());
}

Status PostgresLedger::Migrate() {
  ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
  return ledger::Migrate(connection.get(), Migrations());
}

Status PostgresLedger::Create() {
  ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
  ARROW_RETURN_NOT_OK(connection->BeginAlone());
  return FinishTransaction(connection.get(), [&] { return CreateInSchema(connection.get()); });
}

}  // namespace

Status CreateInSchema(PostgresConnection* connection) {
  ARROW_ASSIGN_OR_RAISE(
      auto found,
      connection->Select({"SELECT 1::bigint AS found FROM pg_namespace WHERE nspname = $1",
                          {connection->schema()}}));
  if (found.empty()) {
    ARROW_RETURN_NOT_OK(
        connection->Execute("CREATE SCHEMA " + base::QuoteIdentifier(connection->schema())));
  }
  for (const char* table : {"ledger_version", "iceberg_tables"}) {
    ARROW_ASSIGN_OR_RAISE(const bool taken, connection->HasTable(table));
    if (!taken) continue;
    return base::AlreadyExists(
        "the ledger {} exists already (it has a table {}); choose another database, or another "
        "schema with ?schema=NAME",
        connection->name(), table);
  }
  return CreateSchema(connection, Migrations());
}

Result<std::shared_ptr<Ledger>> OpenPostgresLedger(const std::string& url, OpenMode mode,
                                                   const PostgresOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const Libpq* libpq, LoadLibpq());
  ARROW_ASSIGN_OR_RAISE(PostgresAddress address, ParsePostgresUrl(*libpq, url));
  auto ledger = std::make_shared<PostgresLedger>(*libpq, std::move(address), options);
  ARROW_RETURN_NOT_OK(mode == OpenMode::kCreate ? ledger->Create() : ledger->Migrate());
  return ledger;
}

}  // namespace millpond::ledger
