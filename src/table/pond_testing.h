// A pond in a temporary folder with a real ledger and store, and short ways to write and read
// tables in it. For tests of this room.
#pragma once

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/temporary_folder.h"
#include "ledger/ledger_for_test.h"
#include "store/local_store.h"
#include "table/commit.h"
#include "table/history.h"
#include "table/scan_plan.h"
#include "table/table_writer.h"

namespace millpond::table {

class PondForTest {
 public:
  PondForTest() {
    std::filesystem::create_directory(folder_ / "truth");
    ledger_ = ledger::OpenLedgerForTest(folder_.path(), ledger::OpenMode::kCreate).ValueOrDie();
    store_ = store::OpenLocalStore(folder_ / "truth").ValueOrDie();
    catalog_ = Reopen(WriteSettings{});
  }

  /// Another catalog over the same pond, as another process would have it.
  std::shared_ptr<Catalog> Reopen(const WriteSettings& settings) const {
    return Catalog::Open(ledger_, store_, settings).ValueOrDie();
  }
  void Use(const WriteSettings& settings) { catalog_ = Reopen(settings); }

  const std::shared_ptr<Catalog>& catalog() const { return catalog_; }
  const std::shared_ptr<ledger::Ledger>& ledger() const { return ledger_; }
  const std::shared_ptr<store::BlobStore>& store() const { return store_; }
  const base::TemporaryFolder& folder() const { return folder_; }
  History history() const { return History(catalog_); }

  static CommitInfo Info(const std::string& operation, const std::string& message = "test") {
    return {.author = "ana", .message = message, .operation = operation, .idempotency_key = {}};
  }

  /// Rows with a sample_id to be numbered and one column `value` of these.
  static std::shared_ptr<arrow::RecordBatch> Batch(const std::vector<int64_t>& values) {
    arrow::Int64Builder builder;
    EXPECT_TRUE(builder.AppendValues(values).ok());
    return arrow::RecordBatch::Make(arrow::schema({arrow::field("value", arrow::int64())}),
                                    static_cast<int64_t>(values.size()),
                                    {builder.Finish().ValueOrDie()});
  }
  static std::shared_ptr<arrow::Schema> Columns() {
    return arrow::schema(
        {arrow::field("sample_id", arrow::int64(), false), arrow::field("value", arrow::int64())});
  }

  /// Writes a batch as files for `commit`, which must have the table.
  std::vector<DataFile> Write(PendingCommit& commit, const TableName& name,
                              const arrow::RecordBatch& batch) const {
    auto writer =
        TableWriter::Open(catalog_, name, commit.SchemaOf(name).ValueOrDie()).ValueOrDie();
    EXPECT_TRUE(writer->Write(batch, base::Context{}).ok());
    return writer->Finish().ValueOrDie();
  }

  Result<PondCommit> Create(const TableName& name, const std::vector<int64_t>& values) const {
    PendingCommit commit(catalog_, Info("create"));
    ARROW_RETURN_NOT_OK(commit.Create(name, Columns()));
    if (!values.empty()) {
      ARROW_RETURN_NOT_OK(commit.Append(name, Write(commit, name, *Batch(values))));
    }
    return commit.Land(base::Context{});
  }
  Result<PondCommit> Append(const TableName& name, const std::vector<int64_t>& values) const {
    PendingCommit commit(catalog_, Info("append"));
    ARROW_RETURN_NOT_OK(commit.Append(name, Write(commit, name, *Batch(values))));
    return commit.Land(base::Context{});
  }
  Result<PondCommit> Overwrite(const TableName& name, const std::vector<int64_t>& values) const {
    PendingCommit commit(catalog_, Info("overwrite"));
    auto files = Write(commit, name, *Batch(values));
    ARROW_ASSIGN_OR_RAISE(const Table table, commit.Existing(name));
    ARROW_RETURN_NOT_OK(
        commit.Overwrite(name, std::move(files), table.metadata->current_snapshot_id));
    return commit.Land(base::Context{});
  }

  static Result<std::shared_ptr<arrow::Table>> ReadFile(const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(auto input, arrow::io::ReadableFile::Open(path));
    ARROW_ASSIGN_OR_RAISE(auto reader,
                          parquet::arrow::OpenFile(input, arrow::default_memory_pool()));
    return reader->ReadTable();
  }

  /// An int64 column at a ref, file by file in plan order; null is -1, as is every row of a file
  /// without the column.
  Result<std::vector<int64_t>> Values(const TableName& name, const std::string& ref = "",
                                      const std::string& column = "value") const {
    ARROW_ASSIGN_OR_RAISE(TableVersion version, history().At(name, ref));
    ManifestCache manifests(store_.get(), 0);
    ARROW_ASSIGN_OR_RAISE(ScanPlan plan, PlanScan(manifests, version, {}));
    std::vector<int64_t> values;
    for (const ScanFile& file : plan.files) {
      ARROW_ASSIGN_OR_RAISE(auto table, ReadFile(file.path));
      auto found = table->GetColumnByName(column);
      for (int64_t i = 0; i < table->num_rows(); ++i) {
        if (found == nullptr) {
          values.push_back(-1);
          continue;
        }
        ARROW_ASSIGN_OR_RAISE(auto scalar, found->GetScalar(i));
        values.push_back(scalar->is_valid ? static_cast<const arrow::Int64Scalar&>(*scalar).value
                                          : -1);
      }
    }
    return values;
  }

  /// Store paths of all blobs, sorted.
  std::vector<std::string> Blobs() const {
    std::vector<std::string> paths;
    EXPECT_TRUE(store_
                    ->List("",
                           [&](const store::BlobInfo& blob) {
                             paths.push_back(blob.path);
                             return Status::OK();
                           })
                    .ok());
    std::sort(paths.begin(), paths.end());
    return paths;
  }

 private:
  base::TemporaryFolder folder_;
  std::shared_ptr<ledger::Ledger> ledger_;
  std::shared_ptr<store::BlobStore> store_;
  std::shared_ptr<Catalog> catalog_;
};

}  // namespace millpond::table
