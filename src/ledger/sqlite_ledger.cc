// The SQLite ledger: transactions over pooled connections.
#include "ledger/sqlite_ledger.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <limits>
#include <mutex>

#include "base/text.h"
#include "ledger/connection_pool.h"
#include "ledger/ledger_file.h"
#include "ledger/migration.h"
#include "ledger/sqlite_connection.h"

namespace millpond::ledger {
namespace {

class SqliteLedger : public Ledger {
 public:
  SqliteLedger(const std::string& path, int busy_ms)
      : path_(path),
        busy_ms_(busy_ms),
        pool_([path, busy_ms] { return SqliteConnection::Open(path, /*create=*/false, busy_ms); },
              {.name = path}) {}

  Status Apply(const Transaction& transaction) override;
  Result<std::vector<Row>> Select(const Query& query) override;
  Result<std::vector<std::vector<Row>>> SelectAll(const std::vector<Query>& queries) override;
  Result<int64_t> Reserve(const std::string& counter, int64_t count) override;
  Status CheckIntegrity() override;
  Result<int64_t> Version() override;

  Status Migrate() {
    ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
    return ledger::Migrate(connection.get(), Migrations());
  }

 private:
  // Runs `work` as the only writer. Threads of this process queue here, where waiting is fair;
  // other processes are waited for by SQLite's polling.
  Status Write(const std::function<Status(SqliteConnection*)>& work);

  const std::string path_;
  const int busy_ms_;
  ConnectionPool<SqliteConnection> pool_;
  std::timed_mutex writer_;
};

Status SqliteLedger::Write(const std::function<Status(SqliteConnection*)>& work) {
  ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
  std::unique_lock lock(writer_, std::chrono::milliseconds(busy_ms_));
  if (!lock.owns_lock()) {
    return base::Unavailable(
        "the ledger {} was kept busy by other threads for more than {} ms; try again", path_,
        busy_ms_);
  }
  ARROW_RETURN_NOT_OK(connection->BeginAlone());
  return FinishTransaction(connection.get(), [&] { return work(connection.get()); });
}

Status SqliteLedger::Apply(const Transaction& transaction) {
  if (transaction.empty()) return Status::OK();
  return Write([&](SqliteConnection* connection) { return connection->ApplyAll(transaction); });
}

Result<std::vector<Row>> SqliteLedger::Select(const Query& query) {
  ARROW_ASSIGN_OR_RAISE(SqlText sql, SqlOf(query));
  ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
  return connection->Select(sql);
}

Result<std::vector<std::vector<Row>>> SqliteLedger::SelectAll(const std::vector<Query>& queries) {
  ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
  std::vector<std::vector<Row>> results;
  ARROW_RETURN_NOT_OK(connection->BeginSnapshot());
  ARROW_RETURN_NOT_OK(FinishTransaction(connection.get(), [&]() -> Status {
    for (const Query& query : queries) {
      ARROW_ASSIGN_OR_RAISE(SqlText sql, SqlOf(query));
      ARROW_ASSIGN_OR_RAISE(results.emplace_back(), connection->Select(sql));
    }
    return Status::OK();
  }));
  return results;
}

Result<int64_t> SqliteLedger::Reserve(const std::string& counter, int64_t count) {
  if (count < 1) return base::Invalid("cannot reserve {} numbers of '{}'", count, counter);
  int64_t first = 0;
  ARROW_RETURN_NOT_OK(Write([&](SqliteConnection* connection) -> Status {
    ARROW_ASSIGN_OR_RAISE(SqlText sql,
                          SqlOf(Query{"counter", {{"name", Compare::kEqual, counter}}}));
    ARROW_ASSIGN_OR_RAISE(std::vector<Row> rows, connection->Select(sql));
    if (!rows.empty()) {
      ARROW_ASSIGN_OR_RAISE(first, IntOf(rows[0], "next"));
    }
    if (first > std::numeric_limits<int64_t>::max() - count) {
      return base::Exhausted("the counter '{}' of {} has no {} numbers left", counter, path_,
                             count);
    }
    return connection->Apply({Transaction::Kind::kUpsert,
                              "counter",
                              {{"name", counter}, {"next", first + count}},
                              {},
                              {},
                              {}});
  }));
  return first;
}

Status SqliteLedger::CheckIntegrity() {
  ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
  std::vector<std::string> problems;
  ARROW_ASSIGN_OR_RAISE(std::vector<Row> pages, connection->Select({"PRAGMA integrity_check", {}}));
  for (const Row& row : pages) {
    ARROW_ASSIGN_OR_RAISE(std::string problem, TextOf(row, "integrity_check"));
    if (problem != "ok") problems.push_back(std::move(problem));
  }
  ARROW_ASSIGN_OR_RAISE(std::vector<Row> dangling,
                        connection->Select({"PRAGMA foreign_key_check", {}}));
  for (const Row& row : dangling) {
    ARROW_ASSIGN_OR_RAISE(std::string table, TextOf(row, "table"));
    ARROW_ASSIGN_OR_RAISE(std::string parent, TextOf(row, "parent"));
    problems.push_back(
        fmt::format("a row of '{}' refers to one of '{}' that does not exist", table, parent));
  }
  if (problems.empty()) return Status::OK();
  return base::Corrupt("the ledger {} is damaged: {}; restore it from a backup", path_,
                       base::Join(problems, "; "));
}

Result<int64_t> SqliteLedger::Version() {
  ARROW_ASSIGN_OR_RAISE(auto connection, pool_.Take());
  return ReadVersion(connection.get());
}

}  // namespace

Result<std::shared_ptr<Ledger>> OpenSqliteLedger(const std::string& path, OpenMode mode,
                                                 int busy_ms) {
  if (mode == OpenMode::kCreate) ARROW_RETURN_NOT_OK(CreateLedgerFile(path, busy_ms));
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return base::FromErrno(errno, "open the ledger " + path);
  }
  if (!S_ISREG(info.st_mode)) return base::Invalid("the ledger {} is not a file", path);
  auto ledger = std::make_shared<SqliteLedger>(path, busy_ms);
  ARROW_RETURN_NOT_OK(ledger->Migrate());
  RemoveAbandonedLedgers(path);
  return ledger;
}

}  // namespace millpond::ledger
