// log, tag and status. diff has a file of its own.
#include "api/versions.h"

#include "base/time.h"

namespace millpond::api {

using base::Json;

Json CommitToJson(const table::PondCommit& commit) {
  Json tables = Json::array();
  for (const auto& change : commit.changes) {
    tables.push_back(
        {{"table", change.table.ToString()},
         {"operation", change.operation},
         {"snapshot_before",
          change.snapshot_before ? Json(*change.snapshot_before) : Json(nullptr)},
         {"snapshot_after", change.snapshot_after ? Json(*change.snapshot_after) : Json(nullptr)}});
  }
  return {{"commit", commit.id},
          {"sequence", commit.sequence},
          {"parent", commit.parent ? Json(*commit.parent) : Json(nullptr)},
          {"merge_parent", commit.merge_parent ? Json(*commit.merge_parent) : Json(nullptr)},
          {"author", commit.author},
          {"message", commit.message},
          {"operation", commit.operation},
          {"at", base::FormatUtc(commit.created_ms)},
          {"inputs", commit.inputs},
          {"details", commit.details},
          {"tables", std::move(tables)}};
}

Result<Json> Log(Pond& pond, const LogQuery& query) {
  auto history = pond.history();
  table::LogRequest request{.limit = query.limit, .refs = {query.ref}};
  if (!query.table.empty()) {
    ARROW_ASSIGN_OR_RAISE(request.table, table::TableName::Parse(query.table));
  }
  ARROW_ASSIGN_OR_RAISE(auto refs, history.Refs());
  if (query.all) {
    if (!query.ref.empty()) return base::Invalid("name a ref, or ask for all of them");
    for (const auto& ref : refs) request.refs.push_back(ref.name);
  }
  ARROW_ASSIGN_OR_RAISE(auto commits, history.Log(request));
  // Nothing found: is there such a table at all?
  if (commits.empty() && request.table) {
    ARROW_RETURN_NOT_OK(history.At(*request.table, query.ref).status());
  }
  Json listed = Json::array();
  for (const auto& commit : commits) {
    Json entry = CommitToJson(commit);
    entry["branches"] = entry["tags"] = Json::array();
    for (const auto& ref : refs) {
      if (ref.commit_id != commit.id) continue;
      entry[ref.kind == table::kTagKind ? "tags" : "branches"].push_back(ref.name);
    }
    listed.push_back(std::move(entry));
  }
  return Json{{"commits", std::move(listed)}};
}

namespace {

Json TagToJson(const table::PondRef& ref) {
  return {{"name", ref.name},
          {"commit", ref.commit_id ? Json(*ref.commit_id) : Json(nullptr)},
          {"author", ref.author},
          {"message", ref.message},
          {"at", base::FormatUtc(ref.created_ms)}};
}

}  // namespace

Result<Json> CreateTag(Pond& pond, const std::string& name, const std::string& ref,
                       const std::string& message, bool move) {
  ARROW_ASSIGN_OR_RAISE(auto tag,
                        pond.history().CreateTag(name, ref, pond.author(), message, move));
  return TagToJson(tag);
}

Status DeleteTag(Pond& pond, const std::string& name) { return pond.history().DeleteTag(name); }

Result<Json> ListTags(Pond& pond) {
  ARROW_ASSIGN_OR_RAISE(auto refs, pond.history().Refs());
  Json tags = Json::array();
  for (const auto& ref : refs) {
    if (ref.kind == table::kTagKind) tags.push_back(TagToJson(ref));
  }
  return Json{{"tags", std::move(tags)}};
}

Result<Json> PondStatus(Pond& pond, const std::string& branch) {
  auto history = pond.history();
  ARROW_ASSIGN_OR_RAISE(auto refs, history.Refs());
  ARROW_ASSIGN_OR_RAISE(auto unrecorded, history.Unrecorded(branch));
  ARROW_ASSIGN_OR_RAISE(auto head, history.Resolve(branch));
  ARROW_ASSIGN_OR_RAISE(auto tables, history.TablesAt(branch));
  ARROW_ASSIGN_OR_RAISE(auto divergence, history.Compare(branch, table::kMainBranch));
  Json names = Json::array();
  for (const auto& name : unrecorded) names.push_back(name.ToString());
  bool is_protected = false;
  for (const auto& ref : refs) {
    if (ref.name == branch) is_protected = ref.is_protected;
  }
  return Json{{"pond", pond.folder()},     {"branch", branch},
              {"protected", is_protected}, {"head", head ? CommitToJson(*head) : Json(nullptr)},
              {"ahead", divergence.ahead}, {"behind", divergence.behind},
              {"tables", tables.size()},   {"unrecorded", std::move(names)}};
}

}  // namespace millpond::api
