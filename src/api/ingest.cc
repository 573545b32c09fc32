// sync, describe and write: the ingest room in the pond's name.
#include "api/ingest.h"

#include <arrow/type.h>

#include "api/versions.h"
#include "base/text.h"

namespace millpond::api {

using base::Json;

Result<Json> DescribeSource(const std::string& url, const source::SourceOptions& options,
                            const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto source, source::OpenSource(url, options));
  ARROW_ASSIGN_OR_RAISE(auto streams, source->Describe(context));
  Json listed = Json::array();
  for (const auto& stream : streams) {
    Json columns = Json::array();
    for (const auto& field : stream.schema->fields()) {
      columns.push_back({{"name", field->name()}, {"type", field->type()->ToString()}});
    }
    listed.push_back({{"name", stream.name},
                      {"size", stream.size},
                      {"columns", columns},
                      {"report", stream.report}});
  }
  return Json{{"streams", std::move(listed)}};
}

Result<Json> Sync(Pond& pond, ingest::SyncRequest request, const base::Context& context) {
  if (request.author.empty()) request.author = pond.author();
  ARROW_ASSIGN_OR_RAISE(auto report, ingest::Sync(pond.catalog(), request, context));
  return ingest::ToJson(report);
}

namespace {

Result<ingest::WriteMode> ParseMode(const std::string& mode) {
  if (mode == "create") return ingest::WriteMode::kCreate;
  if (mode == "append") return ingest::WriteMode::kAppend;
  if (mode == "overwrite") return ingest::WriteMode::kOverwrite;
  return base::Invalid("no write mode '{}'; there are create, append and overwrite", mode);
}

}  // namespace

Result<Json> Write(Pond& pond, const WriteRequest& request, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(const auto write_mode, ParseMode(request.mode));
  std::vector<ingest::TableWrite> writes;
  std::vector<std::string> names;
  for (const auto& one : request.rows) {
    ARROW_ASSIGN_OR_RAISE(auto name, table::TableName::Parse(one.table));
    names.push_back(name.ToString());
    writes.push_back({.table = std::move(name),
                      .reader = one.reader,
                      .mode = write_mode,
                      .evolve = request.evolve,
                      .base_snapshot = {}});
  }
  table::CommitInfo info;
  info.author = pond.author();
  info.message =
      request.message.empty() ? request.mode + " " + base::Join(names, ", ") : request.message;
  info.operation = "write";
  info.branch = request.branch;
  ARROW_ASSIGN_OR_RAISE(auto commit, ingest::WriteTables(pond.catalog(), writes, info, context));
  return CommitToJson(commit);
}

}  // namespace millpond::api
