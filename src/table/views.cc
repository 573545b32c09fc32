// Views in the catalog; see the header.
#include "table/views.h"

#include <charconv>
#include <utility>

#include "base/random_id.h"
#include "base/time.h"
#include "table/commit.h"
#include "table/history_rows.h"
#include "table/metadata_update.h"
#include "table/retry.h"
#include "table/table_folder.h"

namespace millpond::table {
namespace {

using base::Json;
using ledger::Compare;

constexpr std::chrono::seconds kRetryBudget{10};
constexpr int64_t kDocumentBytesMax = 64LL << 20;
constexpr const char* kViewType = "VIEW";

ledger::Conditions ViewKey(const TableName& name) {
  ledger::Conditions key = CatalogKey(name);
  key.push_back({"iceberg_type", Compare::kEqual, std::string(kViewType)});
  return key;
}

// What a later version must have to be a view that others can load.
Status CheckDocument(const TableName& name, const Json& document) {
  for (const char* key : {"view-uuid", "location", "current-version-id", "versions", "schemas"}) {
    if (!document.contains(key)) {
      return base::Invalid("the view {} would have no \"{}\"", name.ToString(), key);
    }
  }
  return Status::OK();
}

// "…/00003-<uuid>.gz.metadata.json" of a view's earlier metadata -> 4; 0 for the first.
int NextNumber(const std::string& before) {
  if (before.empty()) return 0;
  int number = 0;
  const char* start = before.data() + before.rfind('/') + 1;
  std::from_chars(start, before.data() + before.size(), number);
  return number + 1;
}

}  // namespace

Result<std::vector<TableName>> Views::List(const std::string& space) {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        catalog_->ledger().Select(
                            {.table = "iceberg_tables",
                             .where = {{"catalog_name", Compare::kEqual, std::string(kCatalogName)},
                                       {"table_namespace", Compare::kEqual, space},
                                       {"iceberg_type", Compare::kEqual, std::string(kViewType)}},
                             .order_by = {{"table_name", false}}}));
  std::vector<TableName> names;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(std::string name, ledger::TextOf(row, "table_name"));
    names.push_back({space, std::move(name)});
  }
  return names;
}

Result<View> Views::Read(const TableName& name, const std::string& metadata_location) {
  ARROW_ASSIGN_OR_RAISE(const std::string path, catalog_->store().PathOf(metadata_location));
  ARROW_ASSIGN_OR_RAISE(const std::string bytes,
                        store::ReadBlob(catalog_->store(), path, kDocumentBytesMax));
  auto parsed = base::ParseJson(bytes, metadata_location);
  if (!parsed.ok()) return base::WithKind(base::ErrorKind::kCorrupt, parsed.status());
  return View{name, metadata_location, std::move(*parsed)};
}

Result<View> Views::Load(const TableName& name) {
  ARROW_ASSIGN_OR_RAISE(
      auto rows, catalog_->ledger().Select({.table = "iceberg_tables", .where = ViewKey(name)}));
  if (rows.empty()) return base::NotFound("View does not exist: {}", name.ToString());
  ARROW_ASSIGN_OR_RAISE(const std::string location, ledger::TextOf(rows[0], "metadata_location"));
  return Read(name, location);
}

Result<View> Views::Register(const TableName& name, const std::string& metadata_location,
                             const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(View view, Read(name, metadata_location));
  ARROW_RETURN_NOT_OK(CheckDocument(name, view.document));
  ledger::Transaction changes;
  ledger::Row row = CatalogRow(name, metadata_location);
  row["iceberg_type"] = std::string(kViewType);
  changes.Insert("iceberg_tables", std::move(row),
                 fmt::format("View already exists: {}", name.ToString()));
  ARROW_RETURN_NOT_OK(Land("register-view", name, changes, context));
  return view;
}

Status Views::Land(const std::string& operation, const TableName& name,
                   const ledger::Transaction& changes, const base::Context& context) {
  CommitInfo info;
  info.author = author_;
  info.message = operation + ": " + name.ToString();
  info.operation = operation;
  info.details = {{"view", name.ToString()}};
  PendingCommit commit(catalog_, std::move(info));
  commit.AddLedgerChanges(changes);
  return commit.Land(context).status();
}

Result<View> Views::Write(const TableName& name, const std::string& before, Json document,
                          const base::Context& context) {
  ARROW_RETURN_NOT_OK(CheckDocument(name, document));
  View view{name, "", Json()};
  view.metadata_location =
      fmt::format("{}/metadata/{:05}-{}.metadata.json", document["location"].get<std::string>(),
                  NextNumber(before), base::NewUuid());
  auto path = catalog_->store().PathOf(view.metadata_location);
  if (!path.ok()) return base::WithKind(base::ErrorKind::kInvalid, path.status());
  ARROW_RETURN_NOT_OK(store::WriteBlob(catalog_->store(), *path, document.dump()));
  ledger::Transaction changes;
  if (before.empty()) {
    ledger::Row row = CatalogRow(name, view.metadata_location);
    row["iceberg_type"] = std::string(kViewType);
    changes.Insert("iceberg_tables", std::move(row),
                   fmt::format("Table or view with same name already exists: {}", name.ToString()));
  } else {
    ledger::Conditions row = ViewKey(name);
    row.push_back({"metadata_location", Compare::kEqual, before});
    changes.Update(
        "iceberg_tables",
        {{"metadata_location", view.metadata_location}, {"previous_metadata_location", before}},
        row, 1, fmt::format("view {} changed meanwhile", name.ToString()));
  }
  const Status landed =
      Land(before.empty() ? "create-view" : "replace-view", name, changes, context);
  if (!landed.ok()) {
    // After any other error it may have landed: what the catalog points to must stay.
    const base::ErrorKind kind = base::KindOf(landed);
    if (LostRace(landed) || kind == base::ErrorKind::kInvalid || kind == base::ErrorKind::kDenied) {
      DeleteQuietly(catalog_->store(), {view.metadata_location});
    }
    return landed;
  }
  view.document = std::move(document);
  return view;
}

Result<View> Views::Create(const TableName& name, const Json& request,
                           const base::Context& context) {
  const std::string uuid = base::NewUuid();
  const Json version = request.value("view-version", Json::object());
  const Json updates = Json::array({
      {{"action", "set-location"}, {"location", NewTableLocation(catalog_->store(), name, uuid)}},
      {{"action", "add-schema"}, {"schema", request.value("schema", Json())}},
      {{"action", "add-view-version"}, {"view-version", version}},
      {{"action", "set-current-view-version"}, {"view-version-id", -1}},
      {{"action", "set-properties"}, {"updates", request.value("properties", Json::object())}},
  });
  // The schema of a request is the one that its version means, whatever id it says.
  Json numbered = updates;
  numbered[2]["view-version"]["schema-id"] = -1;
  Json empty = {{"view-uuid", uuid}, {"format-version", 1}};
  ARROW_ASSIGN_OR_RAISE(Json document,
                        ApplyUpdates(std::move(empty), numbered, base::NowMs(), name.ToString()));
  return Write(name, "", std::move(document), context);
}

Result<View> Views::Update(const TableName& name, const Json& requirements, const Json& updates,
                           const base::Context& context) {
  Retry retry(kRetryBudget);
  while (true) {
    ARROW_ASSIGN_OR_RAISE(View view, Load(name));
    ARROW_RETURN_NOT_OK(CheckRequirements(&view.document, requirements, name.ToString()));
    ARROW_ASSIGN_OR_RAISE(Json next,
                          ApplyUpdates(view.document, updates, base::NowMs(), name.ToString()));
    // Where a view's files are is the catalog's to say.
    next["location"] = view.document["location"];
    auto written = Write(name, view.metadata_location, std::move(next), context);
    if (written.ok() || base::KindOf(written.status()) != base::ErrorKind::kConflict) {
      return written;
    }
    ARROW_RETURN_NOT_OK(retry.Wait(written.status(), context));
  }
}

Status Views::Drop(const TableName& name, const base::Context& context) {
  ARROW_RETURN_NOT_OK(Load(name).status());
  ledger::Transaction changes;
  changes.Delete("iceberg_tables", ViewKey(name), 1,
                 fmt::format("view {} changed meanwhile", name.ToString()));
  return Land("drop-view", name, changes, context);
}

Status Views::Rename(const TableName& from, const TableName& to, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(const View view, Load(from));
  ledger::Transaction changes;
  ledger::Row row = CatalogRow(to, view.metadata_location);
  row["iceberg_type"] = std::string(kViewType);
  changes.Insert(
      "iceberg_tables", std::move(row),
      fmt::format("Cannot rename {} to {}: it already exists", from.ToString(), to.ToString()));
  ledger::Conditions old = ViewKey(from);
  old.push_back({"metadata_location", Compare::kEqual, view.metadata_location});
  changes.Delete("iceberg_tables", old, 1,
                 fmt::format("view {} changed meanwhile", from.ToString()));
  return Land("rename-view", from, changes, context);
}

}  // namespace millpond::table
