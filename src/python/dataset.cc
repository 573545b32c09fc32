// Datasets, segments, loaders and batches for Python. Batches are handed over without a copy: a
// NumPy array borrows the engine's buffer and keeps it alive. Waiting for a batch leaves the GIL to
// others.
#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>

#include "api/datasets.h"
#include "base/arrow_stream.h"
#include "python/bindings.h"
#include "python/pond_binding.h"
#include "python/rows.h"

namespace millpond::python {

namespace nb = nanobind;
using api::Pond;
using base::Json;
using nb::literals::operator""_a;

namespace {

/// nanobind holds shared pointers to non-const types; these wrap the engine's immutable values.
struct OpenedDataset {
  train::Dataset value;
};
struct OpenedSegment {
  std::shared_ptr<const train::Segment> value;
};
struct OpenedLoader {
  std::unique_ptr<train::Loader> value;
};
struct HandedBatch {
  std::shared_ptr<const train::Batch> value;
};

/// One array on its way out by the Arrow C data interface.
struct ArrowColumn {
  std::shared_ptr<arrow::Array> array;
};

nb::dlpack::dtype TensorType(const arrow::DataType& type) {
  using Code = nb::dlpack::dtype_code;
  auto of = [](Code code, uint8_t bits) {
    return nb::dlpack::dtype{static_cast<uint8_t>(code), bits, 1};
  };
  switch (type.id()) {
    case arrow::Type::BOOL:
      return of(Code::Bool, 8);
    case arrow::Type::UINT8:
      return of(Code::UInt, 8);
    case arrow::Type::UINT16:
      return of(Code::UInt, 16);
    case arrow::Type::UINT32:
      return of(Code::UInt, 32);
    case arrow::Type::UINT64:
      return of(Code::UInt, 64);
    case arrow::Type::INT8:
      return of(Code::Int, 8);
    case arrow::Type::INT16:
      return of(Code::Int, 16);
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
      return of(Code::Int, 32);
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
      return of(Code::Int, 64);
    case arrow::Type::HALF_FLOAT:
      return of(Code::Float, 16);
    case arrow::Type::FLOAT:
      return of(Code::Float, 32);
    case arrow::Type::DOUBLE:
      return of(Code::Float, 64);
    default:
      break;
  }
  ThrowIfFailed(base::Internal("a loader gave a tensor of {}", type.ToString()));
  return of(Code::Int, 8);
}

/// What NumPy calls a type that DLPack has no word for; empty: none is needed.
std::string ViewOf(const arrow::DataType& type) {
  if (type.id() == arrow::Type::TIMESTAMP) {
    switch (static_cast<const arrow::TimestampType&>(type).unit()) {
      case arrow::TimeUnit::SECOND:
        return "datetime64[s]";
      case arrow::TimeUnit::MILLI:
        return "datetime64[ms]";
      case arrow::TimeUnit::MICRO:
        return "datetime64[us]";
      case arrow::TimeUnit::NANO:
        return "datetime64[ns]";
    }
  }
  if (type.id() == arrow::Type::DATE32) return "datetime64[D]";
  return "";
}

nb::object ColumnToPython(const train::BatchColumn& column) {
  if (column.values == nullptr) return nb::cast(ArrowColumn{column.array});
  auto keep = std::make_unique<std::shared_ptr<arrow::Buffer>>(column.values);
  const nb::capsule owner(keep.release(), [](void* pointer) noexcept {
    delete static_cast<std::shared_ptr<arrow::Buffer>*>(pointer);
  });
  const std::vector<size_t> shape(column.shape.begin(), column.shape.end());
  // The batch was gathered into buffers of its own, so writing to the array is the consumer's to
  // do.
  auto* data = const_cast<uint8_t*>(column.values->data());
  nb::ndarray<nb::numpy> tensor(data, shape.size(), shape.data(), owner, nullptr,
                                TensorType(*column.type));
  nb::object array = nb::cast(tensor);
  const std::string view = ViewOf(*column.type);
  if (view == "datetime64[D]") return array.attr("astype")(view.c_str());
  return view.empty() ? array : array.attr("view")(view.c_str());
}

nb::dict ColumnsOf(const HandedBatch& batch) {
  nb::dict columns;
  for (const auto& column : batch.value->columns)
    columns[nb::str(column.name.c_str())] = ColumnToPython(column);
  return columns;
}

nb::list BrokenOf(const HandedBatch& batch) {
  nb::list list;
  for (const auto& sample : batch.value->broken) {
    list.append(
        ToPython({{"key", sample.key}, {"column", sample.column}, {"reason", sample.reason}}));
  }
  return list;
}

nb::object ExportArray(const ArrowColumn& column, const nb::object&) {
  auto schema = std::make_unique<ArrowSchema>();
  auto array = std::make_unique<ArrowArray>();
  ThrowIfFailed(arrow::ExportArray(*column.array, array.get(), schema.get()));
  nb::object schema_capsule =
      nb::steal(PyCapsule_New(schema.release(), "arrow_schema", [](PyObject* object) {
        auto* held = static_cast<ArrowSchema*>(PyCapsule_GetPointer(object, "arrow_schema"));
        if (held->release != nullptr) held->release(held);
        delete held;
      }));
  nb::object array_capsule =
      nb::steal(PyCapsule_New(array.release(), "arrow_array", [](PyObject* object) {
        auto* held = static_cast<ArrowArray*>(PyCapsule_GetPointer(object, "arrow_array"));
        if (held->release != nullptr) held->release(held);
        delete held;
      }));
  return nb::make_tuple(schema_capsule, array_capsule);
}

/// The rows of a segment in key order, the columns that were asked for.
Rows RowsOf(const OpenedSegment& segment) {
  std::vector<int> indices;
  for (const auto& column : segment.value->columns())
    indices.push_back(segment.value->ColumnIndex(column.name));
  arrow::FieldVector fields;
  for (const auto& column : segment.value->columns())
    fields.push_back(arrow::field(column.name, column.type));
  auto schema = arrow::schema(fields);
  size_t next = 0;
  auto reader = base::MakeReader(schema,
                                 [held = segment.value, indices, schema,
                                  next]() mutable -> Result<std::shared_ptr<arrow::RecordBatch>> {
                                   if (next == held->batches().size()) return nullptr;
                                   const auto& batch = held->batches()[next++];
                                   arrow::ArrayVector columns;
                                   for (const int index : indices)
                                     columns.push_back(batch->column(index));
                                   return arrow::RecordBatch::Make(schema, batch->num_rows(),
                                                                   std::move(columns));
                                 });
  return Rows{std::move(reader), Json::array()};
}

train::LastBatch ParseLast(const std::string& text) {
  if (text == "short") return train::LastBatch::kShort;
  if (text == "drop") return train::LastBatch::kDrop;
  if (text == "pad") return train::LastBatch::kPad;
  throw nb::value_error(("last must be 'short', 'drop' or 'pad', not '" + text + "'").c_str());
}

train::OnBroken ParseOnBroken(const std::string& text) {
  if (text == "fail") return train::OnBroken::kFail;
  if (text == "skip") return train::OnBroken::kSkip;
  throw nb::value_error(("on_broken must be 'fail' or 'skip', not '" + text + "'").c_str());
}

using Decode = std::map<std::string, std::vector<int>>;

OpenedLoader MakeLoader(const OpenedSegment& segment, int64_t batch_size, bool shuffle,
                        uint64_t seed, int64_t rank, int64_t world_size, const std::string& last,
                        const Decode& decode, const std::string& on_broken, int prefetch,
                        int threads, int64_t worker, int64_t workers) {
  train::LoaderOptions options;
  options.batch_size = batch_size;
  options.shuffle = shuffle;
  options.seed = seed;
  options.rank = rank;
  options.world_size = world_size;
  options.last = ParseLast(last);
  options.on_broken = ParseOnBroken(on_broken);
  options.prefetch = prefetch;
  options.threads = threads;
  options.worker = worker;
  options.workers = workers;
  for (const auto& [column, sizes] : decode) {
    if (sizes.size() != 3)
      throw nb::value_error("decode takes (channels, height, width) for each column");
    options.decode[column] = {sizes[0], sizes[1], sizes[2]};
  }
  return {ValueOrThrow(train::Loader::Make(segment.value, std::move(options)))};
}

nb::object NextBatch(OpenedLoader& loader) {
  auto batch = RunVerb<std::shared_ptr<const train::Batch>>(
      nb::none(), [&](const base::Context& context) { return loader.value->Next(context); });
  return batch == nullptr ? nb::none() : nb::cast(HandedBatch{std::move(batch)});
}

// [{"name", "dtype", "shape" of one row, "ragged", "nulls"}]; dtype is NumPy's word, else "str" or
// "bytes".
nb::list SpecsOf(const OpenedLoader& loader) {
  nb::list list;
  for (const auto& spec : loader.value->columns()) {
    std::string dtype = ViewOf(*spec.type);
    if (spec.type->id() == arrow::Type::STRING) dtype = "str";
    if (spec.type->id() == arrow::Type::BINARY) dtype = "bytes";
    if (spec.type->id() == arrow::Type::HALF_FLOAT) dtype = "float16";
    if (spec.type->id() == arrow::Type::FLOAT) dtype = "float32";
    if (spec.type->id() == arrow::Type::DOUBLE) dtype = "float64";
    if (dtype.empty()) dtype = spec.type->name();  // bool, int8, uint16…: the words agree.
    list.append(ToPython({{"name", spec.name},
                          {"dtype", dtype},
                          {"shape", spec.shape},
                          {"ragged", spec.ragged},
                          {"nulls", spec.null_count}}));
  }
  return list;
}

nb::dict StatsOf(const OpenedLoader& loader) {
  const auto stats = loader.value->stats();
  return nb::cast<nb::dict>(ToPython({{"samples", stats.samples},
                                      {"batches", stats.batches},
                                      {"broken", stats.broken},
                                      {"seconds", stats.seconds},
                                      {"wait_seconds", stats.wait_seconds}}));
}

void BindLoader(nb::module_& module) {
  nb::class_<ArrowColumn>(module, "ArrowColumn", "A column whose rows differ in length.")
      .def("__arrow_c_array__", &ExportArray, "requested_schema"_a = nb::none())
      .def("__len__", [](const ArrowColumn& column) { return column.array->length(); });
  nb::class_<HandedBatch>(module, "Batch", "Columns of one step.")
      .def("columns", &ColumnsOf)
      .def_prop_ro("broken", &BrokenOf)
      .def_prop_ro("epoch", [](const HandedBatch& batch) { return batch.value->epoch; })
      .def_prop_ro("step", [](const HandedBatch& batch) { return batch.value->step; })
      .def_prop_ro("rows", [](const HandedBatch& batch) { return batch.value->rows; })
      .def_prop_ro("padded", [](const HandedBatch& batch) { return batch.value->padded; })
      .def("hash", [](const HandedBatch& batch) { return train::HashOf(*batch.value); });
  nb::class_<OpenedLoader>(module, "Loader",
                           "Batches of one part, in the order that the seed fixes.")
      .def("next", &NextBatch)
      .def(
          "set_epoch",
          [](OpenedLoader& loader, int64_t epoch) { ThrowIfFailed(loader.value->SetEpoch(epoch)); },
          "epoch"_a)
      .def(
          "skip",
          [](OpenedLoader& loader, int64_t steps) { ThrowIfFailed(loader.value->Skip(steps)); },
          "steps"_a)
      .def("columns", &SpecsOf)
      .def("state_dict",
           [](const OpenedLoader& loader) { return ToPython(loader.value->StateDict()); })
      .def(
          "load_state_dict",
          [](OpenedLoader& loader, const nb::dict& state) {
            ThrowIfFailed(loader.value->LoadStateDict(ToJson(state)));
          },
          "state"_a)
      .def_prop_ro("steps_per_epoch",
                   [](const OpenedLoader& loader) { return loader.value->steps_per_epoch(); })
      .def("stats", &StatsOf);
}

}  // namespace

void BindDataset(nb::module_& module) {
  nb::class_<OpenedDataset>(module, "Dataset", "A dataset pinned to exact table versions.")
      .def("details", [](const OpenedDataset& dataset) {
        return ToPython(api::DatasetToJson(dataset.value));
      });
  nb::class_<OpenedSegment>(module, "Segment", "The rows of one part, memory-mapped.")
      .def_prop_ro("rows", [](const OpenedSegment& segment) { return segment.value->rows(); })
      .def_prop_ro("part", [](const OpenedSegment& segment) { return segment.value->part(); })
      .def_prop_ro("columns",
                   [](const OpenedSegment& segment) {
                     std::vector<std::string> names;
                     for (const auto& column : segment.value->columns())
                       names.push_back(column.name);
                     return names;
                   })
      .def("stream", &RowsOf)
      .def("loader", &MakeLoader, "batch_size"_a, "shuffle"_a, "seed"_a, "rank"_a, "world_size"_a,
           "last"_a, "decode"_a, "on_broken"_a, "prefetch"_a, "threads"_a, "worker"_a, "workers"_a);
  BindLoader(module);
  module.def(
      "open_dataset",
      [](Pond& pond, const std::string& name) {
        return OpenedDataset{RunVerb<train::Dataset>(nb::none(), [&](const base::Context& context) {
          return api::OpenDataset(pond, name, context);
        })};
      },
      "pond"_a, "name"_a);
  module.def(
      "open_segment",
      [](Pond& pond, const OpenedDataset& dataset, const std::string& part,
         const std::vector<std::string>& columns, nb::object progress) {
        return OpenedSegment{RunVerb<std::shared_ptr<const train::Segment>>(
            std::move(progress), [&](const base::Context& context) {
              return api::OpenSegment(pond, dataset.value, part, columns, context);
            })};
      },
      "pond"_a, "dataset"_a, "part"_a, "columns"_a, "progress"_a.none());
}

}  // namespace millpond::python
