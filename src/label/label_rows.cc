// The labels table's columns; see the header.
#include "label/label_rows.h"

#include <arrow/api.h>

#include <utility>

namespace millpond::label {

std::shared_ptr<arrow::Schema> LabelsSchema() {
  const auto text = arrow::utf8();
  return arrow::schema(
      {arrow::field("sample_id", arrow::int64(), false), arrow::field("label_set", text, false),
       arrow::field("label", text, false), arrow::field("annotator", text, false),
       arrow::field("labelled_at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), false),
       arrow::field("source", text), arrow::field("confidence", arrow::float64())});
}

std::vector<std::string> LabelsIdentifier() {
  return {"sample_id", "label_set", "annotator", "labelled_at"};
}

Result<std::shared_ptr<arrow::RecordBatch>> LabelBatch(const std::vector<LabelRow>& rows,
                                                       const std::string& label_set,
                                                       const std::string& source) {
  arrow::Int64Builder sample;
  arrow::StringBuilder set, label, annotator, from;
  arrow::TimestampBuilder at(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                             arrow::default_memory_pool());
  arrow::DoubleBuilder confidence;
  for (const LabelRow& row : rows) {
    ARROW_RETURN_NOT_OK(sample.Append(row.sample_id));
    ARROW_RETURN_NOT_OK(set.Append(label_set));
    ARROW_RETURN_NOT_OK(label.Append(row.label));
    ARROW_RETURN_NOT_OK(annotator.Append(row.annotator));
    ARROW_RETURN_NOT_OK(at.Append(row.labelled_ms * 1000));
    ARROW_RETURN_NOT_OK(from.Append(source));
    ARROW_RETURN_NOT_OK(row.confidence ? confidence.Append(*row.confidence)
                                       : confidence.AppendNull());
  }
  arrow::ArrayVector arrays;
  arrow::ArrayBuilder* const builders[] = {&sample, &set,  &label,     &annotator,
                                           &at,     &from, &confidence};
  for (arrow::ArrayBuilder* builder : builders) {
    ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
    arrays.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(LabelsSchema(), static_cast<int64_t>(rows.size()),
                                  std::move(arrays));
}

}  // namespace millpond::label
