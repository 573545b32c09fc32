// millpond._millpond.Pond: one method per verb of api/. python/millpond/pond.py wraps it with types
// and documentation.
#include "api/pond.h"

#include <arrow/record_batch.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>

#include "api/branches.h"
#include "api/doctor.h"
#include "api/merge.h"
#include "api/row_changes.h"
#include "api/tables.h"
#include "api/upkeep.h"
#include "api/versions.h"
#include "python/bindings.h"
#include "python/pond_binding.h"
#include "python/rows.h"

namespace millpond::python {

namespace nb = nanobind;
using api::Pond;
using base::Json;
using nb::literals::operator""_a;

namespace {

using Strings = std::map<std::string, std::string>;

std::shared_ptr<Pond> Init(const std::string& path, const Strings& settings) {
  return ValueOrThrow(Pond::Init({.path = path, .flags = settings}));
}

std::shared_ptr<Pond> Open(const std::string& path, const Strings& settings) {
  return ValueOrThrow(Pond::Open({.path = path, .flags = settings}));
}

Json InputsToJson(const std::vector<query::TableRead>& inputs) {
  Json list = Json::array();
  for (const auto& read : inputs) {
    list.push_back({{"table", read.table.ToString()},
                    {"snapshot", read.snapshot_id ? Json(*read.snapshot_id) : Json(nullptr)}});
  }
  return list;
}

Rows Sql(Pond& pond, const std::string& statement, nb::object parameters, const std::string& at,
         const std::string& message, const std::string& branch) {
  const query::SqlOptions options{.ref = at, .pins = {}, .parameters = ParametersOf(parameters)};
  auto result = RunVerb<query::QueryResult>(
      nb::none(), [&](const base::Context& context) -> Result<query::QueryResult> {
        ARROW_ASSIGN_OR_RAISE(
            const auto report,
            api::RunChange(pond, statement, options, {message, "", false, branch}, context));
        if (report) {
          query::QueryResult changed;
          ARROW_ASSIGN_OR_RAISE(changed.reader, api::ReportAsRows(*report));
          return changed;
        }
        ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
        // The stream outlives this call, so it gets a context without this call's stop token.
        return session->Sql(statement, options,
                            base::Context{.stop = {}, .progress = {}, .threads = context.threads});
      });
  return Rows{std::move(result.reader), InputsToJson(result.inputs)};
}

nb::object Explain(Pond& pond, const std::string& statement, const std::string& at) {
  return Report(nb::none(), [&](const base::Context&) -> Result<Json> {
    ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
    ARROW_ASSIGN_OR_RAISE(auto plan,
                          session->Explain(statement, {.ref = at, .pins = {}, .parameters = {}}));
    return Json{{"tables", plan.tables}, {"plan", plan.plan}};
  });
}

void BindLooking(nb::class_<Pond>& pond) {
  pond.def("sql", &Sql, "statement"_a, "parameters"_a, "at"_a, "message"_a, "branch"_a)
      .def("explain", &Explain, "statement"_a, "at"_a)
      .def(
          "ls",
          [](Pond& self, const std::string& at) {
            return Report(nb::none(),
                          [&](const base::Context&) { return api::ListTables(self, at); });
          },
          "at"_a)
      .def(
          "show",
          [](Pond& self, const std::string& table) {
            return Report(nb::none(),
                          [&](const base::Context&) { return api::ShowTable(self, table); });
          },
          "table"_a)
      .def(
          "status",
          [](Pond& self, const std::string& branch) {
            return Report(nb::none(),
                          [&](const base::Context&) { return api::PondStatus(self, branch); });
          },
          "branch"_a)
      .def("config", [](Pond& self) { return ToPython(api::ConfigReport(self.config())); })
      .def(
          "doctor",
          [](Pond& self, bool deep, bool remove_orphans, double grace_hours, nb::object progress) {
            const api::DoctorRequest request{deep, remove_orphans,
                                             static_cast<int64_t>(grace_hours * 3600e3)};
            return Report(std::move(progress), [&](const base::Context& context) {
              return api::Doctor(self, request, context);
            });
          },
          "deep"_a, "remove_orphans"_a, "grace_hours"_a, "progress"_a.none())
      .def(
          "upkeep",
          [](Pond& self, const std::vector<std::string>& tables,
             const std::vector<std::string>& only, bool dry_run, double grace_hours,
             nb::object progress) {
            const api::UpkeepRequest request{tables, only, dry_run,
                                             static_cast<int64_t>(grace_hours * 3600e3)};
            return Report(std::move(progress), [&](const base::Context& context) {
              return api::Upkeep(self, request, context);
            });
          },
          "tables"_a, "only"_a, "dry_run"_a, "grace_hours"_a, "progress"_a.none());
}

void BindHistory(nb::class_<Pond>& pond) {
  pond.def(
          "log",
          [](Pond& self, const std::string& table, int64_t limit, const std::string& at,
             bool all_refs) {
            const api::LogQuery query{.table = table, .limit = limit, .ref = at, .all = all_refs};
            return Report(nb::none(), [&](const base::Context&) { return api::Log(self, query); });
          },
          "table"_a, "limit"_a, "at"_a, "all_refs"_a)
      .def(
          "diff",
          [](Pond& self, const std::string& from, const std::string& to, const std::string& table,
             bool rows) {
            const api::DiffRequest request{from, to, table, rows};
            return Report(nb::none(), [&](const base::Context& context) {
              return api::Diff(self, request, context);
            });
          },
          "from_ref"_a, "to_ref"_a, "table"_a, "rows"_a)
      .def(
          "tag",
          [](Pond& self, const std::string& name, const std::string& ref,
             const std::string& message, bool force) {
            return Report(nb::none(), [&](const base::Context&) {
              return api::CreateTag(self, name, ref, message, force);
            });
          },
          "name"_a, "ref"_a, "message"_a, "force"_a)
      .def("tags",
           [](Pond& self) {
             return Report(nb::none(), [&](const base::Context&) { return api::ListTags(self); });
           })
      .def(
          "delete_tag",
          [](Pond& self, const std::string& name) { ThrowIfFailed(api::DeleteTag(self, name)); },
          "name"_a);
}

void BindBranches(nb::class_<Pond>& pond) {
  pond.def("branches",
           [](Pond& self) {
             return Report(nb::none(),
                           [&](const base::Context&) { return api::ListBranches(self); });
           })
      .def(
          "create_branch",
          [](Pond& self, const std::string& name, const std::string& ref,
             const std::string& message) {
            return Report(nb::none(), [&](const base::Context&) {
              return api::CreateBranch(self, name, ref, message);
            });
          },
          "name"_a, "ref"_a, "message"_a)
      .def(
          "delete_branch",
          [](Pond& self, const std::string& name, bool force) {
            return Report(nb::none(), [&](const base::Context&) {
              return api::DeleteBranch(self, name, force);
            });
          },
          "name"_a, "force"_a)
      .def(
          "rename_branch",
          [](Pond& self, const std::string& name, const std::string& to) {
            return Report(nb::none(),
                          [&](const base::Context&) { return api::RenameBranch(self, name, to); });
          },
          "name"_a, "to"_a)
      .def(
          "protect_branch",
          [](Pond& self, const std::string& name, bool is_protected) {
            return Report(nb::none(), [&](const base::Context&) {
              return api::ProtectBranch(self, name, is_protected);
            });
          },
          "name"_a, "is_protected"_a);
}

/// A report, or the error that it is one of something refused.
template <class Work>
nb::object ReportUnlessRefused(nb::object progress, Work work) {
  return Report(std::move(progress), [&](const base::Context& context) -> Result<Json> {
    ARROW_ASSIGN_OR_RAISE(auto report, work(context));
    if (!report["dry_run"].template get<bool>()) ARROW_RETURN_NOT_OK(api::RefusalOf(report));
    return report;
  });
}

template <Result<Json> (*verb)(Pond&, const api::ReplayRequest&, const base::Context&)>
nb::object Replay(Pond& pond, const std::string& commit, const std::string& branch,
                  const std::string& message, bool ours, bool theirs, bool dry_run,
                  nb::object progress) {
  const api::ReplayRequest request{commit, branch, message, ours, theirs, dry_run};
  return ReportUnlessRefused(std::move(progress), [&](const base::Context& context) {
    return verb(pond, request, context);
  });
}

void BindMerges(nb::class_<Pond>& pond) {
  pond.def(
          "merge",
          [](Pond& self, const std::string& branch, const std::string& into,
             const std::string& message, const std::string& base, bool no_ff, bool ff_only,
             bool ours, bool theirs, bool dry_run, nb::object progress) {
            const api::MergeRequest request{branch,  into, message, base,   no_ff,
                                            ff_only, ours, theirs,  dry_run};
            return ReportUnlessRefused(std::move(progress), [&](const base::Context& context) {
              return api::Merge(self, request, context);
            });
          },
          "branch"_a, "into"_a, "message"_a, "base"_a, "no_ff"_a, "ff_only"_a, "ours"_a, "theirs"_a,
          "dry_run"_a, "progress"_a.none())
      .def("revert", &Replay<api::Revert>, "commit"_a, "branch"_a, "message"_a, "ours"_a,
           "theirs"_a, "dry_run"_a, "progress"_a.none())
      .def("cherry_pick", &Replay<api::CherryPick>, "commit"_a, "branch"_a, "message"_a, "ours"_a,
           "theirs"_a, "dry_run"_a, "progress"_a.none())
      .def(
          "restore",
          [](Pond& self, const std::vector<std::string>& tables, const std::string& to,
             const std::string& branch, const std::string& message, bool dry_run,
             nb::object progress) {
            const api::RestoreRequest request{tables, to, branch, message, dry_run};
            return ReportUnlessRefused(std::move(progress), [&](const base::Context& context) {
              return api::Restore(self, request, context);
            });
          },
          "tables"_a, "to"_a, "branch"_a, "message"_a, "dry_run"_a, "progress"_a.none());
}

}  // namespace

void BindPond(nb::module_& module) {
  nb::class_<Pond> pond(module, "Pond", "An opened pond.");
  pond.def_prop_ro("folder", [](const Pond& self) { return self.folder(); })
      .def_prop_ro("author", [](const Pond& self) { return self.author(); });
  BindLooking(pond);
  BindHistory(pond);
  BindBranches(pond);
  BindMerges(pond);
  BindPondWork(pond);
  module.def("init", &Init, "path"_a, "settings"_a);
  module.def("open", &Open, "path"_a, "settings"_a);
}

}  // namespace millpond::python
