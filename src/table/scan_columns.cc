// Decides for which files of a scan the footer must be read or is worth it, and reads those in
// parallel. Part of scan_plan.h.
#include <arrow/type.h>

#include <algorithm>
#include <future>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "table/scan_plan.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

constexpr size_t kThreadsMost = 8;
constexpr size_t kFilesPerTask = 16;
// Footers of files that can be read by field id are read while there are few of them.
constexpr size_t kOwnFootersMost = 512;

bool HasStruct(const arrow::DataType& type) {
  if (type.id() == arrow::Type::STRUCT) return true;
  return std::any_of(type.fields().begin(), type.fields().end(),
                     [](const auto& field) { return HasStruct(*field->type()); });
}

bool HasDefault(const arrow::DataType& type) {
  return std::any_of(type.fields().begin(), type.fields().end(), [](const auto& field) {
    return InitialDefaultOf(*field).has_value() || HasDefault(*field->type());
  });
}

bool SameNames(const arrow::Schema& now, const arrow::Schema& then) {
  for (const auto& field : now.fields()) {
    for (const auto& old : then.fields()) {
      if (FieldIdOf(*field) == FieldIdOf(*old) && !NestedNamesAgree(*field->type(), *old->type())) {
        return false;
      }
    }
  }
  return true;
}

// Whether the metadata still holds every schema that the table ever had.
bool HasEverySchema(const TableMetadata& metadata) {
  int32_t highest = 0;
  for (const Schema& schema : metadata.schemas) highest = std::max(highest, schema.id);
  return metadata.schemas.size() == static_cast<size_t>(highest) + 1;
}

// Whether names inside structs, by which nested values are read, were always what they are now:
// every schema that the table ever had agrees on them.
bool NestedNamesAreStable(const TableVersion& version) {
  const auto& fields = version.schema->fields();
  const bool plain = std::none_of(fields.begin(), fields.end(),
                                  [](const auto& field) { return HasStruct(*field->type()); });
  if (plain) return true;
  if (std::any_of(fields.begin(), fields.end(),
                  [](const auto& field) { return HasDefault(*field->type()); })) {
    return false;
  }
  const std::vector<Schema>& schemas = version.table.metadata->schemas;
  return HasEverySchema(*version.table.metadata) &&
         std::all_of(schemas.begin(), schemas.end(), [&](const Schema& schema) {
           return SameNames(*version.schema, *schema.arrow);
         });
}

// Whether a file that was written with `then` has each column just as the version does now.
bool AreAsNow(const arrow::FieldVector& now, const arrow::Schema& then) {
  return std::all_of(now.begin(), now.end(), [&](const auto& field) {
    const auto old = then.GetFieldByName(field->name());
    return old != nullptr && FieldIdOf(*field) && FieldIdOf(*old) == FieldIdOf(*field) &&
           old->type()->Equals(*field->type(), /*check_metadata=*/true);
  });
}

// The columns of every file that we wrote, where all schemas that the table ever had agree on the
// version's; null where one differs or may be forgotten. Columns that others of the schemas have
// come after: a file may have them, and their names may be in the way.
std::shared_ptr<const FileColumns> ColumnsOfOwnFiles(const TableVersion& version) {
  if (!HasEverySchema(*version.table.metadata)) return nullptr;
  arrow::FieldVector fields = version.schema->fields();
  std::set<std::string> names;
  for (const auto& field : fields) names.insert(field->name());
  for (const Schema& schema : version.table.metadata->schemas) {
    if (!AreAsNow(version.schema->fields(), *schema.arrow)) return nullptr;
    for (const auto& field : schema.arrow->fields()) {
      if (names.insert(field->name()).second) fields.push_back(field);
    }
  }
  auto columns = std::make_shared<FileColumns>();
  columns->schema = arrow::schema(std::move(fields));
  columns->has_ids = true;
  columns->signature = "as the table's schemas say";  // No footer's.
  return columns;
}

Status ReadOne(Catalog& catalog, const TableMetadata& metadata, FileColumnsCache& cache,
               ScanFile* file) {
  ARROW_ASSIGN_OR_RAISE(file->columns, cache.Of(catalog.store(), file->file.uri));
  if (file->columns->has_ids) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(file->columns, ApplyNameMapping(metadata, *file->columns, file->file.uri));
  return Status::OK();
}

// Equality deletes are read by field id: one without its ids would delete rows that lack the key.
Status CheckEqualityDeletes(Catalog& catalog, FileColumnsCache& cache, const ScanPlan& plan) {
  for (const DeleteFile& file : plan.deletes) {
    if (!file.is_equality) continue;
    ARROW_ASSIGN_OR_RAISE(const auto columns, cache.Of(catalog.store(), file.file.uri));
    for (const int32_t id : file.file.equality_ids) {
      const auto& fields = columns->schema->fields();
      const bool there = std::any_of(fields.begin(), fields.end(),
                                     [&](const auto& field) { return FieldIdOf(*field) == id; });
      if (there) continue;
      return base::Invalid(
          "{}: equality deletes that compare field {}, which the file does not have under that id; "
          "compact the table in the engine that made it",
          file.file.uri, id);
    }
  }
  return Status::OK();
}

}  // namespace

Status ReadColumns(Catalog& catalog, const TableVersion& version, FileColumnsCache& cache,
                   ScanPlan* plan) {
  const bool all = !NestedNamesAreStable(version);
  const auto own = all ? nullptr : ColumnsOfOwnFiles(version);
  const bool own_footers = all || (own == nullptr && plan->files.size() <= kOwnFootersMost);
  std::vector<ScanFile*> unknown;
  for (ScanFile& file : plan->files) {
    if (own_footers || file.is_foreign) {
      unknown.push_back(&file);
    } else {
      file.columns = own;
    }
  }
  auto read = [&](size_t begin, size_t end) -> Status {
    for (size_t i = begin; i < end; ++i) {
      ARROW_RETURN_NOT_OK(ReadOne(catalog, *version.table.metadata, cache, unknown[i]));
    }
    return Status::OK();
  };
  Status status;
  if (unknown.size() <= kFilesPerTask) {
    status = read(0, unknown.size());
  } else {
    const size_t tasks = (unknown.size() + kFilesPerTask - 1) / kFilesPerTask;
    ARROW_ASSIGN_OR_RAISE(
        auto pool, base::ThreadPool::Make(static_cast<int>(std::min(tasks, kThreadsMost)), tasks));
    std::vector<std::future<Status>> running;
    for (size_t begin = 0; begin < unknown.size(); begin += kFilesPerTask) {
      const size_t end = std::min(unknown.size(), begin + kFilesPerTask);
      running.push_back(pool->Submit([&read, begin, end] { return read(begin, end); }));
    }
    for (auto& one : running) {
      Status result = one.get();
      if (status.ok()) status = std::move(result);
    }
  }
  if (status.ok()) status = CheckEqualityDeletes(catalog, cache, *plan);
  return base::WithContext(version.table.name.ToString(), status);
}

}  // namespace millpond::table
