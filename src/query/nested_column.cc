// Lists whose elements lie one after the other (the usual case) go to the child in one piece.
#include "query/nested_column.h"

#include <utility>

namespace millpond::query {

duckdb_vector ListColumn::ChildOf(duckdb_vector vector) const {
  return array_size_ > 0 ? duckdb_array_vector_get_child(vector)
                         : duckdb_list_vector_get_child(vector);
}

template <class Visit>
Status ListColumn::ForEachRow(duckdb_vector vector, int64_t offset, int64_t count,
                              Visit visit) const {
  const auto* entries = array_size_ > 0
                            ? nullptr
                            : static_cast<const duckdb_list_entry*>(duckdb_vector_get_data(vector));
  const uint64_t* validity = duckdb_vector_get_validity(vector);
  for (int64_t row = offset; row < offset + count; ++row) {
    int64_t begin = row * array_size_;
    int64_t length = array_size_;
    if (!IsValid(validity, row)) {
      begin = length = 0;
    } else if (entries != nullptr) {
      begin = static_cast<int64_t>(entries[row].offset);
      length = static_cast<int64_t>(entries[row].length);
    }
    ARROW_RETURN_NOT_OK(visit(begin, length));
  }
  return Status::OK();
}

Status ListColumn::Append(duckdb_vector vector, int64_t offset, int64_t count) {
  ARROW_RETURN_NOT_OK(AppendValidity(duckdb_vector_get_validity(vector), offset, count));
  ARROW_RETURN_NOT_OK(offsets_.Reserve(count + 1));
  duckdb_vector child = ChildOf(vector);
  int64_t run_begin = 0;
  int64_t run_end = 0;
  auto visit = [&](int64_t begin, int64_t length) -> Status {
    offsets_.UnsafeAppend(static_cast<int32_t>(child_rows_));
    child_rows_ += length;
    if (child_rows_ > std::numeric_limits<int32_t>::max()) {
      return base::Invalid("lists of one batch have more than 2^31 elements: select fewer rows");
    }
    if (length == 0) return Status::OK();
    if (begin != run_end) {
      ARROW_RETURN_NOT_OK(child_->Append(child, run_begin, run_end - run_begin));
      run_begin = begin;
    }
    run_end = begin + length;
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(ForEachRow(vector, offset, count, visit));
  return child_->Append(child, run_begin, run_end - run_begin);
}

int64_t ListColumn::VariableBytes(duckdb_vector vector, int64_t offset, int64_t count) const {
  int64_t bytes = 0;
  duckdb_vector child = ChildOf(vector);
  auto visit = [&](int64_t begin, int64_t length) {
    bytes += length * child_->width() + child_->VariableBytes(child, begin, length);
    return Status::OK();
  };
  ARROW_UNUSED(ForEachRow(vector, offset, count, visit));
  return bytes;
}

Result<std::shared_ptr<arrow::ArrayData>> ListColumn::Finish() {
  ARROW_RETURN_NOT_OK(offsets_.Append(static_cast<int32_t>(child_rows_)));
  child_rows_ = 0;
  ARROW_ASSIGN_OR_RAISE(auto offsets, offsets_.Finish());
  ARROW_ASSIGN_OR_RAISE(auto child, child_->Finish());
  return FinishWith({std::move(offsets)}, {std::move(child)});
}

Status StructColumn::Append(duckdb_vector vector, int64_t offset, int64_t count) {
  ARROW_RETURN_NOT_OK(AppendValidity(duckdb_vector_get_validity(vector), offset, count));
  for (size_t i = 0; i < children_.size(); ++i) {
    ARROW_RETURN_NOT_OK(
        children_[i]->Append(duckdb_struct_vector_get_child(vector, i), offset, count));
  }
  return Status::OK();
}

int64_t StructColumn::VariableBytes(duckdb_vector vector, int64_t offset, int64_t count) const {
  int64_t bytes = 0;
  for (size_t i = 0; i < children_.size(); ++i) {
    bytes += children_[i]->VariableBytes(duckdb_struct_vector_get_child(vector, i), offset, count);
  }
  return bytes;
}

int64_t StructColumn::width() const {
  int64_t width = 0;
  for (const auto& child : children_) width += child->width();
  return width;
}

Result<std::shared_ptr<arrow::ArrayData>> StructColumn::Finish() {
  std::vector<std::shared_ptr<arrow::ArrayData>> children;
  for (auto& child : children_) {
    ARROW_ASSIGN_OR_RAISE(children.emplace_back(), child->Finish());
  }
  return FinishWith({}, std::move(children));
}

}  // namespace millpond::query
