// The copy loops. A place (chunk, offset) is found once per row and used for every column.
#include "train/gather.h"

#include <arrow/api.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace millpond::train {
namespace {

const uint8_t* FixedData(const arrow::Array& array, int64_t width) {
  return array.data()->buffers[1]->data() + array.offset() * width;
}

template <class Word>
void CopyWords(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches, int index,
               const std::vector<Segment::Place>& places, uint8_t* out) {
  const Word* chunk = nullptr;
  int32_t current = -1;
  auto* words = reinterpret_cast<Word*>(out);
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i].batch != current) {
      current = places[i].batch;
      chunk = reinterpret_cast<const Word*>(
          FixedData(*batches[static_cast<size_t>(current)]->column(index), sizeof(Word)));
    }
    words[i] = chunk[places[i].offset];
  }
}

template <class Float>
void FillNan(uint8_t* out, size_t row) {
  reinterpret_cast<Float*>(out)[row] = std::numeric_limits<Float>::quiet_NaN();
}

bool IsFloat(const arrow::DataType& type) { return arrow::is_floating(type.id()); }

}  // namespace

const arrow::Array& Gatherer::ArrayAt(const ColumnPlan& plan, Segment::Place place) const {
  return *segment_->batches()[static_cast<size_t>(place.batch)]->column(plan.index);
}

Result<std::unique_ptr<Gatherer>> Gatherer::Make(std::shared_ptr<const Segment> segment,
                                                 const LoaderOptions& options) {
  std::vector<std::string> names;
  for (const SegmentColumn& column : segment->columns()) names.push_back(column.name);
  for (const auto& [name, decode] : options.decode) {
    if (std::ranges::find(names, name) != names.end()) continue;
    return base::Invalid("decode: '{}' is not among the columns.{} They are: {}", name,
                         base::DidYouMean(name, names), base::Join(names, ", "));
  }
  std::unique_ptr<Gatherer> gatherer(new Gatherer(std::move(segment), options.on_broken));
  for (const SegmentColumn& column : gatherer->segment_->columns()) {
    ARROW_ASSIGN_OR_RAISE(ColumnPlan plan, gatherer->PlanColumn(column, options));
    gatherer->plans_.push_back(std::move(plan));
  }
  return gatherer;
}

Result<Gatherer::ColumnPlan> Gatherer::PlanColumn(const SegmentColumn& column,
                                                  const LoaderOptions& options) const {
  ColumnPlan plan{};
  plan.name = column.name;
  plan.type = column.type;
  plan.null_count = column.null_count;
  plan.index = segment_->ColumnIndex(column.name);
  auto decode = options.decode.find(column.name);
  const arrow::Type::type id = column.type->id();
  if (decode != options.decode.end()) {
    if (id != arrow::Type::BINARY) {
      return base::Invalid("decode: column '{}' is {}, but images are binary", column.name,
                           column.type->ToString());
    }
    ARROW_RETURN_NOT_OK(PlanImage(decode->second, &plan));
    return plan;
  }
  if (id == arrow::Type::STRING || id == arrow::Type::BINARY) {
    plan.shape = Shape::kText;
    return plan;
  }
  plan.fill_nulls = column.null_count > 0;
  if (plan.fill_nulls && !IsFloat(*column.type)) {
    return base::Invalid(
        "column '{}' of type {} holds {} nulls, which a tensor of that type cannot; fill them in "
        "the "
        "query (coalesce), drop the rows, or cast to a float, where null becomes NaN",
        column.name, column.type->ToString(), column.null_count);
  }
  if (id == arrow::Type::LIST) {
    plan.type = static_cast<const arrow::ListType&>(*column.type).value_type();
    plan.width = plan.type->byte_width();
    bool even = column.shortest == column.longest;
    plan.shape = even ? Shape::kMatrix : Shape::kRagged;
    if (even) {
      plan.length = column.longest;
      plan.width *= plan.length;
    }
    return plan;
  }
  plan.shape = id == arrow::Type::BOOL ? Shape::kBoolean : Shape::kValue;
  plan.width = id == arrow::Type::BOOL ? 1 : column.type->byte_width();
  return plan;
}

std::vector<ColumnSpec> Gatherer::Specs() const {
  std::vector<ColumnSpec> specs;
  for (const ColumnPlan& plan : plans_) {
    ColumnSpec spec{plan.name, plan.type, {}, plan.shape == Shape::kRagged, plan.null_count};
    if (plan.shape == Shape::kMatrix) spec.shape = {plan.length};
    if (plan.shape == Shape::kImage) {
      spec.shape = {plan.size.height, plan.size.width, plan.channels};
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

Status Gatherer::PlanImage(const DecodeOptions& decode, ColumnPlan* plan) const {
  if (decode.channels != 1 && decode.channels != 3) {
    return base::Invalid("decode: column '{}' asks for {} channels; there are 1 (grey) and 3 (RGB)",
                         plan->name, decode.channels);
  }
  if (decode.height < 0 || decode.width < 0 || (decode.height == 0) != (decode.width == 0)) {
    return base::Invalid("decode: column '{}' needs both height and width, or neither", plan->name);
  }
  plan->shape = Shape::kImage;
  plan->type = arrow::uint8();
  plan->channels = decode.channels;
  plan->size = {decode.height, decode.width};
  if (decode.height > 0) return Status::OK();
  // The first image in key order that has a readable header sets the size, whatever the order of
  // loading.
  for (int64_t row = 0; row < segment_->rows(); ++row) {
    Segment::Place place = segment_->PlaceOf(row);
    const auto& images = static_cast<const arrow::BinaryArray&>(ArrayAt(*plan, place));
    auto size = ImageSizeOf(images.GetView(place.offset));
    if (size.ok()) {
      plan->size = *size;
      return Status::OK();
    }
  }
  return Status::OK();
}

Status Gatherer::Gather(std::span<const int64_t> rows, Batch* batch) const {
  std::vector<Segment::Place> places;
  places.reserve(rows.size());
  for (int64_t row : rows) places.push_back(segment_->PlaceOf(row));
  batch->columns.resize(plans_.size());
  std::vector<bool> broken(rows.size());
  for (size_t i = 0; i < plans_.size(); ++i) {
    if (plans_[i].shape != Shape::kImage) continue;
    ARROW_RETURN_NOT_OK(DecodeImages(plans_[i], rows, places, batch, &broken, &batch->columns[i]));
  }
  if (!batch->broken.empty()) {
    // Rows without a picture leave the batch as a whole, decoded columns included.
    std::vector<Segment::Place> sound;
    for (size_t i = 0; i < places.size(); ++i) {
      if (!broken[i]) sound.push_back(places[i]);
    }
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].shape != Shape::kImage) continue;
      BatchColumn& column = batch->columns[i];
      const int64_t size = column.values->size() / std::max<int64_t>(1, column.shape[0]);
      uint8_t* data = column.values->mutable_data();
      int64_t kept = 0;
      for (size_t row = 0; row < broken.size(); ++row) {
        if (broken[row]) continue;
        std::memmove(data + kept++ * size, data + static_cast<int64_t>(row) * size,
                     static_cast<size_t>(size));
      }
      column.values = arrow::SliceMutableBuffer(column.values, 0, kept * size);
      column.shape[0] = kept;
    }
    places = std::move(sound);
  }
  batch->rows = static_cast<int64_t>(places.size());
  for (size_t i = 0; i < plans_.size(); ++i) {
    const ColumnPlan& plan = plans_[i];
    BatchColumn* column = &batch->columns[i];
    column->name = plan.name;
    column->type = plan.type;
    switch (plan.shape) {
      case Shape::kValue:
        ARROW_RETURN_NOT_OK(CopyValues(plan, places, column));
        break;
      case Shape::kBoolean:
        ARROW_RETURN_NOT_OK(CopyBooleans(plan, places, column));
        break;
      case Shape::kText:
        ARROW_RETURN_NOT_OK(CopyText(plan, places, column));
        break;
      case Shape::kMatrix:
      case Shape::kRagged:
        ARROW_RETURN_NOT_OK(CopyLists(plan, places, column));
        break;
      case Shape::kImage:
        break;
    }
  }
  return Status::OK();
}

Status Gatherer::DecodeImages(const ColumnPlan& plan, std::span<const int64_t> rows,
                              const Places& places, Batch* batch, std::vector<bool>* broken,
                              BatchColumn* column) const {
  const int64_t size = int64_t{plan.size.height} * plan.size.width * plan.channels;
  const int64_t count = static_cast<int64_t>(places.size());
  ARROW_ASSIGN_OR_RAISE(auto pixels, pool_.Allocate(count * size));
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& images = static_cast<const arrow::BinaryArray&>(ArrayAt(plan, places[i]));
    const int64_t row = places[i].offset;
    Status status = images.IsNull(row)
                        ? base::Corrupt("the image is null")
                        : DecodeImage(images.GetView(row), plan.size, plan.channels,
                                      pixels->mutable_data() + static_cast<int64_t>(i) * size);
    if (status.ok()) continue;
    std::string key = segment_->KeyOf(rows[i]);
    if (base::KindOf(status) != base::ErrorKind::kCorrupt || on_broken_ == OnBroken::kFail) {
      return base::WithContext(fmt::format("column '{}' of the sample {}", plan.name, key), status);
    }
    batch->broken.push_back({std::move(key), plan.name, status.message()});
    (*broken)[i] = true;
  }
  column->values = std::move(pixels);
  column->shape = {count, plan.size.height, plan.size.width, plan.channels};
  return Status::OK();
}

Status Gatherer::CopyValues(const ColumnPlan& plan, const Places& places,
                            BatchColumn* column) const {
  const auto& batches = segment_->batches();
  ARROW_ASSIGN_OR_RAISE(auto values,
                        pool_.Allocate(static_cast<int64_t>(places.size()) * plan.width));
  uint8_t* out = values->mutable_data();
  switch (plan.width) {
    case 1:
      CopyWords<uint8_t>(batches, plan.index, places, out);
      break;
    case 2:
      CopyWords<uint16_t>(batches, plan.index, places, out);
      break;
    case 4:
      CopyWords<uint32_t>(batches, plan.index, places, out);
      break;
    default:
      CopyWords<uint64_t>(batches, plan.index, places, out);
  }
  if (plan.fill_nulls) {
    for (size_t row = 0; row < places.size(); ++row) {
      if (!ArrayAt(plan, places[row]).IsNull(places[row].offset)) continue;
      if (plan.width == 8) {
        FillNan<double>(out, row);
      } else if (plan.width == 4) {
        FillNan<float>(out, row);
      } else {
        constexpr uint16_t kHalfNan = 0x7e00;
        reinterpret_cast<uint16_t*>(out)[row] = kHalfNan;
      }
    }
  }
  column->values = std::move(values);
  column->shape = {static_cast<int64_t>(places.size())};
  return Status::OK();
}

Status Gatherer::CopyBooleans(const ColumnPlan& plan, const Places& places,
                              BatchColumn* column) const {
  ARROW_ASSIGN_OR_RAISE(auto values, pool_.Allocate(static_cast<int64_t>(places.size())));
  for (size_t row = 0; row < places.size(); ++row) {
    const auto& bits = static_cast<const arrow::BooleanArray&>(ArrayAt(plan, places[row]));
    values->mutable_data()[row] = bits.Value(places[row].offset) ? 1 : 0;
  }
  column->values = std::move(values);
  column->shape = {static_cast<int64_t>(places.size())};
  return Status::OK();
}

Status Gatherer::CopyText(const ColumnPlan& plan, const Places& places, BatchColumn* column) const {
  const int64_t count = static_cast<int64_t>(places.size());
  ARROW_ASSIGN_OR_RAISE(auto offsets, pool_.Allocate((count + 1) * 4));
  ARROW_ASSIGN_OR_RAISE(auto validity, pool_.Allocate((count + 7) / 8));
  std::memset(validity->mutable_data(), 0, static_cast<size_t>(validity->size()));
  auto* ends = reinterpret_cast<int32_t*>(offsets->mutable_data());
  int64_t total = 0, nulls = 0;
  ends[0] = 0;
  for (size_t row = 0; row < places.size(); ++row) {
    const auto& text = static_cast<const arrow::BinaryArray&>(ArrayAt(plan, places[row]));
    const bool valid = text.IsValid(places[row].offset);
    if (valid) total += text.value_length(places[row].offset);
    if (total > std::numeric_limits<int32_t>::max()) {
      return base::Exhausted("column '{}' of one batch holds more than 2 GiB; lower batch_size",
                             plan.name);
    }
    arrow::bit_util::SetBitTo(validity->mutable_data(), static_cast<int64_t>(row), valid);
    nulls += valid ? 0 : 1;
    ends[row + 1] = static_cast<int32_t>(total);
  }
  ARROW_ASSIGN_OR_RAISE(auto bytes, pool_.Allocate(total));
  for (size_t row = 0; row < places.size(); ++row) {
    if (ends[row + 1] == ends[row]) continue;
    const auto& text = static_cast<const arrow::BinaryArray&>(ArrayAt(plan, places[row]));
    std::string_view value = text.GetView(places[row].offset);
    std::memcpy(bytes->mutable_data() + ends[row], value.data(), value.size());
  }
  column->array = arrow::MakeArray(arrow::ArrayData::Make(
      plan.type, count, {nulls > 0 ? validity : nullptr, offsets, bytes}, nulls));
  column->shape = {count};
  return Status::OK();
}

Status Gatherer::CopyLists(const ColumnPlan& plan, const Places& places,
                           BatchColumn* column) const {
  const int64_t count = static_cast<int64_t>(places.size());
  const bool ragged = plan.shape == Shape::kRagged;
  const int64_t element = plan.type->byte_width();
  std::shared_ptr<arrow::MutableBuffer> offsets;
  int64_t total = count * plan.length;
  if (ragged) {
    ARROW_ASSIGN_OR_RAISE(offsets, pool_.Allocate((count + 1) * 4));
    auto* ends = reinterpret_cast<int32_t*>(offsets->mutable_data());
    ends[0] = 0;
    total = 0;
    for (size_t row = 0; row < places.size(); ++row) {
      const auto& list = static_cast<const arrow::ListArray&>(ArrayAt(plan, places[row]));
      total += list.value_length(places[row].offset);
      ends[row + 1] = static_cast<int32_t>(total);
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto values, pool_.Allocate(total * element));
  uint8_t* out = values->mutable_data();
  for (Segment::Place place : places) {
    const auto& list = static_cast<const arrow::ListArray&>(ArrayAt(plan, place));
    const int64_t bytes = list.value_length(place.offset) * element;
    if (bytes == 0) continue;
    std::memcpy(out, FixedData(*list.values(), element) + list.value_offset(place.offset) * element,
                static_cast<size_t>(bytes));
    out += bytes;
  }
  column->shape = {count};
  if (!ragged) {
    column->shape.push_back(plan.length);
    column->values = std::move(values);
    return Status::OK();
  }
  auto flat = arrow::ArrayData::Make(plan.type, total, {nullptr, values}, 0);
  auto list = arrow::ArrayData::Make(arrow::list(plan.type), count, {nullptr, offsets}, 0);
  list->child_data.push_back(std::move(flat));
  column->type = arrow::list(plan.type);
  column->array = arrow::MakeArray(list);
  return Status::OK();
}

}  // namespace millpond::train
