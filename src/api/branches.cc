// branch: the table room's branches as JSON.
#include "api/branches.h"

#include "base/time.h"

namespace millpond::api {
namespace {

using base::Json;

Result<Json> ToJson(table::History& history, const table::PondRef& branch) {
  ARROW_ASSIGN_OR_RAISE(auto head, history.Resolve(branch.name));
  ARROW_ASSIGN_OR_RAISE(auto divergence, history.Compare(branch.name, table::kMainBranch));
  return Json{{"name", branch.name},
              {"commit", head ? Json(head->id) : Json(nullptr)},
              {"head", head ? Json(head->message) : Json(nullptr)},
              {"at", head ? Json(base::FormatUtc(head->created_ms)) : Json(nullptr)},
              {"protected", branch.is_protected},
              {"ahead", divergence.ahead},
              {"behind", divergence.behind},
              {"author", branch.author},
              {"message", branch.message},
              {"created", base::FormatUtc(branch.created_ms)}};
}

Result<Json> OneBranch(table::History& history, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(auto refs, history.Refs());
  for (const auto& ref : refs) {
    if (ref.kind == table::kBranchKind && ref.name == name) return ToJson(history, ref);
  }
  return base::NotFound("branch '{}' was deleted meanwhile", name);
}

}  // namespace

Result<Json> ListBranches(Pond& pond) {
  auto history = pond.history();
  ARROW_ASSIGN_OR_RAISE(auto refs, history.Refs());
  Json branches = Json::array();
  for (const auto& ref : refs) {
    if (ref.kind != table::kBranchKind) continue;
    ARROW_ASSIGN_OR_RAISE(Json branch, ToJson(history, ref));
    branches.push_back(std::move(branch));
  }
  return Json{{"branches", std::move(branches)}};
}

Result<Json> CreateBranch(Pond& pond, const std::string& name, const std::string& ref,
                          const std::string& message) {
  auto history = pond.history();
  ARROW_RETURN_NOT_OK(history.CreateBranch(name, ref, pond.author(), message).status());
  return OneBranch(history, name);
}

Result<Json> DeleteBranch(Pond& pond, const std::string& name, bool force) {
  auto history = pond.history();
  ARROW_ASSIGN_OR_RAISE(auto head, history.Resolve(name));
  ARROW_RETURN_NOT_OK(history.DeleteBranch(name, force));
  return Json{{"deleted", name}, {"commit", head ? Json(head->id) : Json(nullptr)}};
}

Result<Json> RenameBranch(Pond& pond, const std::string& name, const std::string& to) {
  auto history = pond.history();
  ARROW_RETURN_NOT_OK(history.RenameBranch(name, to));
  return OneBranch(history, to);
}

Result<Json> ProtectBranch(Pond& pond, const std::string& name, bool is_protected) {
  auto history = pond.history();
  ARROW_RETURN_NOT_OK(history.ProtectBranch(name, is_protected));
  return OneBranch(history, name);
}

}  // namespace millpond::api
