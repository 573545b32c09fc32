// Pulls DuckDB's chunks of 2048 rows and hands on batches of up to 64k rows or 32 MiB of text, so
// that consumers do not pay per small batch and memory stays bounded.
#include "query/result_stream.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "query/arrow_output.h"

namespace millpond::query {
namespace {

constexpr int64_t kBatchRows = 64 << 10;
constexpr int64_t kBatchVariableBytes = 32 << 20;

std::vector<ResultColumn> ColumnsOf(duckdb_result* result) {
  std::vector<ResultColumn> columns;
  for (idx_t i = 0; i < duckdb_column_count(result); ++i) {
    columns.emplace_back(duckdb_column_name(result, i), duckdb_column_logical_type(result, i));
  }
  return columns;
}

class ResultStream final : public arrow::RecordBatchReader {
 public:
  ResultStream(std::unique_ptr<Connection> connection, QueryPlan plan, base::Context context)
      : plan_(std::move(plan)), context_(std::move(context)), connection_(std::move(connection)) {}

  ~ResultStream() override { Release(); }

  Status Start(const std::vector<base::Json>& parameters) {
    ARROW_RETURN_NOT_OK(plan_.OpenViews(*connection_));
    interrupt_.emplace(context_.stop,
                       [connection = connection_.get()] { connection->Interrupt(); });
    EngineError error;
    prepared_ = connection_->Prepare(plan_.sql, &error);
    if (prepared_ == nullptr) return plan_.ToStatus(error);
    ARROW_RETURN_NOT_OK(prepared_->Bind(parameters));
    duckdb_pending_result pending = nullptr;
    Status status;
    if (duckdb_pending_prepared_streaming(prepared_->get(), &pending) != DuckDBSuccess) {
      status = plan_.ToStatus(ReadEngineError(duckdb_pending_error(pending)));
    } else {
      // An interrupt before this point is forgotten by DuckDB, one after it is kept: so look now.
      status = context_.CheckStop();
    }
    if (status.ok()) {
      has_result_ = true;
      if (duckdb_execute_pending(pending, &result_) != DuckDBSuccess) {
        status = plan_.ToStatus(ReadEngineError(duckdb_result_error(&result_)));
      }
    }
    duckdb_destroy_pending(&pending);
    ARROW_RETURN_NOT_OK(status);
    ARROW_ASSIGN_OR_RAISE(output_, ArrowOutput::Make(ColumnsOf(&result_)));
    schema_ = output_->schema();
    return Status::OK();
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    *batch = nullptr;
    if (connection_ == nullptr) return failed_;
    auto next = NextBatch();
    failed_ = next.status();  // Who reads on after an error gets it again, not an end.
    if (!next.ok() || *next == nullptr) Release();
    return std::move(next).Value(batch);
  }

  Status Close() override {
    Release();
    return Status::OK();
  }

 private:
  // nullptr at the end.
  Result<std::shared_ptr<arrow::RecordBatch>> NextBatch() {
    int64_t bytes = 0;
    while (output_->rows() < kBatchRows && bytes < kBatchVariableBytes) {
      if (chunk_ == nullptr) {
        ARROW_RETURN_NOT_OK(context_.CheckStop());
        ARROW_RETURN_NOT_OK(Fetch());
        if (chunk_ == nullptr) break;
      }
      ARROW_ASSIGN_OR_RAISE(const int64_t taken, TakeFromChunk(kBatchVariableBytes - bytes));
      if (taken < 0) break;
      bytes += taken;
    }
    if (output_->rows() == 0) return nullptr;
    return output_->Finish();
  }

  Status Fetch() {
    if (ended_) return Status::OK();  // DuckDB reports an error to those who ask again.
    chunk_ = duckdb_fetch_chunk(result_);
    chunk_row_ = 0;
    if (chunk_ != nullptr) return Status::OK();
    ended_ = true;
    const char* report = duckdb_result_error(&result_);
    if (report == nullptr || *report == '\0') return Status::OK();
    return plan_.ToStatus(ReadEngineError(report));
  }

  // Appends as many rows of the chunk as fit and gives their variable bytes; -1 where none fits and
  // the batch has rows already. A single row always fits an empty batch.
  Result<int64_t> TakeFromChunk(int64_t room) {
    const auto size = static_cast<int64_t>(duckdb_data_chunk_get_size(chunk_));
    int64_t rows = std::min(size - chunk_row_, kBatchRows - output_->rows());
    int64_t bytes = output_->VariableBytes(chunk_, chunk_row_, chunk_row_ + rows);
    while (bytes > room && rows > 1) {
      rows /= 2;
      bytes = output_->VariableBytes(chunk_, chunk_row_, chunk_row_ + rows);
    }
    if (bytes > room && output_->rows() > 0) return -1;
    ARROW_RETURN_NOT_OK(output_->Append(chunk_, chunk_row_, chunk_row_ + rows));
    chunk_row_ += rows;
    if (chunk_row_ == size) duckdb_destroy_data_chunk(&chunk_);
    return bytes;
  }

  void Release() {
    if (connection_ == nullptr) return;
    interrupt_.reset();
    if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
    if (has_result_) duckdb_destroy_result(&result_);
    prepared_.reset();
    connection_.reset();
    plan_.views.reset();
  }

  QueryPlan plan_;
  const base::Context context_;
  std::unique_ptr<Connection> connection_;
  std::optional<std::stop_callback<std::function<void()>>> interrupt_;
  std::unique_ptr<Prepared> prepared_;
  duckdb_result result_{};
  bool has_result_ = false;
  duckdb_data_chunk chunk_ = nullptr;
  int64_t chunk_row_ = 0;
  bool ended_ = false;
  Status failed_;
  std::optional<ArrowOutput> output_;
  std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

Result<std::shared_ptr<arrow::RecordBatchReader>> StartQuery(
    std::unique_ptr<Connection> connection, QueryPlan plan,
    const std::vector<base::Json>& parameters, const base::Context& context) {
  auto stream = std::make_shared<ResultStream>(std::move(connection), std::move(plan), context);
  ARROW_RETURN_NOT_OK(stream->Start(parameters));
  return stream;
}

Result<std::shared_ptr<arrow::Schema>> OutputSchema(Connection& connection, const QueryPlan& plan) {
  ARROW_RETURN_NOT_OK(plan.OpenViews(connection));
  EngineError error;
  const auto prepared = connection.Prepare(plan.sql, &error);
  if (prepared == nullptr) return plan.ToStatus(error);
  std::vector<ResultColumn> columns;
  for (idx_t i = 0; i < duckdb_prepared_statement_column_count(prepared->get()); ++i) {
    const char* name = duckdb_prepared_statement_column_name(prepared->get(), i);
    columns.emplace_back(name, duckdb_prepared_statement_column_logical_type(prepared->get(), i));
    duckdb_free(const_cast<char*>(name));
  }
  ARROW_ASSIGN_OR_RAISE(const ArrowOutput output, ArrowOutput::Make(columns));
  return output.schema();
}

}  // namespace millpond::query
