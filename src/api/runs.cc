// Reports on runs.
#include "api/runs.h"

namespace millpond::api {

using base::Json;

Result<Json> ListRuns(Pond& pond, const track::RunFilter& filter) {
  ARROW_ASSIGN_OR_RAISE(auto runs, TrackerOf(pond).List(filter));
  Json listed = Json::array();
  for (const auto& run : runs) listed.push_back(track::ToJson(run));
  return Json{{"runs", std::move(listed)}};
}

Result<Json> ShowRun(Pond& pond, const std::string& id) {
  ARROW_ASSIGN_OR_RAISE(auto details, TrackerOf(pond).Show(id));
  return track::ToJson(details);
}

}  // namespace millpond::api
