// Functions over a pond's ledger as a whole, for python/millpond/ledger.py: on a pond that is not
// opened, because its ledger may be moving or damaged.
#include "api/ledgers.h"
#include "python/pond_binding.h"

namespace millpond::python {

namespace nb = nanobind;
using nb::literals::operator""_a;
using Strings = std::map<std::string, std::string>;

void BindLedger(nb::module_& module) {
  module.def(
      "ledger",
      [](const std::string& path, const Strings& settings) {
        return Report(nb::none(), [&](const base::Context&) {
          return api::ShowLedger({.path = path, .flags = settings});
        });
      },
      "path"_a, "settings"_a);
  module.def(
      "move_ledger",
      [](const std::string& path, const std::string& target, nb::object progress) {
        return Report(std::move(progress), [&](const base::Context& context) {
          return api::MoveLedger({.path = path, .flags = {}}, target, context);
        });
      },
      "path"_a, "target"_a, "progress"_a.none());
  module.def(
      "abandon_ledger_move",
      [](const std::string& path) {
        ThrowIfFailed(api::AbandonLedgerMove({.path = path, .flags = {}}));
      },
      "path"_a);
  module.def(
      "back_up_ledger",
      [](const std::string& path, const std::string& file, nb::object progress) {
        return Report(std::move(progress), [&](const base::Context& context) {
          return api::BackUpLedger({.path = path, .flags = {}}, file, context);
        });
      },
      "path"_a, "file"_a, "progress"_a.none());
  module.def(
      "restore_ledger",
      [](const std::string& path, const std::string& file, nb::object progress) {
        return Report(std::move(progress), [&](const base::Context& context) {
          return api::RestoreLedger({.path = path, .flags = {}}, file, context);
        });
      },
      "path"_a, "file"_a, "progress"_a.none());
}

}  // namespace millpond::python
