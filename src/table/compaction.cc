// Rewriting groups of data files; see the header.
#include "table/compaction.h"

#include <arrow/api.h>

#include <set>
#include <utility>

#include "table/file_rewriter.h"
#include "table/partition.h"
#include "table/table_folder.h"

namespace millpond::table {
namespace {

// Deletes of this many rows are held in memory at once: groups are looked up in portions.
constexpr int64_t kRowsLookedUp = 64LL << 20;

/// One Compact call; deletes what it wrote where it does not finish.
class Compaction {
 public:
  Compaction(Catalog* catalog, const Table& table, const CompactionRule& rule,
             const base::Context& context, CompactionReport* report)
      : catalog_(*catalog),
        metadata_(*table.metadata),
        name_(table.name.ToString()),
        rule_(rule),
        context_(context),
        report_(*report) {
    made_.base_snapshot = metadata_.current_snapshot_id;
    made_.serializable = false;  // No row is looked for.
    made_.equality_deletes_pass = true;
    made_.change.schema_id = metadata_.current_schema_id;
    made_.change.keeps_rows = true;
  }
  ~Compaction() {
    if (!finished_) DeleteQuietly(catalog_.store(), made_.written);
  }
  Compaction(const Compaction&) = delete;
  Compaction& operator=(const Compaction&) = delete;

  Result<RowChangePlan> Run(const CompactionPlan& plan) {
    for (const CompactionGroup& group : plan.groups) total_ += group.bytes;
    for (const ListedFile& deletes : plan.dangling) Drop(deletes);
    for (size_t begin = 0; begin < plan.groups.size();) {
      size_t end = begin;
      for (int64_t rows = 0; end < plan.groups.size() && (end == begin || rows < kRowsLookedUp);) {
        rows += plan.groups[end++].rows;
      }
      ARROW_RETURN_NOT_OK(Portion(plan.groups, begin, end));
      begin = end;
    }
    finished_ = true;
    return std::move(made_);
  }

 private:
  Status Portion(const std::vector<CompactionGroup>& groups, size_t begin, size_t end) {
    std::set<std::string> uris;
    for (size_t i = begin; i < end; ++i) {
      for (const ListedFile& file : groups[i].files) uris.insert(file.entry.file.uri);
    }
    ARROW_ASSIGN_OR_RAISE(const auto found,
                          FindFiles(catalog_.store(), *metadata_.current_snapshot(), uris));
    for (size_t i = begin; i < end; ++i) ARROW_RETURN_NOT_OK(Rewrite(groups[i], found));
    return Status::OK();
  }

  // Columns that a file must store itself: values that only its partition says would be lost.
  std::set<int32_t> MustStore(const CompactionGroup& group) const {
    std::set<int32_t> columns;
    for (const PartitionField& field : PartitionFieldsOf(metadata_, group.partition_spec_id)) {
      columns.insert(field.source_id);
    }
    return columns;
  }

  Status Rewrite(const CompactionGroup& group, const std::map<std::string, FoundFile>& found) {
    const auto must_store = MustStore(group);
    for (const ListedFile& file : group.files) {
      ARROW_ASSIGN_OR_RAISE(const bool can,
                            CanRewrite(catalog_.store(), file.entry.file, must_store));
      if (!can) return Status::OK();
    }
    WriteSettings settings = catalog_.settings();
    // A little more than what was packed for it, so that no remainder makes a second file.
    settings.target_file_size = rule_.target_file_size + rule_.target_file_size / 4;
    FileRewriter rewriter(&catalog_, metadata_.location, *metadata_.schema().arrow,
                          metadata_.format_version >= 3, settings);
    for (const ListedFile& file : group.files) {
      context_.Report({"compact " + name_, done_, total_, "bytes"});
      const FoundFile& source = found.at(file.entry.file.uri);
      ARROW_RETURN_NOT_OK(rewriter.Copy(source.file.entry, source.deleted, context_));
      Took(source);
    }
    RewrittenFiles rewritten;
    ARROW_ASSIGN_OR_RAISE(rewritten.files, rewriter.Finish());
    for (const DataFile& file : rewritten.files) {
      made_.written.push_back(file.uri);
      ++report_.files_after;
      report_.bytes_after += file.size;
    }
    rewritten.sequence_number = group.sequence_number;
    rewritten.partition_spec_id = group.partition_spec_id;
    rewritten.partition_type = group.partition_type;
    rewritten.partition_fields = group.partition_fields;
    rewritten.partition = group.files.front().entry.partition;
    if (!rewritten.files.empty()) made_.change.rewritten.push_back(std::move(rewritten));
    return Status::OK();
  }

  void Took(const FoundFile& source) {
    const DataFile& file = source.file.entry.file;
    made_.touched[file.uri] = source.file.manifest;
    made_.change.removed[EntryKey(file)] = source.file.manifest;
    for (const ListedFile& deletes : source.deletes) Drop(deletes);
    ++report_.files_before;
    report_.bytes_before += file.size;
    report_.rows_deleted += source.deleted.size();
    done_ += file.size;
  }

  void Drop(const ListedFile& deletes) {
    const auto [place, is_new] =
        made_.change.removed.emplace(EntryKey(deletes.entry.file), deletes.manifest);
    report_.delete_files_dropped += is_new ? 1 : 0;
  }

  Catalog& catalog_;
  const TableMetadata& metadata_;
  const std::string name_;
  const CompactionRule& rule_;
  const base::Context& context_;
  CompactionReport& report_;
  RowChangePlan made_;
  int64_t done_ = 0, total_ = 0;
  bool finished_ = false;
};

}  // namespace

Result<RowChangePlan> Compact(Catalog* catalog, const Table& table, const CompactionPlan& plan,
                              const CompactionRule& rule, const base::Context& context,
                              CompactionReport* report) {
  return Compaction(catalog, table, rule, context, report).Run(plan);
}

}  // namespace millpond::table
