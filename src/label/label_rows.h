// Accepted labels as batches of the labels table. Used by labels.cc.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace millpond::label {

struct LabelRow {
  int64_t sample_id = 0;
  std::string label, annotator;
  int64_t labelled_ms = 0;
  std::optional<double> confidence;
};

/// sample_id, label_set, label, annotator, labelled_at, source, confidence.
std::shared_ptr<arrow::Schema> LabelsSchema();

/// Columns that name one label: no two rows agree in all of them.
std::vector<std::string> LabelsIdentifier();

Result<std::shared_ptr<arrow::RecordBatch>> LabelBatch(const std::vector<LabelRow>& rows,
                                                       const std::string& label_set,
                                                       const std::string& source);

}  // namespace millpond::label
