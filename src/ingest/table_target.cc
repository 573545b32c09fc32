// Making, growing and filling one table; see the header.
#include "ingest/table_target.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include <array>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "table/schema.h"

namespace millpond::ingest {
namespace {

using base::Invalid;

constexpr const char* kKeyProperty = "millpond.key";

bool StripSuffix(std::string* name, std::string_view suffix) {
  if (name->size() <= suffix.size() || !base::ToLower(*name).ends_with(suffix)) return false;
  name->resize(name->size() - suffix.size());
  return true;
}

/// The stream's schema with a sample_id in front where it has none.
std::shared_ptr<arrow::Schema> WithSampleId(const arrow::Schema& schema) {
  const std::string id(table::kSampleId);
  arrow::FieldVector fields = schema.fields();
  if (schema.GetFieldIndex(id) < 0) {
    fields.insert(fields.begin(), arrow::field(id, arrow::int64(), false));
  }
  return arrow::schema(std::move(fields));
}

/// What a person reads as "added" or "widened" between two schemas.
std::vector<std::string> Differences(const arrow::Schema& before, const arrow::Schema& after) {
  std::vector<std::string> changes;
  for (const auto& field : after.fields()) {
    const auto old = before.GetFieldByName(field->name());
    if (old == nullptr) {
      changes.push_back(fmt::format("{}: new, {}", field->name(), field->type()->ToString()));
    } else if (!old->type()->Equals(*field->type())) {
      changes.push_back(fmt::format("{}: {} -> {}", field->name(), old->type()->ToString(),
                                    field->type()->ToString()));
    }
  }
  return changes;
}

/// One row as text, for a person who looks for it.
Result<std::string> RowText(const arrow::RecordBatch& batch, int64_t row) {
  base::Json text = base::Json::object();
  for (int i = 0; i < batch.num_columns(); ++i) {
    if (batch.column(i)->IsNull(row)) {
      text[batch.column_name(i)] = nullptr;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto value, batch.column(i)->GetScalar(row));
    text[batch.column_name(i)] = value->ToString().substr(0, 1024);
  }
  return base::CanonicalJson(text);
}

}  // namespace

std::string TableNameFrom(const std::string& stream) {
  std::string name = stream;
  for (std::string_view packed : {".gz", ".zst", ".zstd"}) {
    if (StripSuffix(&name, packed)) break;
  }
  for (std::string_view format : {".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet",
                                  ".arrow", ".ipc", ".feather"}) {
    if (StripSuffix(&name, format)) break;
  }
  std::string clean;
  for (const char c : base::ToLower(name)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool keep = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte >= 0x80;
    if (keep) {
      clean += c;
    } else if (!clean.empty() && clean.back() != '_') {
      clean += '_';
    }
  }
  while (!clean.empty() && clean.back() == '_') clean.pop_back();
  if (clean.empty() || !base::IsValidUtf8(clean)) return "data";
  return clean[0] >= '0' && clean[0] <= '9' ? "t_" + clean : clean;
}

Result<table::TableName> ResolveTableName(const std::string& wanted, const std::string& stream) {
  if (wanted.empty()) return table::TableName::Parse(TableNameFrom(stream));
  if (wanted.back() == '.') return table::TableName::Parse(wanted + TableNameFrom(stream));
  return table::TableName::Parse(wanted);
}

Result<std::unique_ptr<TableTarget>> TableTarget::Open(std::shared_ptr<table::Catalog> catalog,
                                                       table::PendingCommit* commit,
                                                       const table::TableName& name,
                                                       const arrow::Schema& schema,
                                                       const TargetOptions& options) {
  std::unique_ptr<TableTarget> target(new TableTarget(commit, name, options));
  const auto existing = commit->Existing(name);
  if (existing.ok()) {
    if (!options.may_exist) {
      return base::AlreadyExists("the table {} exists; append to it or replace its rows",
                                 name.ToString());
    }
    ARROW_RETURN_NOT_OK(target->Grow(*existing, schema));
    const auto* snapshot = existing->metadata->current_snapshot();
    if (!target->options_.base_snapshot && snapshot != nullptr) {
      target->options_.base_snapshot = snapshot->id;
    }
  } else if (base::KindOf(existing.status()) == base::ErrorKind::kNotFound) {
    ARROW_RETURN_NOT_OK(target->Create(schema));
  } else {
    return existing.status();
  }
  ARROW_ASSIGN_OR_RAISE(auto write_schema, commit->SchemaOf(name));
  for (const std::string& column : options.key) {
    if (write_schema->GetFieldIndex(column) < 0) {
      const auto names = write_schema->field_names();
      return Invalid("the key column '{}' is not among the columns of {}.{}", column,
                     name.ToString(), base::DidYouMean(column, names));
    }
  }
  ARROW_ASSIGN_OR_RAISE(target->writer_,
                        table::TableWriter::Open(std::move(catalog), name, write_schema));
  return target;
}

Status TableTarget::Create(const arrow::Schema& schema) {
  std::map<std::string, std::string> properties;
  if (!options_.key.empty()) properties[kKeyProperty] = base::CanonicalJson(options_.key);
  ARROW_ASSIGN_OR_RAISE(auto storable, table::StorableSchema(*WithSampleId(schema)));
  created_ = true;
  options_.replace = false;
  return commit_->Create(name_, std::move(storable), {std::string(table::kSampleId)}, properties);
}

Status TableTarget::Grow(const table::Table& existing, const arrow::Schema& schema) {
  const auto& properties = existing.metadata->properties;
  const auto key = properties.find(kKeyProperty);
  if (!options_.key.empty() &&
      (key == properties.end() || key->second != base::CanonicalJson(options_.key))) {
    return Invalid("{} has {} as its key, not {}; leave the key out or name the same columns",
                   name_.ToString(), key == properties.end() ? "nothing" : key->second,
                   base::CanonicalJson(options_.key));
  }
  ARROW_ASSIGN_OR_RAISE(auto before, commit_->SchemaOf(name_));
  ARROW_RETURN_NOT_OK(commit_->EvolveTo(name_, std::make_shared<arrow::Schema>(schema.fields())));
  ARROW_ASSIGN_OR_RAISE(auto after, commit_->SchemaOf(name_));
  columns_changed_ = Differences(*before, *after);
  if (!options_.evolve && !columns_changed_.empty()) {
    return Invalid(
        "the new rows do not fit the columns of {} ({}); allow the table to evolve, or "
        "leave these columns out",
        name_.ToString(), base::Join(columns_changed_, "; "));
  }
  return Status::OK();
}

Status TableTarget::Write(const arrow::RecordBatch& batch, table::RejectsWriter* rejects,
                          const base::Context& context) {
  std::vector<bool> keep;
  for (const std::string& column : options_.key) {
    const auto values = batch.GetColumnByName(column);
    if (values != nullptr && values->null_count() == 0) continue;
    if (keep.empty()) keep.assign(static_cast<size_t>(batch.num_rows()), true);
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      if (!keep[static_cast<size_t>(row)] || (values != nullptr && values->IsValid(row))) continue;
      keep[static_cast<size_t>(row)] = false;
      ARROW_ASSIGN_OR_RAISE(auto text, RowText(batch, row));
      ARROW_RETURN_NOT_OK(rejects->Add(
          {.column = column, .reason = "the key column is null", .raw = std::move(text)}, context));
    }
  }
  if (keep.empty()) return writer_->Write(batch, context);
  arrow::BooleanBuilder mask;
  ARROW_RETURN_NOT_OK(mask.AppendValues(keep));
  ARROW_ASSIGN_OR_RAISE(auto selection, mask.Finish());
  ARROW_ASSIGN_OR_RAISE(
      auto kept, arrow::compute::Filter(arrow::Datum(batch.Slice(0)), arrow::Datum(selection)));
  return writer_->Write(*kept.record_batch(), context);
}

Status TableTarget::Finish() {
  ARROW_ASSIGN_OR_RAISE(auto files, writer_->Finish());
  if (options_.replace) return commit_->Overwrite(name_, std::move(files), options_.base_snapshot);
  return commit_->Append(name_, std::move(files));
}

}  // namespace millpond::ingest
