// One connection to PostgreSQL, always in pipeline mode: a list of statements goes out at once and
// costs one round trip. Answers are waited for with a limit, so that a server that falls silent is
// an error and not a hang. Used by one thread at a time; ConnectionPool hands it out.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ledger/postgres_address.h"
#include "ledger/postgres_failure.h"
#include "ledger/sql_connection.h"

namespace millpond::ledger {

struct PostgresAnswer {
  std::vector<Row> rows;
  int64_t changed = 0;
};

/// Answers up to the first failure; the failure is that of statement number answers.size().
struct PostgresAnswers {
  std::vector<PostgresAnswer> answers;
  std::optional<PostgresFailure> failure;
};

class PostgresConnection final : public SqlConnection {
 public:
  static Result<std::unique_ptr<PostgresConnection>> Open(const Libpq& libpq,
                                                          const PostgresAddress& address,
                                                          int busy_ms);
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;
  ~PostgresConnection() override;

  /// Between transactions, and the server has not hung up.
  bool Usable();

  /// Runs the statements in order; after a failure the rest is not run. Without a BEGIN among them
  /// they are one transaction. kCorrupt for a value of a type that no ledger column has.
  Result<PostgresAnswers> Run(std::span<const SqlText> statements);

  /// Runs changes by their statements and checks what each changed. Where the server refused one,
  /// `failure` says in which way.
  Status RunChanges(std::span<const Transaction::Change> changes,
                    std::span<const SqlText> statements, std::optional<PostgresFailure>* failure);

  const std::string& name() const override { return name_; }
  const std::string& schema() const { return schema_; }
  Status Execute(std::string_view sql) override;
  Result<std::vector<Row>> Select(const SqlText& sql) override;
  Status Apply(const Transaction::Change& change) override;
  Status ApplyAll(const Transaction& transaction) override;
  Status DeferForeignKeys() override;
  Status CheckDeferredForeignKeys() override;
  std::vector<std::string> RefuseWrites(const std::vector<std::string>& tables,
                                        const std::string& message) const override;
  std::vector<std::string> AllowWrites(const std::vector<std::string>& tables) const override;
  Status BeginAlone() override;
  Status BeginSnapshot() override;
  bool in_transaction() const override;
  Result<bool> HasTable(const std::string& table) override;
  Result<std::vector<std::string>> Tables() override;
  Result<std::vector<std::string>> PrimaryKeyOf(const std::string& table) override;
  Result<std::vector<std::string>> ColumnsOf(const std::string& table) override;
  std::string Adapt(std::string_view statement) const override;

 private:
  PostgresConnection(const Libpq& libpq, const PostgresAddress& address, int busy_ms)
      : libpq_(libpq), name_(address.name), schema_(address.schema), busy_ms_(busy_ms) {}

  Status Configure();
  Result<std::vector<std::string>> NamesOf(const SqlText& sql);
  // Sets whether foreign keys wait for the end of a transaction.
  Status AlterForeignKeys(const std::string& timing);
  bool Send(const SqlText& sql);
  // The next result, or none where the connection broke or the server fell silent.
  PGresult* Next();
  bool Await();
  // One statement's result and the end mark behind it.
  Status TakeResult(PostgresAnswers* answers);
  Result<PostgresAnswer> Read(PGresult* result) const;
  Result<Row> ReadRow(PGresult* result, int row) const;
  PostgresFailure FailureOf(PGresult* result);

  const Libpq& libpq_;
  const std::string name_, schema_;
  const int busy_ms_;
  PGconn* handle_ = nullptr;
  // Never used again: it did not answer in time, or the server has ended it.
  bool silent_ = false, ended_ = false;
};

}  // namespace millpond::ledger
