// Opens and locks DuckDB; runs and prepares statements. See engine.h.
#include "query/engine.h"

#include <sys/sysinfo.h>

#include <optional>
#include <utility>

#include "base/text.h"

namespace millpond::query {
namespace {

constexpr double kDefaultMemoryShare = 0.6;

int64_t MemoryLimit(int64_t configured) {
  if (configured > 0) return configured;
  struct sysinfo machine{};
  if (sysinfo(&machine) != 0) return 1LL << 30;
  const double bytes = static_cast<double>(machine.totalram) * machine.mem_unit;
  return static_cast<int64_t>(bytes * kDefaultMemoryShare);
}

// A folder of the engine's own; null, so without spilling, where none can be made (a pond that may
// only be read).
std::unique_ptr<derived::ScratchFolder> SpillFolder(const std::string& parent) {
  if (parent.empty()) return nullptr;
  auto made = derived::ScratchFolder::Make(parent);
  return made.ok() ? *std::move(made) : nullptr;
}

// Settings that DuckDB takes only before it opens, or that must hold before anything else runs.
Status Configure(duckdb_config config, const EngineSettings& settings,
                 const std::string& spill_folder) {
  std::vector<std::pair<const char*, std::string>> options{
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"allow_persistent_secrets", "false"},
      {"errors_as_json", "true"},
      {"memory_limit", fmt::format("{}B", MemoryLimit(settings.memory_limit))},
      {"temp_directory", spill_folder},
  };
  if (settings.threads > 0) options.emplace_back("threads", fmt::format("{}", settings.threads));
  for (const auto& [name, value] : options) {
    if (duckdb_set_config(config, name, value.c_str()) != DuckDBSuccess) {
      return base::Internal("DuckDB refused the option {} = {}", name, value);
    }
  }
  return Status::OK();
}

// GLOBAL, since these two belong to extensions: else they would hold for this connection alone.
// TimeZone first: it belongs to the icu extension, which must not be looked for once all is locked.
// The order of the last three matters: each forbids changing the ones before it.
std::string LockDown(const EngineSettings& settings) {
  return fmt::format(
      "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL parquet_metadata_cache = true; "
      "SET allowed_directories = [{}]; SET enable_external_access = false; "
      "SET lock_configuration = true;",
      settings.readable_folder.empty() ? "" : base::QuoteLiteral(settings.readable_folder));
}

// Of a text of digits with or without a minus; nothing where it does not fit.
std::optional<duckdb_hugeint> HugeintOf(const std::string& text) {
  const bool negative = text.starts_with('-');
  __extension__ __int128 number = 0;
  for (const char digit : text.substr(negative ? 1 : 0)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    if (__builtin_mul_overflow(number, 10, &number)) return std::nullopt;
    if (__builtin_add_overflow(number, digit - '0', &number)) return std::nullopt;
  }
  if (negative) number = -number;
  return duckdb_hugeint{.lower = static_cast<uint64_t>(number),
                        .upper = static_cast<int64_t>(number >> 64)};
}

// A value with its type: days or microseconds since 1970 or midnight, or digits:
// {"DATE": 1}, {"TIME": 1}, {"TIMESTAMP": 1}, {"TIMESTAMPTZ": 1}, {"HUGEINT": "1"},
// {"DECIMAL": "123", "scale": 2}.
duckdb_state BindTyped(duckdb_prepared_statement statement, idx_t index, const base::Json& value) {
  const auto number = [&](const char* type) -> std::optional<int64_t> {
    const auto found = value.find(type);
    if (found == value.end() || !found->is_number_integer()) return std::nullopt;
    return found->get<int64_t>();
  };
  if (const auto days = number("DATE")) {
    return duckdb_bind_date(statement, index, {.days = static_cast<int32_t>(*days)});
  }
  if (const auto micros = number("TIME")) return duckdb_bind_time(statement, index, {*micros});
  if (const auto micros = number("TIMESTAMP")) {
    return duckdb_bind_timestamp(statement, index, {*micros});
  }
  if (const auto micros = number("TIMESTAMPTZ")) {
    return duckdb_bind_timestamp_tz(statement, index, {*micros});
  }
  if (const auto huge = HugeintOf(value.value("HUGEINT", "x"))) {
    return duckdb_bind_hugeint(statement, index, *huge);
  }
  if (const auto digits = HugeintOf(value.value("DECIMAL", "x"))) {
    constexpr uint8_t kWidth = 38;
    const auto scale = static_cast<uint8_t>(value.value("scale", 0));
    return duckdb_bind_decimal(statement, index,
                               {.width = kWidth, .scale = scale, .value = *digits});
  }
  return DuckDBError;
}

Status BindOne(duckdb_prepared_statement statement, idx_t index, const base::Json& value) {
  duckdb_state state = DuckDBError;
  if (value.is_null()) {
    state = duckdb_bind_null(statement, index);
  } else if (value.is_boolean()) {
    state = duckdb_bind_boolean(statement, index, value.get<bool>());
  } else if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) {
    state = duckdb_bind_uint64(statement, index, value.get<uint64_t>());
  } else if (value.is_number_integer()) {
    state = duckdb_bind_int64(statement, index, value.get<int64_t>());
  } else if (value.is_number_float()) {
    state = duckdb_bind_double(statement, index, value.get<double>());
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (!base::IsValidUtf8(text)) return base::Invalid("parameter {} is not valid UTF-8", index);
    state = duckdb_bind_varchar_length(statement, index, text.data(), text.size());
  } else if (value.is_binary()) {
    const auto& bytes = value.get_binary();
    state = duckdb_bind_blob(statement, index, bytes.data(), bytes.size());
  } else if (value.is_object()) {
    state = BindTyped(statement, index, value);
  } else {
    return base::Invalid("parameter {} is a {}; give null, a boolean, a number or a string", index,
                         value.type_name());
  }
  if (state != DuckDBSuccess)
    return base::Invalid("parameter {} does not fit the statement", index);
  return Status::OK();
}

// Appends the text column `column` of all rows.
Status CollectText(duckdb_result* result, idx_t column, std::string* text) {
  while (duckdb_data_chunk chunk = duckdb_fetch_chunk(*result)) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, column);
    auto* strings = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
    uint64_t* validity = duckdb_vector_get_validity(vector);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
      if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) continue;
      if (!text->empty()) *text += '\n';
      text->append(duckdb_string_t_data(&strings[row]), duckdb_string_t_length(strings[row]));
    }
    duckdb_destroy_data_chunk(&chunk);
  }
  const char* report = duckdb_result_error(result);
  if (report != nullptr && *report != '\0') return ReadEngineError(report).ToStatus();
  return Status::OK();
}

// Runs a prepared statement; the text column that is its last, joined by newlines.
Result<std::string> ExecuteForText(duckdb_prepared_statement statement) {
  duckdb_result result;
  std::string text;
  Status status;
  if (duckdb_execute_prepared(statement, &result) != DuckDBSuccess) {
    status = ReadEngineError(duckdb_result_error(&result)).ToStatus();
  } else {
    status = CollectText(&result, duckdb_column_count(&result) - 1, &text);
  }
  duckdb_destroy_result(&result);
  ARROW_RETURN_NOT_OK(status);
  return text;
}

}  // namespace

Result<std::shared_ptr<Engine>> Engine::Open(const EngineSettings& settings) {
  auto spill = SpillFolder(settings.temp_folder);
  const std::string spill_folder = spill == nullptr ? "" : spill->path();
  auto engine = std::make_shared<Engine>(Key{}, std::move(spill));
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) != DuckDBSuccess)
    return base::Exhausted("no memory for DuckDB");
  Status status = Configure(config, settings, spill_folder);
  if (status.ok()) {
    char* reason = nullptr;
    if (duckdb_open_ext(nullptr, &engine->database_, config, &reason) != DuckDBSuccess) {
      status = base::WithContext("open DuckDB", ReadEngineError(reason).ToStatus());
    }
    duckdb_free(reason);
  }
  duckdb_destroy_config(&config);
  ARROW_RETURN_NOT_OK(status);
  ARROW_ASSIGN_OR_RAISE(auto connection, engine->Connect());
  ARROW_RETURN_NOT_OK(RegisterScanFunctions(connection->get(), engine->scans()));
  ARROW_RETURN_NOT_OK(connection->Execute(LockDown(settings)));
  return engine;
}

Engine::~Engine() {
  duckdb_destroy_prepare(&parse_);
  if (parser_ != nullptr) duckdb_disconnect(&parser_);
  if (database_ != nullptr) duckdb_close(&database_);
}

Result<std::unique_ptr<Connection>> Engine::Connect() {
  duckdb_connection connection = nullptr;
  if (duckdb_connect(database_, &connection) != DuckDBSuccess) {
    return base::Internal("DuckDB refused a connection");
  }
  return std::make_unique<Connection>(shared_from_this(), connection);
}

Result<std::string> Engine::SyntaxTree(std::string_view sql) {
  const std::lock_guard lock(parser_mutex_);
  if (parser_ == nullptr && duckdb_connect(database_, &parser_) != DuckDBSuccess) {
    return base::Internal("DuckDB refused a connection");
  }
  if (parse_ == nullptr) {
    constexpr const char* kParse = "SELECT json_serialize_sql(?::VARCHAR)";
    if (duckdb_prepare(parser_, kParse, &parse_) != DuckDBSuccess) {
      Status status = ReadEngineError(duckdb_prepare_error(parse_)).ToStatus();
      duckdb_destroy_prepare(&parse_);
      return status;
    }
  }
  ARROW_RETURN_NOT_OK(BindOne(parse_, 1, base::Json(std::string(sql))));
  return ExecuteForText(parse_);
}

Connection::~Connection() { duckdb_disconnect(&connection_); }

Status Connection::Execute(const std::string& sql) {
  duckdb_result result;
  Status status;
  if (duckdb_query(connection_, sql.c_str(), &result) != DuckDBSuccess) {
    status = ReadEngineError(duckdb_result_error(&result)).ToStatus();
  }
  duckdb_destroy_result(&result);
  return status;
}

Result<std::string> Connection::QueryText(const std::string& sql,
                                          const std::vector<base::Json>& parameters) {
  EngineError error;
  auto prepared = Prepare(sql, &error);
  if (prepared == nullptr) return error.ToStatus();
  ARROW_RETURN_NOT_OK(prepared->Bind(parameters));
  return ExecuteForText(prepared->get());
}

std::unique_ptr<Prepared> Connection::Prepare(const std::string& sql, EngineError* error) {
  duckdb_prepared_statement statement = nullptr;
  const duckdb_state state = duckdb_prepare(connection_, sql.c_str(), &statement);
  auto prepared = std::make_unique<Prepared>(statement);
  if (state == DuckDBSuccess) return prepared;
  *error = ReadEngineError(duckdb_prepare_error(statement));
  return nullptr;
}

Status Prepared::Bind(const std::vector<base::Json>& parameters) {
  const idx_t wanted = duckdb_nparams(statement_);
  if (wanted != parameters.size()) {
    return base::Invalid("the statement has {} parameters, {} were given", wanted,
                         parameters.size());
  }
  for (idx_t i = 0; i < wanted; ++i) ARROW_RETURN_NOT_OK(BindOne(statement_, i + 1, parameters[i]));
  return Status::OK();
}

}  // namespace millpond::query
