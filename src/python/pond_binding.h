// What the files that bind Pond share.
#pragma once

#include <utility>

#include "api/pond.h"
#include "python/bindings.h"

namespace millpond::python {

/// A verb that gives a report: run without the GIL, report as Python objects.
template <class Work>
nanobind::object Report(nanobind::object progress, Work work) {
  return ToPython(RunVerb<base::Json>(std::move(progress), work));
}

/// Adds the methods that change things or compute.
void BindPondWork(nanobind::class_<api::Pond>& pond);

}  // namespace millpond::python
