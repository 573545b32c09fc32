// What a PostgreSQL connection asks the database's own catalog, and how it changes tables.
#include <algorithm>

#include "base/text.h"
#include "ledger/postgres_connection.h"

namespace millpond::ledger {
namespace {

bool IsWordCharacter(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace

Status PostgresConnection::RunChanges(std::span<const Transaction::Change> changes,
                                      std::span<const SqlText> statements,
                                      std::optional<PostgresFailure>* failure) {
  // More are sent in parts, so that neither side's memory grows with the transaction.
  constexpr size_t kAtOnce = 512;
  for (size_t first = 0; first < statements.size(); first += kAtOnce) {
    const size_t count = std::min(kAtOnce, statements.size() - first);
    ARROW_ASSIGN_OR_RAISE(PostgresAnswers answers, Run(statements.subspan(first, count)));
    for (size_t i = 0; i < answers.answers.size(); ++i) {
      ARROW_RETURN_NOT_OK(CheckChanged(changes[first + i], answers.answers[i].changed));
    }
    if (!answers.failure) continue;
    *failure = answers.failure;
    return StatusOf(*answers.failure, changes[first + answers.answers.size()], name_, busy_ms_);
  }
  return Status::OK();
}

Status PostgresConnection::ApplyAll(const Transaction& transaction) {
  std::vector<SqlText> statements;
  statements.reserve(transaction.changes().size());
  for (const Transaction::Change& change : transaction.changes()) {
    std::vector<std::string> key;
    if (change.kind == Transaction::Kind::kUpsert) {
      ARROW_ASSIGN_OR_RAISE(key, PrimaryKeyOf(change.table));
    }
    ARROW_ASSIGN_OR_RAISE(statements.emplace_back(), SqlOf(change, key));
  }
  std::optional<PostgresFailure> failure;
  return RunChanges(transaction.changes(), statements, &failure);
}

Status PostgresConnection::AlterForeignKeys(const std::string& timing) {
  ARROW_ASSIGN_OR_RAISE(
      auto rows, Select({"SELECT c.conname::text AS key, t.relname::text AS child FROM "
                         "pg_constraint c JOIN pg_class t ON t.oid = c.conrelid WHERE c.contype = "
                         "'f' AND t.relnamespace = to_regnamespace($1) ORDER BY 1",
                         {base::QuoteIdentifier(schema_)}}));
  for (const Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(std::string key, ledger::TextOf(row, "key"));
    ARROW_ASSIGN_OR_RAISE(std::string child, ledger::TextOf(row, "child"));
    ARROW_RETURN_NOT_OK(
        Execute(fmt::format("ALTER TABLE {} ALTER CONSTRAINT {} {}", base::QuoteIdentifier(child),
                            base::QuoteIdentifier(key), timing)));
  }
  return Status::OK();
}

Status PostgresConnection::DeferForeignKeys() {
  return AlterForeignKeys("DEFERRABLE INITIALLY DEFERRED");
}

Status PostgresConnection::CheckDeferredForeignKeys() {
  ARROW_RETURN_NOT_OK(Execute("SET CONSTRAINTS ALL IMMEDIATE"));
  return AlterForeignKeys("NOT DEFERRABLE");
}

std::vector<std::string> PostgresConnection::RefuseWrites(const std::vector<std::string>& tables,
                                                          const std::string& message) const {
  std::vector<std::string> statements = {fmt::format(
      "CREATE FUNCTION ledger_frozen() RETURNS trigger LANGUAGE plpgsql AS {}",
      base::QuoteLiteral("BEGIN RAISE EXCEPTION USING MESSAGE = " + base::QuoteLiteral(message) +
                         "; END"))};
  for (const std::string& table : tables) {
    statements.push_back(
        fmt::format("CREATE TRIGGER ledger_frozen BEFORE INSERT OR UPDATE OR DELETE ON {} FOR EACH "
                    "STATEMENT EXECUTE FUNCTION ledger_frozen()",
                    base::QuoteIdentifier(table)));
  }
  return statements;
}

std::vector<std::string> PostgresConnection::AllowWrites(
    const std::vector<std::string>& tables) const {
  std::vector<std::string> statements;
  for (const std::string& table : tables) {
    statements.push_back("DROP TRIGGER IF EXISTS ledger_frozen ON " + base::QuoteIdentifier(table));
  }
  statements.emplace_back("DROP FUNCTION IF EXISTS ledger_frozen()");
  return statements;
}

Status PostgresConnection::BeginAlone() {
  ARROW_RETURN_NOT_OK(Execute("BEGIN"));
  // One lock per schema, let go with the transaction. Its name space is the whole database's.
  return Select({"SELECT pg_advisory_xact_lock(hashtextextended('millpond ledger ' || $1, 0)) "
                 "IS NULL AS locked",
                 {schema_}})
      .status();
}

Status PostgresConnection::BeginSnapshot() {
  return Execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

bool PostgresConnection::in_transaction() const {
  const PGTransactionStatusType status = libpq_.transaction_status(handle_);
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

Result<std::vector<std::string>> PostgresConnection::NamesOf(const SqlText& sql) {
  ARROW_ASSIGN_OR_RAISE(std::vector<Row> rows, Select(sql));
  std::vector<std::string> names;
  names.reserve(rows.size());
  for (const Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(names.emplace_back(), ledger::TextOf(row, "name"));
  }
  return names;
}

Result<bool> PostgresConnection::HasTable(const std::string& table) {
  ARROW_ASSIGN_OR_RAISE(auto names, NamesOf({"SELECT relname::text AS name FROM pg_class WHERE "
                                             "relnamespace = to_regnamespace($1) AND relname = $2 "
                                             "AND relkind IN ('r', 'p')",
                                             {base::QuoteIdentifier(schema_), table}}));
  return !names.empty();
}

Result<std::vector<std::string>> PostgresConnection::Tables() {
  return NamesOf(
      {"SELECT relname::text AS name FROM pg_class WHERE relnamespace = "
       "to_regnamespace($1) AND relkind IN ('r', 'p') ORDER BY relname COLLATE \"C\"",
       {base::QuoteIdentifier(schema_)}});
}

Result<std::vector<std::string>> PostgresConnection::PrimaryKeyOf(const std::string& table) {
  return NamesOf(
      {"SELECT a.attname::text AS name FROM pg_index i "
       "JOIN pg_class c ON c.oid = i.indrelid "
       "CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) "
       "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum "
       "WHERE i.indisprimary AND c.relnamespace = to_regnamespace($1) AND c.relname = "
       "$2 ORDER BY k.place",
       {base::QuoteIdentifier(schema_), table}});
}

Result<std::vector<std::string>> PostgresConnection::ColumnsOf(const std::string& table) {
  return NamesOf(
      {"SELECT a.attname::text AS name FROM pg_attribute a JOIN pg_class c ON c.oid = "
       "a.attrelid WHERE c.relnamespace = to_regnamespace($1) AND c.relname = $2 AND "
       "a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
       {base::QuoteIdentifier(schema_), table}});
}

// Text compares by its bytes, as it does in SQLite, whatever the database's language is.
std::string PostgresConnection::Adapt(std::string_view statement) const {
  if (!statement.starts_with("CREATE TABLE") && !statement.starts_with("ALTER TABLE")) {
    return std::string(statement);
  }
  std::string adapted;
  bool quoted = false;
  for (size_t i = 0; i < statement.size();) {
    size_t end = i;
    while (end < statement.size() && IsWordCharacter(statement[end])) ++end;
    if (end == i) {
      quoted = quoted != (statement[i] == '\'');
      adapted += statement[i++];
      continue;
    }
    const std::string_view word = statement.substr(i, end - i);
    if (word == "VARCHAR" && end < statement.size() && statement[end] == '(') {
      end = statement.find(')', end) + 1;
    }
    adapted += statement.substr(i, end - i);
    if (!quoted && (word == "TEXT" || word == "VARCHAR")) adapted += " COLLATE \"C\"";
    i = end;
  }
  return adapted;
}

}  // namespace millpond::ledger
