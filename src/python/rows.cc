// Arrow streams across the language border by the Arrow C stream interface: zero copy, any library.
#include "python/rows.h"

#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>

#include "python/bindings.h"

namespace millpond::python {

namespace nb = nanobind;

namespace {

constexpr const char* kStreamCapsule = "arrow_array_stream";

void ReleaseStream(void* pointer) noexcept {
  auto* stream = static_cast<ArrowArrayStream*>(pointer);
  if (stream->release != nullptr) stream->release(stream);
  delete stream;
}

/// PyCapsule whose consumer moves the stream out; what is left is released with the capsule.
nb::object ExportStream(Rows& rows, const nb::object&) {
  if (rows.reader == nullptr) {
    throw nb::value_error("these rows were read already; run the query again");
  }
  auto stream = std::make_unique<ArrowArrayStream>();
  ThrowIfFailed(arrow::ExportRecordBatchReader(std::exchange(rows.reader, nullptr), stream.get()));
  PyObject* capsule = PyCapsule_New(stream.get(), kStreamCapsule, [](PyObject* object) {
    ReleaseStream(PyCapsule_GetPointer(object, kStreamCapsule));
  });
  if (capsule == nullptr) throw nb::python_error();
  stream.release();
  return nb::steal(capsule);
}

}  // namespace

std::shared_ptr<arrow::RecordBatchReader> ImportStream(nb::handle data) {
  nb::object capsule = nb::borrow(data);
  if (nb::hasattr(data, "__arrow_c_stream__")) capsule = data.attr("__arrow_c_stream__")();
  auto* stream =
      static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule.ptr(), kStreamCapsule));
  if (stream == nullptr) {
    PyErr_Clear();
    throw nb::type_error(
        "expected an object with __arrow_c_stream__ (a pyarrow or polars table, a pandas DataFrame "
        "of pandas 2.2+, …)");
  }
  return ValueOrThrow(arrow::ImportRecordBatchReader(stream));
}

void BindRows(nb::module_& module) {
  nb::class_<Rows>(module, "Rows", "Rows of a query as a one-time Arrow stream.")
      .def("__arrow_c_stream__", &ExportStream, nb::arg("requested_schema") = nb::none(),
           "A PyCapsule with the rows as an ArrowArrayStream.")
      .def_prop_ro(
          "inputs", [](const Rows& rows) { return ToPython(rows.inputs); },
          "Table versions that were read: [{'table', 'snapshot'}].");
}

}  // namespace millpond::python
