// Values of a verb's report as a person reads them.
#include "cli/json_view.h"

#include "base/config.h"
#include "cli/terminal.h"

namespace millpond::cli {

std::string TextOf(const base::Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  return value.dump(-1, ' ', false, base::Json::error_handler_t::replace);
}

std::string CountOf(const base::Json& value) {
  return value.is_number_integer() ? GroupDigits(value.get<int64_t>()) : "?";
}

std::string SizeOf(const base::Json& value) {
  return value.is_number_integer() ? base::FormatBytes(value.get<int64_t>()) : "?";
}

std::string TablesOf(const base::Json& commit) {
  std::string names;
  for (const auto& change : commit["tables"]) {
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", TextOf(change["table"]),
                         TextOf(change["operation"]));
  }
  return names;
}

}  // namespace millpond::cli
