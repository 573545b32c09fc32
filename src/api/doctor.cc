// doctor and config.
#include "api/doctor.h"

#include "table/pointer_repair.h"
#include "table/upkeep.h"

namespace millpond::api {

using base::Json;

namespace {

Json ToJson(const std::vector<table::Finding>& findings) {
  Json listed = Json::array();
  for (const auto& finding : findings) {
    listed.push_back({{"subject", finding.subject}, {"problem", finding.problem}});
  }
  return listed;
}

}  // namespace

Result<Json> RepairTables(Pond& pond, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto repair, table::RepairPointers(*pond.catalog(), context));
  Json repaired = Json::array();
  for (const auto& one : repair.repaired) {
    repaired.push_back({{"table", one.table.ToString()},
                        {"missing", one.missing},
                        {"source", one.source},
                        {"metadata", one.location},
                        {"snapshot", one.snapshot_id ? Json(*one.snapshot_id) : Json(nullptr)}});
  }
  return Json{{"repaired", std::move(repaired)}, {"lost", ToJson(repair.lost)}};
}

Result<Json> Doctor(Pond& pond, const DoctorRequest& request, const base::Context& context) {
  Json report = Json::object();
  if (request.repair) {
    ARROW_ASSIGN_OR_RAISE(report, RepairTables(pond, context));
  }
  ARROW_ASSIGN_OR_RAISE(auto findings, table::Verify(*pond.catalog(), request.deep, context));
  auto removed =
      table::RemoveOrphans(*pond.catalog(), request.grace_ms, !request.remove_orphans, context);
  // What is wrong with the pond must be told also where orphans cannot be.
  const auto kind = base::KindOf(removed.status());
  if (kind == base::ErrorKind::kCancelled || kind == base::ErrorKind::kInvalid) {
    return removed.status();
  }
  if (!removed.ok()) findings.push_back({"orphans", removed.status().message()});
  const table::OrphanReport orphans = removed.ok() ? *std::move(removed) : table::OrphanReport{};
  report.update(Json{{"healthy", findings.empty()},
                     {"findings", ToJson(findings)},
                     {"orphans",
                      {{"files", orphans.paths.size()},
                       {"bytes", orphans.bytes},
                       {"paths", orphans.paths},
                       {"removed", request.remove_orphans}}}});
  return report;
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
