// Experiments and their runs: what was trained, from which data, code and parameters, how it went
// and what came out. Rows live in the ledger, artifacts in the store below _artifacts/, named by
// their SHA-256. Called by api/ (`millpond run`, Python's mp.run). Thread safe; many processes may
// write.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "ledger/ledger.h"
#include "store/blob_store.h"

namespace millpond::track {

struct Experiment {
  std::string name, description;
  int64_t created_ms = 0;
};

struct RunStart {
  std::string experiment;  ///< Made where it does not exist.
  std::string name;        ///< Empty: "<experiment>-<number>".
  std::string author;
  std::string dataset;       ///< "reviews@v3"; may be empty.
  std::string dataset_hash;  ///< Of the frozen version.
  std::string code_commit;   ///< Empty: the git commit of `code_folder`, where it is one.
  std::string code_folder = ".";
  base::Json environment = base::Json::object();  ///< Packages, Python, machine.
  std::map<std::string, base::Json> params;       ///< Seeds too.
  std::map<std::string, std::string> tags;
};

struct Run {
  std::string id, experiment, name;
  std::string status;  ///< running, finished, failed, killed
  std::string author;
  int64_t started_ms = 0;
  std::optional<int64_t> ended_ms;
  std::string dataset, dataset_hash, code_commit;  ///< Empty where unknown.
  base::Json environment;
  std::string error;
};

struct MetricPoint {
  std::string key;
  int64_t step = 0;
  double value = 0;                         ///< NaN and infinities are kept.
  std::optional<int64_t> recorded_ms = {};  ///< None: now.
};

struct MetricSummary {
  std::string key;
  int64_t points = 0, last_step = 0;
  double last = 0, min = 0, max = 0;  ///< min and max leave NaN out; NaN where all are.
};

struct Artifact {
  std::string path;  ///< Within the run: "model.pkl".
  std::string blob;  ///< Path in the store.
  int64_t size = 0;
  std::string sha256;
  int64_t created_ms = 0;
};

struct RunDetails {
  Run run;
  std::map<std::string, base::Json> params;
  std::map<std::string, std::string> tags;
  std::vector<MetricSummary> metrics;  ///< By key.
  std::vector<Artifact> artifacts;     ///< By path.
};

struct RunFilter {
  std::string experiment, status, dataset;  ///< Empty: any.
  std::optional<int64_t> limit;
};

class Tracker {
 public:
  Tracker(std::shared_ptr<ledger::Ledger> ledger, std::shared_ptr<store::BlobStore> store)
      : ledger_(std::move(ledger)), store_(std::move(store)) {}

  /// kAlreadyExists where the name is taken.
  Result<Experiment> CreateExperiment(const std::string& name, const std::string& description);
  Result<std::vector<Experiment>> Experiments();

  Result<Run> Start(const RunStart& start);
  /// The only run whose id starts with `id` (at least 4 characters), or that has this name;
  /// kNotFound, or kInvalid where several do.
  Result<Run> Find(const std::string& id);

  /// The same value again changes nothing; another value is kConflict.
  Status LogParams(const std::string& run_id, const std::map<std::string, base::Json>& params);
  /// One transaction for all points; a point at a (key, step) that exists replaces it.
  Status LogMetrics(const std::string& run_id, const std::vector<MetricPoint>& points);
  Status SetTags(const std::string& run_id, const std::map<std::string, std::string>& tags);

  /// Stores bytes, or a file streamed from disk; the same path again replaces the entry.
  Result<Artifact> LogArtifact(const std::string& run_id, const std::string& path,
                               std::string_view bytes);
  Result<Artifact> LogArtifactFile(const std::string& run_id, const std::string& path,
                                   const std::string& file);
  /// The bytes, checked against their hash (kCorrupt); kExhausted above `limit`.
  Result<std::string> ReadArtifact(const std::string& run_id, const std::string& path,
                                   int64_t limit = 1LL << 30);
  /// Streams an artifact to a new file, checked; on failure no file is left.
  Status SaveArtifact(const std::string& run_id, const std::string& path, const std::string& file);

  /// `status`: finished, failed or killed; kConflict where the run has ended already.
  Result<Run> Finish(const std::string& run_id, const std::string& status,
                     const std::string& error = "");

  /// Newest first.
  Result<std::vector<Run>> List(const RunFilter& filter);
  Result<RunDetails> Show(const std::string& id);
  /// All points of one metric, by step.
  Result<std::vector<MetricPoint>> Metric(const std::string& run_id, const std::string& key);

  /// {"runs": [...], "params": {key: [value per run]}, "metrics": {key: [last per run]}, "differs":
  /// [keys that are not the same in all]}
  Result<base::Json> Compare(const std::vector<std::string>& ids);

 private:
  Result<Run> Writable(const std::string& run_id);
  Result<Artifact> Entry(const std::string& run_id, const std::string& path);
  Result<Artifact> Keep(const std::string& run_id, const std::string& path, int64_t size,
                        const std::string& sha256);

  std::shared_ptr<ledger::Ledger> ledger_;
  std::shared_ptr<store::BlobStore> store_;
};

/// The commit that the git work tree around `folder` has checked out, read from its files; "" where
/// there is none.
std::string GitCommitOf(const std::string& folder);

base::Json ToJson(const Experiment& experiment);
base::Json ToJson(const Run& run);
base::Json ToJson(const RunDetails& details);

}  // namespace millpond::track
