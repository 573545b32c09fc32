// What every format gives file_source: a plan made from samples (schema, report), and a reader that
// follows it. One file per format implements it: csv_plan, json_plan, columnar_plan, text_plan,
// image_plan.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "source/file_list.h"
#include "source/file_options.h"
#include "source/source.h"

namespace millpond::source {

/// Batches of one stream of files, in file order. Not thread safe; destroying it stops its threads.
class BatchReader {
 public:
  virtual ~BatchReader() = default;
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
  virtual std::vector<Reject> TakeRejects() = 0;
  /// Physical lines of each file read so far, by its path; empty where lines mean nothing.
  virtual std::map<std::string, int64_t> Lines() const { return {}; }
};

/// How a stream of files will be read. Immutable.
class StreamPlan {
 public:
  virtual ~StreamPlan() = default;
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  virtual const base::Json& report() const = 0;
  /// The plan must outlive the reader.
  virtual Result<std::unique_ptr<BatchReader>> Open(const base::Context& context) const = 0;
};

/// The files that one plan covers.
struct PlanInput {
  FileFormat format = FileFormat::kUnknown;
  std::vector<InputFile> files;
  std::string root;  ///< Folder above them.
  const FileOptions* options = nullptr;
};

using PlanResult = Result<std::unique_ptr<StreamPlan>>;

PlanResult PlanCsv(const PlanInput& input, const base::Context& context);
PlanResult PlanJson(const PlanInput& input, const base::Context& context);
PlanResult PlanColumnar(const PlanInput& input, const base::Context& context);
PlanResult PlanText(const PlanInput& input, const base::Context& context);
PlanResult PlanImages(const PlanInput& input, const base::Context& context);

}  // namespace millpond::source
