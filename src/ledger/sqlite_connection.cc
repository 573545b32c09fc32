// Calls into SQLite's C interface, and the table from its result codes to our kinds.
#include "ledger/sqlite_connection.h"

#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace millpond::ledger {
namespace {

using base::ErrorKind;

// More texts than this are never in use at once; a full cache is emptied.
constexpr size_t kMaxStatements = 128;

ErrorKind KindOfCode(int extended_code, int system_errno) {
  switch (extended_code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return ErrorKind::kUnavailable;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorKind::kExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return ErrorKind::kCorrupt;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return ErrorKind::kDenied;
    case SQLITE_INTERRUPT:
      return ErrorKind::kCancelled;
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
      return ErrorKind::kInvalid;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      return system_errno == 0 ? ErrorKind::kUnavailable
                               : base::KindOf(base::FromErrno(system_errno, ""));
    default:
      return ErrorKind::kInternal;
  }
}

std::string_view AdviceOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUnavailable:
      return "; another process may be using it: try again";
    case ErrorKind::kExhausted:
      return "; free some disk space and try again";
    case ErrorKind::kCorrupt:
      return "; restore it from a backup";
    case ErrorKind::kDenied:
      return "; the file and its folder must be writable";
    default:
      return "";
  }
}

Status BindValue(sqlite3_stmt* statement, int index, const Value& value) {
  int code = SQLITE_OK;
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    code = sqlite3_bind_int64(statement, index, *integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    code = sqlite3_bind_double(statement, index, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    // The statement is reset before the value's owner goes away.
    code = sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  } else {
    code = sqlite3_bind_null(statement, index);
  }
  if (code == SQLITE_OK) return Status::OK();
  return base::Invalid("value {} of a ledger statement: {}", index, sqlite3_errstr(code));
}

constexpr const char* kWrites[] = {"INSERT", "UPDATE", "DELETE"};

std::string TriggerName(const std::string& table, const char* kind) {
  return base::QuoteIdentifier(fmt::format("frozen_{}_{}", kind, table));
}

}  // namespace

class SqliteConnection::Use {
 public:
  explicit Use(sqlite3_stmt* statement) : statement_(statement) {}
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  Status Bind(const std::vector<Value>& values) {
    for (size_t i = 0; i < values.size(); ++i) {
      ARROW_RETURN_NOT_OK(BindValue(statement_, static_cast<int>(i) + 1, values[i]));
    }
    return Status::OK();
  }
  // SQLITE_ROW, SQLITE_DONE or an error.
  int Step() { return sqlite3_step(statement_); }

 private:
  sqlite3_stmt* statement_;
};

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path,
                                                                 bool create, int busy_ms) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path, busy_ms));
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  if (sqlite3_open_v2(path.c_str(), &connection->handle_, flags, nullptr) != SQLITE_OK) {
    if (connection->handle_ == nullptr)
      return base::Exhausted("open the ledger {}: no memory", path);
    return connection->Failure("open");
  }
  ARROW_RETURN_NOT_OK(connection->Configure());
  return connection;
}

Status SqliteConnection::Configure() {
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, busy_ms_);
  // A misspelt column in double quotes must be an error, not a string.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  ARROW_ASSIGN_OR_RAISE(std::vector<Row> mode, Select({"PRAGMA journal_mode = WAL", {}}));
  if (path_ != ":memory:" && (mode.size() != 1 || mode[0]["journal_mode"] != Value("wal"))) {
    return base::Unavailable(
        "the ledger {} cannot use a write-ahead log; is it on a network drive?", path_);
  }
  ARROW_RETURN_NOT_OK(Execute("PRAGMA synchronous = FULL"));
  ARROW_RETURN_NOT_OK(Execute("PRAGMA trusted_schema = OFF"));
  return Execute("PRAGMA foreign_keys = ON");
}

SqliteConnection::~SqliteConnection() {
  for (auto& [text, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Result<sqlite3_stmt*> SqliteConnection::Prepare(const std::string& sql) {
  if (auto found = statements_.find(sql); found != statements_.end()) return found->second;
  if (statements_.size() >= kMaxStatements) {
    for (auto& [text, statement] : statements_) sqlite3_finalize(statement);
    statements_.clear();
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK) {
    return Failure("prepare a statement for");
  }
  statements_.emplace(sql, statement);
  return statement;
}

Status SqliteConnection::Execute(std::string_view sql) {
  return Select({std::string(sql), {}}).status();
}

Result<std::vector<Row>> SqliteConnection::Select(const SqlText& sql) {
  ARROW_ASSIGN_OR_RAISE(sqlite3_stmt * statement, Prepare(sql.text));
  Use use(statement);
  ARROW_RETURN_NOT_OK(use.Bind(sql.values));
  std::vector<Row> rows;
  int code = use.Step();
  for (; code == SQLITE_ROW; code = use.Step()) {
    ARROW_ASSIGN_OR_RAISE(Row row, ReadRow(statement));
    rows.push_back(std::move(row));
  }
  if (code != SQLITE_DONE) return Failure("use");
  return rows;
}

Result<Row> SqliteConnection::ReadRow(sqlite3_stmt* statement) const {
  Row row;
  for (int i = 0; i < sqlite3_column_count(statement); ++i) {
    Value value;
    switch (sqlite3_column_type(statement, i)) {
      case SQLITE_INTEGER:
        value = static_cast<int64_t>(sqlite3_column_int64(statement, i));
        break;
      case SQLITE_FLOAT:
        value = sqlite3_column_double(statement, i);
        break;
      case SQLITE_NULL:
        break;
      case SQLITE_TEXT: {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
        if (text == nullptr) return base::Exhausted("read the ledger {}: no memory", path_);
        value = std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement, i)));
        break;
      }
      default:
        return base::Corrupt("the ledger {} holds bytes in the column '{}', which it never writes",
                             path_, sqlite3_column_name(statement, i));
    }
    row.emplace(sqlite3_column_name(statement, i), std::move(value));
  }
  return row;
}

// The column `name` of what a statement selects.
Result<std::vector<std::string>> SqliteConnection::NamesOf(const SqlText& sql) {
  ARROW_ASSIGN_OR_RAISE(std::vector<Row> rows, Select(sql));
  std::vector<std::string> names;
  names.reserve(rows.size());
  for (const Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(names.emplace_back(), TextOf(row, "name"));
  }
  return names;
}

Result<bool> SqliteConnection::HasTable(const std::string& table) {
  ARROW_ASSIGN_OR_RAISE(
      auto names,
      NamesOf({"SELECT name FROM sqlite_schema WHERE type = 'table' AND name = $1", {table}}));
  return !names.empty();
}

Result<std::vector<std::string>> SqliteConnection::Tables() {
  return NamesOf(
      {"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE "
       "'\\' ORDER BY name",
       {}});
}

Result<std::vector<std::string>> SqliteConnection::PrimaryKeyOf(const std::string& table) {
  if (auto found = primary_keys_.find(table); found != primary_keys_.end()) return found->second;
  ARROW_ASSIGN_OR_RAISE(
      auto key,
      NamesOf({"SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk", {table}}));
  return primary_keys_.emplace(table, std::move(key)).first->second;
}

Result<std::vector<std::string>> SqliteConnection::ColumnsOf(const std::string& table) {
  return NamesOf({"SELECT name FROM pragma_table_info($1) ORDER BY cid", {table}});
}

Status SqliteConnection::Apply(const Transaction::Change& change) {
  std::vector<std::string> key;
  if (change.kind == Transaction::Kind::kUpsert) {
    ARROW_ASSIGN_OR_RAISE(key, PrimaryKeyOf(change.table));
  }
  ARROW_ASSIGN_OR_RAISE(SqlText sql, SqlOf(change, key));
  ARROW_ASSIGN_OR_RAISE(sqlite3_stmt * statement, Prepare(sql.text));
  {
    Use use(statement);
    ARROW_RETURN_NOT_OK(use.Bind(sql.values));
    if (use.Step() != SQLITE_DONE) return ChangeFailure(change);
  }
  return CheckChanged(change, sqlite3_changes64(handle_));
}

Status SqliteConnection::ApplyAll(const Transaction& transaction) {
  for (const Transaction::Change& change : transaction.changes()) {
    ARROW_RETURN_NOT_OK(Apply(change));
  }
  return Status::OK();
}

std::vector<std::string> SqliteConnection::RefuseWrites(const std::vector<std::string>& tables,
                                                        const std::string& message) const {
  std::vector<std::string> statements;
  for (const std::string& table : tables) {
    for (const char* kind : kWrites) {
      statements.push_back(
          fmt::format("CREATE TRIGGER {} BEFORE {} ON {} BEGIN SELECT RAISE(ABORT, {}); END",
                      TriggerName(table, kind), kind, base::QuoteIdentifier(table),
                      base::QuoteLiteral(message)));
    }
  }
  return statements;
}

std::vector<std::string> SqliteConnection::AllowWrites(
    const std::vector<std::string>& tables) const {
  std::vector<std::string> statements;
  for (const std::string& table : tables) {
    for (const char* kind : kWrites) {
      statements.push_back("DROP TRIGGER IF EXISTS " + TriggerName(table, kind));
    }
  }
  return statements;
}

Status SqliteConnection::ChangeFailure(const Transaction::Change& change) const {
  switch (sqlite3_extended_errcode(handle_)) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID:
      if (!change.conflict_message.empty()) {
        return base::AlreadyExists("{}", change.conflict_message);
      }
      return base::AlreadyExists("'{}' has such a row already ({})", change.table,
                                 sqlite3_errmsg(handle_));
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      if (change.kind == Transaction::Kind::kDelete) {
        return base::Conflict("rows of '{}' are still referred to; remove what uses them first",
                              change.table);
      }
      return base::NotFound("a row for '{}' refers to one that does not exist", change.table);
    case SQLITE_CONSTRAINT_TRIGGER:  // See freeze.h.
      return base::Unavailable("the ledger {}: {}", path_, sqlite3_errmsg(handle_));
    default:
      return Failure(fmt::format("write '{}' of", change.table));
  }
}

Status SqliteConnection::Failure(std::string_view doing) const {
  const int code = sqlite3_extended_errcode(handle_);
  const int basic = code & 0xFF;
  if (basic == SQLITE_BUSY) {
    return base::Unavailable(
        "the ledger {} was locked by another writer for more than {} ms; try again, or raise the "
        "setting ledger.busy_ms",
        path_, busy_ms_);
  }
  // Of other codes the number may be left from an earlier call.
  const int system_errno =
      basic == SQLITE_IOERR || basic == SQLITE_CANTOPEN ? sqlite3_system_errno(handle_) : 0;
  if (basic == SQLITE_CANTOPEN && system_errno == ENOENT && ::access(path_.c_str(), F_OK) == 0) {
    // SQLite could not create the log, tried to open one that exists, and kept only that error.
    return base::Unavailable(
        "{} the ledger {}: its log {}-wal cannot be created; is the disk full or the folder "
        "read-only?",
        doing, path_, path_);
  }
  const ErrorKind kind = KindOfCode(code, system_errno);
  std::string why = sqlite3_errmsg(handle_);
  if (system_errno != 0) why = base::FromErrno(system_errno, why).message();
  return base::MakeError(kind,
                         fmt::format("{} the ledger {}: {}{}", doing, path_, why, AdviceOf(kind)));
}

}  // namespace millpond::ledger
