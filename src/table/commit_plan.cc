// From what a commit wants of a table to metadata files and history rows; see the header.
#include "table/commit_plan.h"

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <utility>

#include "base/random_id.h"
#include "base/time.h"
#include "table/branch_view.h"
#include "table/new_ids.h"
#include "table/schema_evolution.h"
#include "table/table_property.h"

namespace millpond::table {

namespace {

// The draft's catalog for the length of a call.
std::shared_ptr<Catalog> SharedCatalog(Catalog* catalog) {
  return {std::shared_ptr<void>(), catalog};
}

bool HasField(const Schema& schema, int32_t id) {
  const auto& fields = schema.arrow->fields();
  return std::any_of(fields.begin(), fields.end(),
                     [id](const auto& field) { return FieldIdOf(*field) == id; });
}

}  // namespace

TableDraft::TableDraft(Catalog* catalog, TableName name, std::string branch,
                       const std::string& commit_id)
    : catalog_(catalog),
      name_(std::move(name)),
      branch_(std::move(branch)),
      builder_(&catalog->store(), commit_id) {}

Status TableDraft::Ask(Request request) {
  if (request_ == Request::kNone || (request_ == request && request == Request::kWrite)) {
    request_ = request;
    return Status::OK();
  }
  return base::Invalid(
      "{}: drop, move, record, register and metadata updates stand alone, use a separate commit "
      "for "
      "what else happens to this table",
      name_.ToString());
}

Status TableDraft::Create(const arrow::Schema& schema, const std::vector<std::string>& identifier,
                          const std::map<std::string, std::string>& properties) {
  if (request_ != Request::kNone) {
    return base::Invalid("{}: this commit already changes the table, it cannot create it too",
                         name_.ToString());
  }
  ARROW_ASSIGN_OR_RAISE(Schema first, FirstSchema(schema, identifier));
  ARROW_ASSIGN_OR_RAISE(auto pointers, catalog_->Pointers());
  if (pointers.contains(name_)) {
    auto here = History(SharedCatalog(catalog_)).OnBranch(name_, branch_);
    if (base::KindOf(here.status()) == base::ErrorKind::kNotFound) return NameTaken();
    return base::AlreadyExists("table {} exists already; append to it or choose another name",
                               name_.ToString());
  }
  ARROW_RETURN_NOT_OK(Ask(Request::kWrite));
  const std::string uuid = base::NewUuid();
  auto rest = properties;
  const auto version = rest.extract(kFormatVersion);
  created_ =
      NewTableMetadata(uuid, NewTableLocation(catalog_->store(), name_, uuid), std::move(first),
                       NewTableProperties(catalog_->settings(), rest), base::NowMs());
  if (!version.empty()) {
    ARROW_ASSIGN_OR_RAISE(created_->format_version, ParseFormatVersion(version.mapped()));
  }
  return Status::OK();
}

Status TableDraft::NameTaken() const {
  return base::AlreadyExists(
      "the name {} belongs to a table of another branch; merge that branch, or choose another name",
      name_.ToString());
}

Status TableDraft::UseExisting() {
  if (created_ || opened_) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(opened_, History(SharedCatalog(catalog_)).OnBranch(name_, branch_));
  return Status::OK();
}

Status TableDraft::Append() {
  ARROW_RETURN_NOT_OK(UseExisting());
  if (opened_) ARROW_RETURN_NOT_OK(CheckWritable(*opened_->metadata, name_.ToString()));
  return Ask(Request::kWrite);
}

Status TableDraft::Overwrite(std::optional<int64_t> base_snapshot) {
  if (!files_.empty() || row_change_) {
    return base::Invalid("{}: overwrite must come before what this commit appends",
                         name_.ToString());
  }
  ARROW_RETURN_NOT_OK(Append());
  overwrites_ = true;
  overwrite_base_ = base_snapshot;
  return Status::OK();
}

Status TableDraft::ChangeRows(const RowDelta& delta, const base::Context& context,
                              RowChangeReport* report) {
  ARROW_RETURN_NOT_OK(Append());
  if (overwrites_ || row_change_ || replaces_columns_) {
    return base::Invalid("{}: this commit changes the table's rows already", name_.ToString());
  }
  if (!opened_) {
    return base::Invalid("{} is created in this commit; it has no rows to change",
                         name_.ToString());
  }
  ARROW_ASSIGN_OR_RAISE(row_change_,
                        PlanRowChange(catalog_, *opened_, CurrentSchema(), delta, context));
  row_verb_ = delta.verb;
  *report = row_change_->report;
  return Status::OK();
}

Status TableDraft::EvolveTo(const arrow::Schema& wanted) {
  ARROW_RETURN_NOT_OK(Append());
  const Schema& current = CurrentSchema();
  const TableMetadata& metadata = created_ ? *created_ : *opened_->metadata;
  int32_t last_column_id = evolution_ ? evolution_->last_column_id : metadata.last_column_id;
  ARROW_ASSIGN_OR_RAISE(auto grown,
                        GrowSchema(*current.arrow, wanted, name_.ToString(), &last_column_id));
  if (grown->Equals(*current.arrow, /*check_metadata=*/true)) return Status::OK();
  if (created_) {
    created_->schemas.front().arrow = std::move(grown);
    created_->last_column_id = last_column_id;
    return Status::OK();
  }
  Evolve(std::move(grown), last_column_id);
  return Status::OK();
}

Status TableDraft::ReplaceSchema(const arrow::Schema& columns) {
  ARROW_RETURN_NOT_OK(Append());
  if (created_) {
    return base::Invalid("{} is created in this commit; create it with the right columns",
                         name_.ToString());
  }
  int32_t last_column_id =
      evolution_ ? evolution_->last_column_id : opened_->metadata->last_column_id;
  ARROW_ASSIGN_OR_RAISE(
      auto replaced, ReplaceColumns(CurrentSchema(), columns, name_.ToString(), &last_column_id));
  Evolve(std::move(replaced), last_column_id);
  replaces_columns_ = true;
  return Status::OK();
}

Status TableDraft::AlterSchema(const std::vector<SchemaStep>& steps) {
  ARROW_RETURN_NOT_OK(Append());
  if (created_) {
    return base::Invalid("{} is created in this commit; create it with the right columns",
                         name_.ToString());
  }
  int32_t last_column_id =
      evolution_ ? evolution_->last_column_id : opened_->metadata->last_column_id;
  ARROW_ASSIGN_OR_RAISE(Schema changed,
                        ChangeSchema(CurrentSchema(), steps, name_.ToString(), &last_column_id));
  if (changed.arrow->Equals(*CurrentSchema().arrow, /*check_metadata=*/true)) return Status::OK();
  Evolve(std::move(changed.arrow), last_column_id);
  return Status::OK();
}

Status TableDraft::SetProperties(
    const std::map<std::string, std::optional<std::string>>& properties) {
  ARROW_RETURN_NOT_OK(Append());
  for (const auto& [key, value] : properties) {
    if (key == kFormatVersion) {
      ARROW_RETURN_NOT_OK(Upgrade(value.value_or("")));
      continue;
    }
    ARROW_RETURN_NOT_OK(base::WithContext(name_.ToString(), CheckProperty(key, value)));
    properties_[key] = value;
  }
  return Status::OK();
}

Status TableDraft::Upgrade(const std::string& version) {
  ARROW_ASSIGN_OR_RAISE(const int wanted, ParseFormatVersion(version));
  const int current = created_ ? created_->format_version : opened_->metadata->format_version;
  if (wanted < current) {
    return base::Invalid("{} has format version {} and cannot go back to {}", name_.ToString(),
                         current, wanted);
  }
  if (wanted > current) format_version_ = wanted;
  return Status::OK();
}

Status TableDraft::AdoptSchema(int32_t schema_id) {
  ARROW_RETURN_NOT_OK(Append());
  if (created_ || evolution_ || row_change_ || !files_.empty()) {
    return base::Invalid("{}: a schema is adopted before anything else happens to the table",
                         name_.ToString());
  }
  const TableMetadata& metadata = *opened_->metadata;
  if (schema_id == metadata.current_schema_id) return Status::OK();
  const Schema* schema = metadata.SchemaById(schema_id);
  if (schema == nullptr) {
    return base::Conflict("{} no longer has the schema {}; another engine removed it",
                          name_.ToString(), schema_id);
  }
  ARROW_RETURN_NOT_OK(CheckWritableColumns(*schema->arrow, name_.ToString()));
  evolution_ = Evolution{metadata.current_schema_id, metadata.last_column_id, *schema,
                         metadata.last_column_id, true};
  return Status::OK();
}

void TableDraft::Evolve(std::shared_ptr<arrow::Schema> columns, int32_t last_column_id) {
  const TableMetadata& metadata = *opened_->metadata;
  int32_t highest = 0;
  for (const Schema& schema : metadata.schemas) highest = std::max(highest, schema.id);
  auto identifier = CurrentSchema().identifier_field_ids;
  evolution_ = Evolution{metadata.current_schema_id, metadata.last_column_id,
                         Schema{highest + 1, std::move(columns), std::move(identifier)},
                         last_column_id, false};
}

Status TableDraft::Drop(const std::string& expected) {
  ARROW_RETURN_NOT_OK(UseExisting());
  drop_expects_ = expected;
  return Ask(Request::kDrop);
}

void TableDraft::AddFiles(std::vector<DataFile> files) {
  std::move(files.begin(), files.end(), std::back_inserter(files_));
}

const Schema& TableDraft::CurrentSchema() const {
  if (evolution_) return evolution_->schema;
  return created_ ? created_->schema() : opened_->metadata->schema();
}

std::shared_ptr<arrow::Schema> TableDraft::WriteSchema() const {
  const std::string& location = created_ ? created_->location : opened_->metadata->location;
  return CurrentSchema().arrow->WithMetadata(
      arrow::key_value_metadata({kTableLocationKey}, {location}));
}

Status TableDraft::CheckBasis(const TableBasis& basis) const {
  if (created_) {
    if (!basis.current) return basis.stored ? NameTaken() : Status::OK();
    return base::AlreadyExists("table {} exists already; someone else created it meanwhile",
                               name_.ToString());
  }
  if (!basis.current) {
    return base::Conflict("table {} was dropped meanwhile", name_.ToString());
  }
  const TableMetadata& now = *basis.current->metadata;
  ARROW_RETURN_NOT_OK(CheckSameTable(now, basis.stored));
  if (basis.stored && request_ == Request::kWrite &&
      basis.stored->metadata_location != basis.current->metadata_location) {
    return base::Conflict(
        "another engine expired the snapshot of {} that branch '{}' has, so it cannot be written "
        "on",
        name_.ToString(), branch_);
  }
  if (now.uuid != opened_->metadata->uuid) {
    return base::Conflict("table {} was dropped and created anew meanwhile; run the command again",
                          name_.ToString());
  }
  if (!drop_expects_.empty()) ARROW_RETURN_NOT_OK(CheckRenamed(basis));
  if (request_ == Request::kWrite) ARROW_RETURN_NOT_OK(CheckWritable(now, name_.ToString()));
  if (evolution_ && (now.current_schema_id != evolution_->from_schema_id ||
                     now.last_column_id != evolution_->from_last_column_id ||
                     (now.SchemaById(evolution_->schema.id) != nullptr) != evolution_->is_known)) {
    return base::Conflict("someone else changed the columns of {} meanwhile; run the command again",
                          name_.ToString());
  }
  for (const auto& field : CurrentSchema().arrow->fields()) {
    const bool is_new = evolution_ && (evolution_->is_known ||
                                       *FieldIdOf(*field) > evolution_->from_last_column_id);
    if (!is_new && (!files_.empty() || row_change_) &&
        !HasField(now.schema(), *FieldIdOf(*field))) {
      return base::Conflict(
          "the column {} of {} was replaced or dropped meanwhile; run the command again",
          field->name(), name_.ToString());
    }
  }
  if (row_change_) {
    ARROW_RETURN_NOT_OK(ValidateRowChange(*row_change_, catalog_->store(), now, name_.ToString()));
  }
  if (overwrites_ && now.current_snapshot_id != overwrite_base_) {
    return base::Conflict(
        "{} has a newer snapshot than the one that the new rows were computed from ({}); run the "
        "command again",
        name_.ToString(), overwrite_base_ ? std::to_string(*overwrite_base_) : "it had none");
  }
  return Status::OK();
}

Result<std::optional<TablePlan>> TableDraft::Plan(const TableBasis& basis, BlobBatch* blobs) {
  if (request_ == Request::kNone) return std::nullopt;
  ARROW_RETURN_NOT_OK(CheckExpected(basis));
  if (request_ == Request::kRecord) return PlanRecord(basis);
  if (request_ == Request::kMove) return PlanMove(basis, blobs);
  if (request_ == Request::kUpdate) return PlanUpdate(basis, blobs);
  if (request_ == Request::kRegister) return PlanRegister(basis);
  if (request_ == Request::kExpire) return PlanExpire(basis, blobs);
  ARROW_RETURN_NOT_OK(CheckBasis(basis));
  if (request_ == Request::kDrop) return PlanDrop(basis, blobs);
  return PlanWrite(basis, blobs);
}

Result<TableMetadata> TableDraft::Grown(const TableMetadata& base) const {
  TableMetadata next = base;
  if (evolution_) {
    if (!evolution_->is_known) next.schemas.push_back(evolution_->schema);
    next.current_schema_id = evolution_->schema.id;
    next.last_column_id = evolution_->last_column_id;
  }
  if (format_version_) next.format_version = std::max(next.format_version, *format_version_);
  for (const auto& [key, value] : properties_) {
    if (value) {
      next.properties[key] = *value;
    } else {
      next.properties.erase(key);
    }
  }
  return next;
}

const char* TableDraft::OperationName() const {
  if (request_ == Request::kUpkeep) return row_change_ ? "compact" : "merge manifests";
  if (created_) return "create";
  if (overwrites_) return "overwrite";
  if (row_change_ && row_verb_ == RowVerb::kDelete) return "delete";
  if (row_change_) return row_verb_ == RowVerb::kUpdate ? "update" : "merge";
  if (!files_.empty()) return "append";
  return evolution_ ? "schema" : "properties";
}

SnapshotChange TableDraft::Change() const {
  SnapshotChange change;
  if (row_change_) change = row_change_->change;
  if (merge_manifests_at_) {
    change.keeps_rows = true;
    change.merge_manifests_at = merge_manifests_at_;
  }
  change.schema_id = CurrentSchema().id;
  change.replaces_all = overwrites_;
  change.added.insert(change.added.end(), files_.begin(), files_.end());
  return change;
}

Result<std::optional<TablePlan>> TableDraft::PlanWrite(const TableBasis& basis, BlobBatch* blobs) {
  const bool changes_rows =
      overwrites_ || !files_.empty() || merge_manifests_at_ ||
      (row_change_ && (!row_change_->touched.empty() || !row_change_->change.removed.empty()));
  const bool changes_metadata = created_ || evolution_ || format_version_ || !properties_.empty();
  if (!changes_metadata && !changes_rows) return std::nullopt;
  if (replaces_columns_ && !overwrites_) {
    return base::Invalid("{}: other columns need other rows; overwrite the table in this commit",
                         name_.ToString());
  }
  if (IsPlannedOn(basis)) return planned_;
  DiscardAttempt();
  ARROW_ASSIGN_OR_RAISE(TableMetadata next, Grown(created_ ? *created_ : *basis.current->metadata));
  if (changes_rows) {
    const bool all_new = overwrites_ || created_;
    ARROW_RETURN_NOT_OK(CheckNewIds(*catalog_, name_, CurrentSchema(),
                                    all_new ? std::nullopt : basis.current, files_));
    ARROW_ASSIGN_OR_RAISE(next, builder_.Build(std::move(next), Change(), blobs));
  }
  return PlanStored(basis, std::move(next), OperationName(), blobs);
}

void TableDraft::DiscardAttempt() {
  if (planned_ && planned_->written) {
    DeleteQuietly(catalog_->store(), {planned_->written->table.metadata_location});
  }
  planned_.reset();
  builder_.DiscardAttempt();
}

void TableDraft::DiscardAll() {
  DiscardAttempt();
  builder_.DiscardAll();
  std::vector<std::string> uris;
  for (const DataFile& file : files_) uris.push_back(file.uri);
  if (row_change_)
    uris.insert(uris.end(), row_change_->written.begin(), row_change_->written.end());
  DeleteQuietly(catalog_->store(), uris);
  files_.clear();
  row_change_.reset();
}

}  // namespace millpond::table
