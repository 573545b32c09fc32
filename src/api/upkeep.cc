// doctor and config.
#include "api/upkeep.h"

#include "table/upkeep.h"

namespace millpond::api {

using base::Json;

Result<Json> Doctor(Pond& pond, const DoctorRequest& request, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto findings, table::Verify(*pond.catalog(), request.deep, context));
  ARROW_ASSIGN_OR_RAISE(auto orphans, table::RemoveOrphans(*pond.catalog(), request.grace_ms,
                                                           !request.remove_orphans, context));
  Json listed = Json::array();
  for (const auto& finding : findings)
    listed.push_back({{"subject", finding.subject}, {"problem", finding.problem}});
  return Json{{"healthy", findings.empty()},
              {"findings", std::move(listed)},
              {"orphans",
               {{"files", orphans.paths.size()},
                {"bytes", orphans.bytes},
                {"paths", orphans.paths},
                {"removed", request.remove_orphans}}}};
}

Json ConfigReport(const base::Config& config) {
  Json settings = Json::array();
  for (const auto& value : config.All()) {
    settings.push_back({{"name", value.info->name},
                        {"value", value.value},
                        {"origin", value.origin},
                        {"help", value.info->help}});
  }
  return {{"settings", std::move(settings)}};
}

}  // namespace millpond::api
