// Sending, waiting and reading, over libpq's non-blocking calls. What the database's own catalog
// is asked for is in postgres_schema.cc.
#include "ledger/postgres_connection.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/text.h"

namespace millpond::ledger {
namespace {

// Object ids of PostgreSQL's own types, fixed for ever (pg_type.dat).
enum TypeId : Oid {
  kBool = 16,
  kName = 19,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kFloat4 = 700,
  kFloat8 = 701,
  kBpchar = 1042,
  kVarchar = 1043
};

constexpr int kOldestServer = 130000;  // pg_current_xact_id, pg_xact_status(xid8)

// A statement may wait busy_ms for a lock; for longer than this beyond it nothing is silent.
constexpr int kSilenceMs = 60'000;

Oid TypeOf(const Value& value) {
  if (std::holds_alternative<int64_t>(value)) return kInt8;
  if (std::holds_alternative<double>(value)) return kFloat8;
  if (std::holds_alternative<std::string>(value)) return kText;
  return 0;  // NULL takes the type of where it goes.
}

std::string TextOf(const Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return "";
}

template <class T>
bool ParseNumber(std::string_view text, T* number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

// The server's notices ("table exists, skipping") are not for our caller's terminal.
void Ignore(void* /*context*/, const PGresult* /*notice*/) {}

}  // namespace

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(const Libpq& libpq,
                                                                     const PostgresAddress& address,
                                                                     int busy_ms) {
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : address.parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PostgresConnection> connection(
      new PostgresConnection(libpq, address, std::max(busy_ms, 1)));
  PGconn* handle = libpq.connect(keywords.data(), values.data(), /*expand_dbname=*/0);
  connection->handle_ = handle;
  if (handle == nullptr || libpq.status(handle) != CONNECTION_OK) {
    return ConnectFailure(libpq, handle, address.name);
  }
  ARROW_RETURN_NOT_OK(connection->Configure());
  return connection;
}

Status PostgresConnection::Configure() {
  if (const int version = libpq_.server_version(handle_); version < kOldestServer) {
    return base::Invalid("the ledger {} is on PostgreSQL {}; version {} or newer is needed", name_,
                         version / 10000, kOldestServer / 10000);
  }
  libpq_.set_notice_receiver(handle_, &Ignore, nullptr);
  if (libpq_.set_nonblocking(handle_, 1) != 0 || libpq_.enter_pipeline_mode(handle_) != 1) {
    return base::Internal("the ledger {}: libpq refuses the pipeline mode", name_);
  }
  // Commits must be durable when they are reported, whatever the database's default is; a process
  // that is stopped within a transaction must not hold its locks for ever.
  return Select({"SELECT set_config('search_path', $1, false), "
                 "set_config('lock_timeout', $2, false), "
                 "set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
                 "WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false), "
                 "set_config('default_transaction_isolation', 'read committed', false), "
                 "set_config('idle_in_transaction_session_timeout', '60s', false), "
                 "set_config('extra_float_digits', '1', false)",
                 {base::QuoteIdentifier(schema_), fmt::format("{}ms", busy_ms_)}})
      .status();
}

PostgresConnection::~PostgresConnection() { libpq_.finish(handle_); }

bool PostgresConnection::Usable() {
  if (silent_ || ended_ || libpq_.status(handle_) != CONNECTION_OK ||
      libpq_.transaction_status(handle_) != PQTRANS_IDLE) {
    return false;
  }
  // Between statements a server has nothing to say but that it hangs up.
  pollfd watched{libpq_.socket(handle_), POLLIN, 0};
  return ::poll(&watched, 1, 0) == 0;
}

bool PostgresConnection::Send(const SqlText& sql) {
  const size_t count = sql.values.size();
  std::vector<Oid> types(count);
  std::vector<std::string> texts(count);
  std::vector<const char*> values(count);
  for (size_t i = 0; i < count; ++i) {
    types[i] = TypeOf(sql.values[i]);
    texts[i] = TextOf(sql.values[i]);
    const bool is_null = std::holds_alternative<std::monostate>(sql.values[i]);
    values[i] = is_null ? nullptr : texts[i].c_str();
  }
  return libpq_.send_query(handle_, sql.text.c_str(), static_cast<int>(count), types.data(),
                           values.data(), nullptr, nullptr, /*resultFormat=*/0) == 1;
}

// Waits until there is a result to take, sending what is still unsent meanwhile.
bool PostgresConnection::Await() {
  const auto limit = std::chrono::milliseconds(busy_ms_ + kSilenceMs);
  auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    const int unsent = libpq_.flush(handle_);
    if (unsent < 0) return false;
    if (unsent == 0 && libpq_.is_busy(handle_) == 0) return true;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd watched{libpq_.socket(handle_), static_cast<short>(POLLIN | (unsent == 1 ? POLLOUT : 0)),
                   0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&watched, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return false;
    if (ready == 0) {
      silent_ = true;
      return false;
    }
    if (ready > 0 && (watched.revents & ~POLLOUT) != 0) {
      if (libpq_.consume_input(handle_) == 0) return false;
      deadline = std::chrono::steady_clock::now() + limit;
      if (libpq_.is_busy(handle_) == 0) return true;
    }
  }
}

PGresult* PostgresConnection::Next() { return Await() ? libpq_.get_result(handle_) : nullptr; }

PostgresFailure PostgresConnection::FailureOf(PGresult* result) {
  PostgresFailure failure;
  auto field = [&](int code) {
    const char* text = result == nullptr ? nullptr : libpq_.result_error_field(result, code);
    return std::string(text == nullptr ? "" : text);
  };
  failure.state = field(PG_DIAG_SQLSTATE);
  failure.message = field(PG_DIAG_MESSAGE_PRIMARY);
  if (std::string detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) {
    failure.message += " (" + detail + ")";
  }
  // A server that ends the connection says so first.
  for (std::string_view last_word : {"08", "57P", "25P03"}) {
    if (failure.state.starts_with(last_word)) ended_ = true;
  }
  failure.lost = silent_ || ended_ || libpq_.status(handle_) != CONNECTION_OK;
  if (silent_) {
    failure.message = fmt::format("no answer for {} ms", busy_ms_ + kSilenceMs);
  } else if (failure.message.empty()) {
    failure.message = base::Trim(libpq_.error_message(handle_));
  }
  return failure;
}

Result<Row> PostgresConnection::ReadRow(PGresult* result, int row) const {
  Row read;
  for (int column = 0; column < libpq_.columns(result); ++column) {
    Value value;
    const char* name = libpq_.column_name(result, column);
    if (libpq_.is_null(result, row, column) == 0) {
      const std::string_view text(libpq_.value(result, row, column),
                                  static_cast<size_t>(libpq_.length(result, row, column)));
      bool fits = true;
      switch (libpq_.column_type(result, column)) {
        case kInt8:
        case kInt4:
        case kInt2:
          fits = ParseNumber(text, &value.emplace<int64_t>());
          break;
        case kFloat8:
        case kFloat4:
          fits = ParseNumber(text, &value.emplace<double>());
          break;
        case kBool:
          value = int64_t{text == "t"};
          break;
        case kText:
        case kVarchar:
        case kBpchar:
        case kName:
          value = std::string(text);
          break;
        default:
          fits = false;
      }
      if (!fits) {
        return base::Corrupt("the ledger {} holds '{}' in the column '{}', which it never writes",
                             name_, text.substr(0, 40), name);
      }
    }
    read.emplace(name, std::move(value));
  }
  return read;
}

Result<PostgresAnswer> PostgresConnection::Read(PGresult* result) const {
  PostgresAnswer answer;
  const int rows = libpq_.rows(result);
  answer.rows.reserve(static_cast<size_t>(rows));
  for (int row = 0; row < rows; ++row) {
    ARROW_ASSIGN_OR_RAISE(Row read, ReadRow(result, row));
    answer.rows.push_back(std::move(read));
  }
  ParseNumber(std::string_view(libpq_.changed_rows(result)), &answer.changed);
  return answer;
}

Status PostgresConnection::TakeResult(PostgresAnswers* answers) {
  PGresult* result = Next();
  Status status;
  const ExecStatusType kind = result == nullptr ? PGRES_FATAL_ERROR : libpq_.result_status(result);
  if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) {
    auto answer = Read(result);
    status = answer.status();
    if (answer.ok()) answers->answers.push_back(*std::move(answer));
  } else if (!answers->failure) {  // What follows a failure is only said to be aborted.
    answers->failure = FailureOf(result);
  }
  libpq_.clear(result);
  if (result != nullptr) libpq_.clear(Next());  // The end mark, a null.
  return status;
}

Result<PostgresAnswers> PostgresConnection::Run(std::span<const SqlText> statements) {
  PostgresAnswers answers;
  bool sent = true;
  for (const SqlText& sql : statements) sent = sent && Send(sql);
  if (!sent || libpq_.pipeline_sync(handle_) != 1) {
    answers.failure = FailureOf(nullptr);
    return answers;
  }
  Status status;
  for (size_t i = 0; i < statements.size(); ++i) {
    Status read = TakeResult(&answers);
    if (status.ok()) status = read;
    if (answers.failure && answers.failure->lost) return answers;
  }
  libpq_.clear(Next());  // The mark of the sync.
  ARROW_RETURN_NOT_OK(status);
  return answers;
}

Status PostgresConnection::Execute(std::string_view sql) {
  return Select({std::string(sql), {}}).status();
}

Result<std::vector<Row>> PostgresConnection::Select(const SqlText& sql) {
  ARROW_ASSIGN_OR_RAISE(PostgresAnswers answers, Run({&sql, 1}));
  if (answers.failure) return StatusOf(*answers.failure, "use", name_, busy_ms_);
  return std::move(answers.answers[0].rows);
}

Status PostgresConnection::Apply(const Transaction::Change& change) {
  std::vector<std::string> key;
  if (change.kind == Transaction::Kind::kUpsert) {
    ARROW_ASSIGN_OR_RAISE(key, PrimaryKeyOf(change.table));
  }
  ARROW_ASSIGN_OR_RAISE(SqlText sql, SqlOf(change, key));
  std::optional<PostgresFailure> failure;
  return RunChanges({&change, 1}, {&sql, 1}, &failure);
}

}  // namespace millpond::ledger
