// The one place that opens DuckDB: an in-memory database, locked down, that may read files of the
// pond's truth and nothing else. Used by session.cc, statement.cc and result_stream.cc of this
// room. An Engine may be used by many threads; a Connection by one at a time, except for Interrupt.
#pragma once

#include <duckdb.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "derived/scratch_folder.h"
#include "query/engine_error.h"
#include "query/scan_functions.h"

namespace millpond::query {

struct EngineSettings {
  std::string readable_folder;  ///< Ends with '/'; the only folder whose files may be read.
  std::string temp_folder;  ///< Spill files go to a folder of this engine's own below it; empty: no
                            ///< spilling.
  int64_t memory_limit = 0;  ///< Bytes; 0: 60% of the machine's memory.
  int threads = 0;           ///< 0: all.
};

class Connection;

class Engine : public std::enable_shared_from_this<Engine> {
 public:
  static Result<std::shared_ptr<Engine>> Open(const EngineSettings& settings);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Result<std::unique_ptr<Connection>> Connect();

  /// DuckDB's syntax tree of `sql` as it stands, or its parse error, as a JSON document.
  Result<std::string> SyntaxTree(std::string_view sql);

  const std::shared_ptr<ScanRegistry>& scans() const { return scans_; }

 private:
  struct Key {};  // Only Open makes one.

 public:
  Engine(Key, std::unique_ptr<derived::ScratchFolder> spill) : spill_(std::move(spill)) {}

 private:
  const std::unique_ptr<derived::ScratchFolder> spill_;  // Outlives the database.
  const std::shared_ptr<ScanRegistry> scans_ = std::make_shared<ScanRegistry>();
  duckdb_database database_ = nullptr;
  // Parses for all connections: to prepare the parsing anew for each statement takes longer than
  // the parsing.
  std::mutex parser_mutex_;
  duckdb_connection parser_ = nullptr;
  duckdb_prepared_statement parse_ = nullptr;
};

/// A prepared statement; goes before its connection.
class Prepared {
 public:
  explicit Prepared(duckdb_prepared_statement statement) : statement_(statement) {}
  ~Prepared() { duckdb_destroy_prepare(&statement_); }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  duckdb_prepared_statement get() const { return statement_; }
  /// Binds all parameters; kInvalid where their number or a type does not fit.
  Status Bind(const std::vector<base::Json>& parameters);

 private:
  duckdb_prepared_statement statement_;
};

class Connection {
 public:
  /// Takes over `connection`.
  Connection(std::shared_ptr<Engine> engine, duckdb_connection connection)
      : engine_(std::move(engine)), connection_(connection) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs statements of our own making.
  Status Execute(const std::string& sql);
  /// Runs a statement whose last column is text; that column's values joined by newlines.
  Result<std::string> QueryText(const std::string& sql, const std::vector<base::Json>& parameters);
  /// As the engine's.
  Result<std::string> SyntaxTree(std::string_view sql) { return engine_->SyntaxTree(sql); }

  /// nullptr and `error` filled where DuckDB refuses the statement.
  std::unique_ptr<Prepared> Prepare(const std::string& sql, EngineError* error);

  /// What scans on this connection's engine tell the functions of scan_functions.h.
  ScanRegistry& scans() const { return *engine_->scans(); }
  /// For this room's files that feed DuckDB.
  duckdb_connection get() const { return connection_; }

  /// Stops what runs on this connection; from any thread.
  void Interrupt() { duckdb_interrupt(connection_); }

 private:
  const std::shared_ptr<Engine> engine_;
  duckdb_connection connection_;
};

}  // namespace millpond::query
