// The counter behind sample_id; see the header.
#include "table/sample_ids.h"

#include <arrow/api.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "table/bounds.h"
#include "table/schema.h"
#include "table/snapshot_files.h"

namespace millpond::table {
namespace {

// The highest value that the bounds of a table's files state; nullopt where a file states none.
Result<std::optional<int64_t>> HighestBound(store::BlobStore& store, const Snapshot& snapshot,
                                            int32_t field_id) {
  int64_t highest = -1;
  ARROW_ASSIGN_OR_RAISE(auto list, LoadManifestList(store, snapshot));
  for (const ManifestFile& file : list) {
    if (file.content != 0) continue;
    ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(store, file));
    for (const ManifestEntry& entry : manifest.entries) {
      if (entry.status == EntryStatus::kDeleted || entry.file.record_count == 0) continue;
      auto bound = entry.file.upper_bounds.find(field_id);
      if (bound == entry.file.upper_bounds.end()) return std::nullopt;
      ARROW_ASSIGN_OR_RAISE(auto value, DecodeBound(bound->second, arrow::int64()));
      highest = std::max(highest, static_cast<const arrow::Int64Scalar&>(*value).value);
    }
  }
  return highest;
}

}  // namespace

SampleIds::SampleIds(Catalog* catalog, const std::string& location)
    : catalog_(catalog), counter_("sample_id:" + location) {}

Status SampleIds::PassForeignRows(const Table& table) {
  // Of every branch: one number must not name two rows, or branches could not be merged.
  std::set<int64_t> ends;
  if (table.metadata->current_snapshot_id) ends.insert(*table.metadata->current_snapshot_id);
  for (const auto& [name, ref] : table.metadata->refs) {
    if (!ref.is_tag) ends.insert(ref.snapshot_id);
  }
  for (const int64_t id : ends) {
    const Snapshot* snapshot = table.metadata->SnapshotById(id);
    if (snapshot != nullptr) ARROW_RETURN_NOT_OK(PassRowsOf(table, *snapshot));
  }
  return Status::OK();
}

Status SampleIds::PassRowsOf(const Table& table, const Snapshot& snapshot) {
  if (snapshot.summary.contains("millpond.commit-id")) return Status::OK();
  auto field = table.metadata->SchemaOf(snapshot).arrow->GetFieldByName(std::string(kSampleId));
  if (field == nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto highest,
                        HighestBound(catalog_->store(), snapshot, *FieldIdOf(*field)));
  if (!highest) {
    return base::Invalid(
        "{}: another engine wrote sample_id values without stating their bounds, so new rows "
        "cannot "
        "be numbered; give them a sample_id",
        table.name.ToString());
  }
  return PassNumber(*highest);
}

Result<std::shared_ptr<arrow::Array>> SampleIds::Take(int64_t count) {
  ARROW_ASSIGN_OR_RAISE(int64_t first, catalog_->ledger().Reserve(counter_, count));
  if (first > std::numeric_limits<int64_t>::max() - count) {
    return base::Exhausted("the table has used up all sample_id numbers");
  }
  passed_ = std::max(passed_, first + count);
  ARROW_ASSIGN_OR_RAISE(auto buffer,
                        arrow::AllocateBuffer(count * static_cast<int64_t>(sizeof(int64_t))));
  auto* numbers = reinterpret_cast<int64_t*>(buffer->mutable_data());
  for (int64_t i = 0; i < count; ++i) numbers[i] = first + i;
  return std::make_shared<arrow::Int64Array>(count, std::move(buffer));
}

Status SampleIds::Pass(const arrow::Array& given) {
  const auto& numbers = static_cast<const arrow::Int64Array&>(given);
  int64_t highest = -1;
  for (int64_t i = 0; i < numbers.length(); ++i) highest = std::max(highest, numbers.Value(i));
  return PassNumber(highest);
}

Status SampleIds::PassNumber(int64_t number) {
  if (number < passed_) return Status::OK();
  if (number == std::numeric_limits<int64_t>::max()) {
    return base::Invalid("sample_id {} leaves no number for later rows", number);
  }
  // Another process may take numbers between the two calls: then the counter passes `number` by
  // more than it must.
  ARROW_ASSIGN_OR_RAISE(
      auto rows, catalog_->ledger().Select(
                     {.table = "counter", .where = {{"name", ledger::Compare::kEqual, counter_}}}));
  int64_t next = 0;
  if (!rows.empty()) {
    ARROW_ASSIGN_OR_RAISE(next, ledger::IntOf(rows[0], "next"));
  }
  if (next <= number) {
    ARROW_RETURN_NOT_OK(catalog_->ledger().Reserve(counter_, number + 1 - next).status());
  }
  passed_ = std::max(next, number + 1);
  return Status::OK();
}

}  // namespace millpond::table
