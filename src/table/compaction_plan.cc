// Groups of files to rewrite; see the header.
#include "table/compaction_plan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "table/position_deletes.h"
#include "table/snapshot_files.h"
#include "table/table_folder.h"

namespace millpond::table {
namespace {

constexpr int32_t kEqualityDeletes = 2;

struct Candidate {
  ListedFile file;
  int64_t live_bytes = 0;  // What its staying rows take, about.
  int64_t live_rows = 0;
  int64_t deleted = 0;
  bool heavy = false;  // With many deletes.
};

/// Files that may share a new one: same partition, and the same equality deletes apply to them.
struct Bin {
  std::string partition_fields;
  std::vector<Candidate> candidates;
};
using BinKey = std::tuple<int32_t, std::string, std::string, int64_t>;

class Planner {
 public:
  Planner(store::BlobStore& store, const TableMetadata& metadata, const CompactionRule& rule,
          const base::Context& context)
      : store_(store), metadata_(metadata), rule_(rule), context_(context) {}

  Result<CompactionPlan> Run() {
    const Snapshot* snapshot = metadata_.current_snapshot();
    if (snapshot == nullptr) return std::move(plan_);
    ARROW_ASSIGN_OR_RAISE(const auto list, LoadManifestList(store_, *snapshot));
    for (const ManifestFile& file : list) {
      if (file.content != 0 && file.MayHaveLiveFiles()) ARROW_RETURN_NOT_OK(TakeDeletes(file));
    }
    for (const ManifestFile& file : list) {
      if (file.content == 0 && file.MayHaveLiveFiles()) ARROW_RETURN_NOT_OK(TakeData(file));
    }
    for (auto& [key, bin] : bins_) Pack(key, &bin);
    FindDangling();
    return std::move(plan_);
  }

 private:
  Status TakeDeletes(const ManifestFile& file) {
    ARROW_RETURN_NOT_OK(context_.CheckStop());
    ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(store_, file));
    for (ManifestEntry& entry : manifest.entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      if (entry.content == kEqualityDeletes) {
        equality_.insert(entry.sequence_number.value_or(0));
      } else {
        plan_.deleted_rows += entry.file.record_count;
        ++plan_.delete_files;
        if (const auto of = OnlyFileOf(entry.file)) deleted_[*of] += entry.file.record_count;
      }
      deletes_.push_back({std::move(entry), file.uri});
    }
    return Status::OK();
  }

  Status TakeData(const ManifestFile& file) {
    ARROW_RETURN_NOT_OK(context_.CheckStop());
    ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(store_, file));
    for (ManifestEntry& entry : manifest.entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      ++plan_.files;
      plan_.bytes += entry.file.size;
      lowest_data_ = std::min(lowest_data_, entry.sequence_number.value_or(0));
      live_.insert(entry.file.uri);
      if (rule_.left_alone.contains(entry.file.uri)) continue;
      Candidate candidate = Judge(std::move(entry), file.uri);
      const DataFile& data = candidate.file.entry.file;
      if (!candidate.heavy && data.size >= Small()) continue;
      Bin& bin = bins_[{manifest.partition_spec_id, manifest.partition_type,
                        candidate.file.entry.partition, SequenceFor(candidate.file.entry)}];
      bin.partition_fields = manifest.partition_fields;
      bin.candidates.push_back(std::move(candidate));
    }
    return Status::OK();
  }

  int64_t Small() const {
    return static_cast<int64_t>(rule_.small_share * static_cast<double>(rule_.target_file_size));
  }

  Candidate Judge(ManifestEntry entry, const std::string& manifest) const {
    Candidate candidate;
    const int64_t rows = std::max<int64_t>(1, entry.file.record_count);
    const auto deleted = deleted_.find(entry.file.uri);
    if (deleted != deleted_.end()) candidate.deleted = std::min(deleted->second, rows);
    const double share = static_cast<double>(candidate.deleted) / static_cast<double>(rows);
    candidate.heavy = candidate.deleted > 0 && share >= rule_.deleted_share;
    candidate.live_bytes =
        static_cast<int64_t>(static_cast<double>(entry.file.size) * (1.0 - share));
    candidate.live_rows = rows - candidate.deleted;
    candidate.file = {std::move(entry), manifest};
    return candidate;
  }

  // The latest number at which the same equality deletes apply as to this file: those are the ones
  // of later number, so it is just before the first of them.
  int64_t SequenceFor(const ManifestEntry& entry) const {
    const auto next = equality_.upper_bound(entry.sequence_number.value_or(0));
    return next == equality_.end() ? metadata_.current_snapshot()->sequence_number : *next - 1;
  }

  // Rows keep the order in which they came. Runs of files are filled up to the target size.
  void Pack(const BinKey& key, Bin* bin) {
    std::stable_sort(bin->candidates.begin(), bin->candidates.end(),
                     [](const Candidate& a, const Candidate& b) {
                       return a.file.entry.sequence_number.value_or(0) <
                              b.file.entry.sequence_number.value_or(0);
                     });
    std::vector<Candidate> run;
    int64_t bytes = 0;
    for (Candidate& candidate : bin->candidates) {
      if (!run.empty() && bytes + candidate.live_bytes > rule_.target_file_size) {
        Close(key, *bin, &run);
        bytes = 0;
      }
      bytes += candidate.live_bytes;
      run.push_back(std::move(candidate));
    }
    Close(key, *bin, &run);
  }

  // A file that outweighs the others would be copied again and again while small ones come in: it
  // waits until as many rows have come, so that no row is copied more often than sizes double. (The
  // bytes of tiny files are mostly footers.)
  void LeaveOutHeavyweights(std::vector<Candidate>* run) const {
    while (run->size() > 1) {
      int64_t bytes = 0, rows = 0;
      for (const Candidate& one : *run) {
        bytes += one.live_bytes;
        rows += one.live_rows;
      }
      if (bytes >= Small()) return;  // What comes out is not small any more.
      const auto largest = std::max_element(
          run->begin(), run->end(),
          [](const Candidate& a, const Candidate& b) { return a.live_rows < b.live_rows; });
      if (largest->heavy || largest->live_rows * 2 <= rows) return;
      run->erase(largest);
    }
  }

  void Close(const BinKey& key, const Bin& bin, std::vector<Candidate>* run) {
    LeaveOutHeavyweights(run);
    const bool heavy =
        std::any_of(run->begin(), run->end(), [](const Candidate& one) { return one.heavy; });
    if (run->size() >= std::max<size_t>(2, rule_.min_files) || heavy) {
      CompactionGroup group;
      group.partition_spec_id = std::get<0>(key);
      group.partition_type = std::get<1>(key);
      group.partition_fields = bin.partition_fields;
      group.sequence_number = std::get<3>(key);
      for (Candidate& one : *run) {
        group.bytes += one.file.entry.file.size;
        group.rows += one.file.entry.file.record_count;
        group.deleted_rows += one.deleted;
        group.files.push_back(std::move(one.file));
      }
      plan_.groups.push_back(std::move(group));
    }
    run->clear();
  }

  // Deletes say nothing once every file is newer, or once the file that they speak of is gone.
  void FindDangling() {
    for (ListedFile& deletes : deletes_) {
      const int64_t sequence = deletes.entry.sequence_number.value_or(0);
      const bool equality = deletes.entry.content == kEqualityDeletes;
      const bool too_old = equality ? sequence <= lowest_data_ : sequence < lowest_data_;
      const auto& of = deletes.entry.file.referenced_data_file;
      if (too_old || (of && !live_.contains(*of))) plan_.dangling.push_back(std::move(deletes));
    }
  }

  store::BlobStore& store_;
  const TableMetadata& metadata_;
  const CompactionRule& rule_;
  const base::Context& context_;
  CompactionPlan plan_;
  std::vector<ListedFile> deletes_;
  std::map<std::string, int64_t> deleted_;  // Data file -> rows.
  std::set<int64_t> equality_;              // Sequence numbers of equality deletes.
  std::set<std::string> live_;              // Data files.
  std::map<BinKey, Bin> bins_;
  int64_t lowest_data_ = std::numeric_limits<int64_t>::max();
};

}  // namespace

int64_t TargetFileSize(const TableMetadata& metadata, int64_t fallback) {
  return std::max<int64_t>(1, IntProperty(metadata, "write.target-file-size-bytes", fallback));
}

Result<CompactionPlan> PlanCompaction(store::BlobStore& store, const TableMetadata& metadata,
                                      const CompactionRule& rule, const base::Context& context) {
  return Planner(store, metadata, rule, context).Run();
}

}  // namespace millpond::table
