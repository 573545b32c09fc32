// The extension module millpond._millpond.
#include "base/version.h"
#include "python/bindings.h"

NB_MODULE(_millpond, module) {
  module.doc() = "The Millpond engine. Use the millpond package, not this module.";
  module.attr("__version__") = millpond::base::kVersion;
  millpond::python::BindRows(module);
  millpond::python::BindPond(module);
  millpond::python::BindLedger(module);
  millpond::python::BindDataset(module);
}
