// The pieces of the Python extension `millpond._millpond`; each Bind* is one file. Thin: Python
// objects in, a verb of api/, Python objects out. Statuses become exceptions here and nowhere else.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <functional>
#include <optional>
#include <string>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"

namespace millpond::python {

/// Raises millpond.errors.<kind> for a failed status.
void ThrowIfFailed(const Status& status);

template <class T>
T ValueOrThrow(Result<T> result) {
  ThrowIfFailed(result.status());
  return std::move(result).MoveValueUnsafe();
}

/// JSON <-> dict, list, str, int, float, bool, None. ToJson refuses other types by name.
nanobind::object ToPython(const base::Json& value);
base::Json ToJson(nanobind::handle value);

/// Values for the ? of a statement, as query::SqlOptions has them.
std::vector<base::Json> ParametersOf(nanobind::handle values);

/// Runs `work` without the GIL. What a signal handler raises (Ctrl-C in the main
/// thread: KeyboardInterrupt) requests a stop and is raised once the work has stopped; `progress`
/// is a Python callable taking (phase, done, total, unit), or None.
void RunWithoutGil(nanobind::object progress,
                   const std::function<void(const base::Context&)>& work);

/// The same for work that gives a value.
template <class T>
T RunVerb(nanobind::object progress, const std::function<Result<T>(const base::Context&)>& work) {
  std::optional<Result<T>> result;
  RunWithoutGil(std::move(progress),
                [&](const base::Context& context) { result.emplace(work(context)); });
  return ValueOrThrow(std::move(*result));
}

void BindRows(nanobind::module_& module);
void BindPond(nanobind::module_& module);
void BindLedger(nanobind::module_& module);
void BindDataset(nanobind::module_& module);

}  // namespace millpond::python
