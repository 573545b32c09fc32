// Arrow batches into a DuckDB table by its appender; see the header.
#include "query/given_rows.h"

#include <arrow/array.h>
#include <arrow/c/bridge.h>
#include <arrow/compute/cast.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "query/column_expression.h"
#include "table/schema.h"

namespace millpond::query {
namespace {

// DuckDB's vectors hold this many rows.
constexpr int64_t kChunkRows = 2048;

Status Check(duckdb_error_data error, std::string_view what) {
  Status status;
  if (error != nullptr && duckdb_error_data_has_error(error)) {
    status = base::Invalid("{}: {}", what, duckdb_error_data_message(error));
  }
  if (error != nullptr) duckdb_destroy_error_data(&error);
  return status;
}

Result<std::shared_ptr<arrow::RecordBatch>> CastTo(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                   const std::shared_ptr<arrow::Schema>& schema) {
  arrow::ArrayVector columns = batch->columns();
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto& type = schema->field(static_cast<int>(i))->type();
    if (columns[i]->type()->Equals(*type)) continue;
    auto cast = arrow::compute::Cast(*columns[i], type, arrow::compute::CastOptions::Safe());
    if (!cast.ok()) {
      return base::WithContext("column " + schema->field(static_cast<int>(i))->name(),
                               cast.status());
    }
    columns[i] = *std::move(cast);
  }
  return arrow::RecordBatch::Make(schema, batch->num_rows(), std::move(columns));
}

/// The appender and the converted schema, and their end.
class Loader {
 public:
  explicit Loader(duckdb_connection connection) : connection_(connection) {}
  ~Loader() {
    if (appender_ != nullptr) duckdb_appender_destroy(&appender_);
    if (types_ != nullptr) duckdb_destroy_arrow_converted_schema(&types_);
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  Status Open(const std::string& catalog, const std::string& name, const arrow::Schema& schema) {
    ArrowSchema exported;
    ARROW_RETURN_NOT_OK(arrow::ExportSchema(schema, &exported));
    const Status converted =
        Check(duckdb_schema_from_arrow(connection_, &exported, &types_), "the new rows' types");
    if (exported.release != nullptr) exported.release(&exported);
    ARROW_RETURN_NOT_OK(converted);
    if (duckdb_appender_create_ext(connection_, catalog.c_str(), "main", name.c_str(),
                                   &appender_) == DuckDBSuccess) {
      return Status::OK();
    }
    return AppenderError();
  }

  Status Append(const arrow::RecordBatch& batch) {
    for (int64_t row = 0; row < batch.num_rows(); row += kChunkRows) {
      ArrowArray exported;
      ARROW_RETURN_NOT_OK(arrow::ExportRecordBatch(*batch.Slice(row, kChunkRows), &exported));
      duckdb_data_chunk chunk = nullptr;
      ARROW_RETURN_NOT_OK(Check(
          duckdb_data_chunk_from_arrow(connection_, &exported, types_, &chunk), "the new rows"));
      const duckdb_state state = duckdb_append_data_chunk(appender_, chunk);
      duckdb_destroy_data_chunk(&chunk);
      if (state != DuckDBSuccess) return AppenderError();
    }
    return Status::OK();
  }

  Status Close() {
    return duckdb_appender_close(appender_) == DuckDBSuccess ? Status::OK() : AppenderError();
  }

 private:
  Status AppenderError() {
    if (appender_ == nullptr) return base::Internal("DuckDB takes no rows");
    ARROW_RETURN_NOT_OK(Check(duckdb_appender_error_data(appender_), "the new rows"));
    return base::Internal("DuckDB refused the new rows");
  }

  duckdb_connection connection_;
  duckdb_appender appender_ = nullptr;
  duckdb_arrow_converted_schema types_ = nullptr;
};

}  // namespace

Status LoadRows(Connection& connection, const std::string& catalog, const std::string& name,
                arrow::RecordBatchReader& reader, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(const auto schema, table::StorableSchema(*reader.schema()));
  std::vector<std::string> columns;
  for (const auto& field : schema->fields()) {
    ARROW_ASSIGN_OR_RAISE(const std::string type, SqlTypeOf(*field->type()));
    columns.push_back(base::QuoteIdentifier(field->name()) + " " + type);
  }
  ARROW_RETURN_NOT_OK(
      connection.Execute(fmt::format("CREATE TABLE {}.main.{} ({})", base::QuoteIdentifier(catalog),
                                     base::QuoteIdentifier(name), base::Join(columns, ", "))));
  const auto plain = table::WithoutFieldIds(*schema);
  Loader loader(connection.get());
  ARROW_RETURN_NOT_OK(loader.Open(catalog, name, *plain));
  int64_t rows = 0;
  while (true) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_ASSIGN_OR_RAISE(batch, CastTo(batch, plain));
    ARROW_RETURN_NOT_OK(loader.Append(*batch));
    rows += batch->num_rows();
    context.Report({.phase = "read the new rows", .done = rows, .total = -1, .unit = "rows"});
  }
  return loader.Close();
}

}  // namespace millpond::query
