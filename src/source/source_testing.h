// For the tests of this room: a folder of files that goes away, and a source read to its end with
// every cell as text.
#pragma once

#include <arrow/api.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error_matchers.h"
#include "source/source.h"

#define ASSERT_OK_AND_ASSIGN_IMPL(outcome, target, expression) \
  auto outcome = (expression);                                 \
  ASSERT_THAT(outcome, ::millpond::base::IsOk());              \
  target = std::move(outcome).ValueUnsafe()
#define ASSERT_OK_AND_ASSIGN(target, expression) \
  ASSERT_OK_AND_ASSIGN_IMPL(ARROW_ASSIGN_OR_RAISE_NAME(outcome_, __COUNTER__), target, expression)

namespace millpond::source {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "millpond-source-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

  /// Writes a file (and the folders above it); returns its path.
  std::string Write(const std::string& name, std::string_view bytes, bool append = false) const {
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, append ? std::ios::binary | std::ios::app : std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return file.string();
  }

 private:
  std::string path_;
};

/// Everything that one stream gave.
struct Everything {
  Status status;
  StreamInfo info;
  std::shared_ptr<arrow::Table> table;
  std::vector<Reject> rejects;
  base::Json cursor;

  std::vector<std::string> names() const {
    return info.schema ? info.schema->field_names() : std::vector<std::string>();
  }
  std::vector<std::string> types() const {
    std::vector<std::string> types;
    for (const auto& field : info.schema->fields()) types.push_back(field->type()->ToString());
    return types;
  }
  /// One column's cells as text, "null" for null.
  std::vector<std::string> Column(const std::string& name) const {
    std::vector<std::string> cells;
    const auto column = table->GetColumnByName(name);
    for (int64_t i = 0; column && i < column->length(); ++i)
      cells.push_back(column->GetScalar(i).ValueOrDie()->ToString());
    return cells;
  }
  std::string warnings() const { return info.report.value("warnings", base::Json::array()).dump(); }
};

/// Describes and reads stream `index` of the source at `path`.
inline Everything ReadAll(const std::string& path, const SourceOptions& options = {},
                          size_t index = 0, const base::Context& context = {}) {
  Everything all;
  const auto read = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto source, OpenSource(path, options));
    ARROW_ASSIGN_OR_RAISE(auto infos, source->Describe(context));
    all.info = infos.at(index);
    ARROW_ASSIGN_OR_RAISE(auto reader, source->Open(all.info.name, context));
    arrow::RecordBatchVector batches;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
      for (Reject& reject : reader->TakeRejects()) all.rejects.push_back(std::move(reject));
      if (!batch) break;
      ARROW_RETURN_NOT_OK(batch->ValidateFull());
      batches.push_back(std::move(batch));
    }
    all.cursor = reader->Cursor();
    ARROW_ASSIGN_OR_RAISE(all.table, arrow::Table::FromRecordBatches(reader->schema(), batches));
    return Status::OK();
  };
  all.status = read();
  return all;
}

}  // namespace millpond::source
