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
          {"author", commit.author},
          {"message", commit.message},
          {"operation", commit.operation},
          {"at", base::FormatUtc(commit.created_ms)},
          {"inputs", commit.inputs},
          {"details", commit.details},
          {"tables", std::move(tables)}};
}

Result<Json> Log(Pond& pond, const std::string& table, int64_t limit) {
  std::optional<table::TableName> name;
  if (!table.empty()) {
    ARROW_ASSIGN_OR_RAISE(name, table::TableName::Parse(table));
    ARROW_RETURN_NOT_OK(pond.catalog()->Load(*name).status());
  }
  auto history = pond.history();
  ARROW_ASSIGN_OR_RAISE(auto commits, history.Log(limit, name));
  ARROW_ASSIGN_OR_RAISE(auto refs, history.Refs());
  Json listed = Json::array();
  for (const auto& commit : commits) {
    Json entry = CommitToJson(commit);
    entry["tags"] = Json::array();
    for (const auto& ref : refs) {
      if (ref.kind == "tag" && ref.commit_id == commit.id) entry["tags"].push_back(ref.name);
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
                       const std::string& message) {
  ARROW_ASSIGN_OR_RAISE(auto tag, pond.history().CreateTag(name, ref, pond.author(), message));
  return TagToJson(tag);
}

Status DeleteTag(Pond& pond, const std::string& name) { return pond.history().DeleteTag(name); }

Result<Json> ListTags(Pond& pond) {
  ARROW_ASSIGN_OR_RAISE(auto refs, pond.history().Refs());
  Json tags = Json::array();
  for (const auto& ref : refs) {
    if (ref.kind == "tag") tags.push_back(TagToJson(ref));
  }
  return Json{{"tags", std::move(tags)}};
}

Result<Json> PondStatus(Pond& pond) {
  auto history = pond.history();
  ARROW_ASSIGN_OR_RAISE(auto head, history.Resolve(""));
  ARROW_ASSIGN_OR_RAISE(auto tables, pond.catalog()->List());
  ARROW_ASSIGN_OR_RAISE(auto unrecorded, history.Unrecorded());
  Json names = Json::array();
  for (const auto& name : unrecorded) names.push_back(name.ToString());
  return Json{{"pond", pond.folder()},
              {"head", head ? CommitToJson(*head) : Json(nullptr)},
              {"tables", tables.size()},
              {"unrecorded", std::move(names)}};
}

}  // namespace millpond::api
