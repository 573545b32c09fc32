// DuckDB's exception types as our kinds, its messages without our inner names.
#include "query/engine_error.h"

#include <array>
#include <atomic>
#include <charconv>
#include <utility>

#include "base/json.h"

namespace millpond::query {
namespace {

using base::ErrorKind;

constexpr std::array<std::pair<std::string_view, ErrorKind>, 9> kKinds{{
    {"INTERRUPT", ErrorKind::kCancelled},
    {"Out of Memory", ErrorKind::kExhausted},
    {"Permission", ErrorKind::kDenied},
    {"IO", ErrorKind::kUnavailable},
    {"INTERNAL", ErrorKind::kInternal},
    {"FATAL", ErrorKind::kInternal},
    {"TransactionContext", ErrorKind::kInternal},
    {"Connection", ErrorKind::kInternal},
    {"Serialization", ErrorKind::kInternal},
}};

// What a damaged, truncated or missing data file looks like from here, whatever the exception type.
constexpr std::array<std::string_view, 10> kDamage{
    "magic bytes",         "too small to be a Parquet",
    "TProtocolException",  "No files found that match",
    "Cannot open file",    "Parquet reader",
    "ZSTD Decompression",  "Snappy decompression",
    "Invalid thrift data", "Footer length",
};

// How DuckDB calls the files that it spills to; they are no part of a table.
constexpr std::string_view kSpillFile = "duckdb_temp_";

std::atomic<uint64_t> internal_errors{0};

ErrorKind KindOfReport(std::string_view type, std::string_view message) {
  for (const auto& [name, kind] : kKinds) {
    if (type == name && kind != ErrorKind::kUnavailable) return kind;
  }
  const bool of_data = message.find(kSpillFile) == std::string_view::npos;
  for (std::string_view phrase : kDamage) {
    if (of_data && message.find(phrase) != std::string_view::npos) return ErrorKind::kCorrupt;
  }
  if (type == "IO") {
    const bool full = message.find("No space left") != std::string_view::npos;
    return full ? ErrorKind::kExhausted : ErrorKind::kUnavailable;
  }
  return ErrorKind::kInvalid;  // Parser, Binder, Catalog, Conversion, Out of Range…: the statement.
}

void HideQueryCatalog(std::string* message) {
  for (size_t at; (at = message->find(kQueryCatalogPrefix)) != std::string::npos;) {
    size_t end = at + kQueryCatalogPrefix.size();
    while (end < message->size() && (*message)[end] >= '0' && (*message)[end] <= '9') ++end;
    if (at > 0 && (*message)[at - 1] == '"') --at;
    if (end < message->size() && (*message)[end] == '"') ++end;
    if (end < message->size() && (*message)[end] == '.') ++end;
    message->erase(at, end - at);
  }
}

std::string Advice(ErrorKind kind, std::string_view message) {
  switch (kind) {
    case ErrorKind::kUnavailable:
      if (message.find(kSpillFile) == std::string_view::npos) return "";
      return " A temporary file of the query is gone or cannot be used, no data is: run it again, "
             "and leave the pond's derived/tmp alone meanwhile.";
    case ErrorKind::kCorrupt:
      return " A data file of the table is damaged or missing: run `millpond doctor --deep`.";
    case ErrorKind::kExhausted:
      return " Read less at once, or raise memory_limit or the space for temporary files.";
    default:
      return "";
  }
}

}  // namespace

EngineError ReadEngineError(const char* report) {
  EngineError error;
  const std::string_view text = report == nullptr ? "DuckDB gave no reason" : report;
  error.message = text;
  const size_t brace = text.find('{');
  std::string type;
  if (brace != std::string_view::npos) {
    const base::Json json = base::Json::parse(text.substr(brace), nullptr, false);
    if (json.is_object() && json.value("exception_message", base::Json()).is_string()) {
      error.message = json["exception_message"];
      type = json.value("exception_type", "");
      const std::string position = json.value("position", "");
      int64_t value = 0;
      const auto parsed =
          std::from_chars(position.data(), position.data() + position.size(), value);
      if (!position.empty() && parsed.ec == std::errc()) error.position = value;
    }
  }
  HideQueryCatalog(&error.message);
  error.kind = KindOfReport(type, error.message);
  if (error.kind == ErrorKind::kInternal) ++internal_errors;
  if (error.kind == ErrorKind::kCancelled) error.message = "the query was stopped";
  error.message += Advice(error.kind, error.message);
  return error;
}

uint64_t InternalErrorsRead() { return internal_errors; }

}  // namespace millpond::query
