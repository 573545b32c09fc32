// Datasets in the ledger: define, list, freeze, open. Everything is read through the session, so
// through the gate. Called by api/. A frozen version is immutable: pinned to snapshots, its plan of
// splits kept with it, hashed over all of that with SHA-256.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/session.h"
#include "train/definition.h"
#include "train/split.h"

namespace millpond::train {

/// A table version that a dataset reads.
struct DatasetInput {
  table::TableName table;
  std::string uuid;
  std::optional<int64_t> snapshot_id;
  std::string metadata_location;  ///< Where the table's metadata was when it was pinned.
};

/// A dataset pinned to exact table versions: frozen, or the head as it was when it was opened.
struct Dataset {
  DatasetDefinition definition;
  std::string version;  ///< "v3"; empty: not frozen.
  std::string hash;     ///< SHA-256 over query, key, splits, columns, inputs and schema.
  std::vector<DatasetInput> inputs;
  SplitPlan plan;
  base::Json schema;  ///< Output of the query: [{"name","type","nullable"}].
  base::Json
      summary;  ///< Of a frozen one: {"rows": {part: n}, "unassigned", "leaks", …}; else null.
  std::string author;  ///< Who froze it.
  int64_t created_ms = 0;

  std::string FullName() const {
    return version.empty() ? definition.name : definition.name + "@" + version;
  }
  /// The Iceberg tag that a frozen version sets in its tables. No branch or tag of the pond has a
  /// slash in its name.
  std::string TagName() const { return "dataset/" + FullName(); }
};

/// A line of `List`.
struct DatasetInfo {
  DatasetDefinition definition;
  std::vector<std::string> versions;  ///< Oldest first.
  std::string author;
  int64_t created_ms = 0, updated_ms = 0;
};

struct FreezeOptions {
  std::string author;
  bool allow_leaks =
      false;  ///< Freeze although a group is on two sides; the summary then says how many.
  std::string ref = {};  ///< Version of tables for which the query names none; empty: main's head.
};

class Datasets {
 public:
  explicit Datasets(std::shared_ptr<query::Session> session);

  /// Checks the definition against the tables as they are now (columns exist, types serve) and
  /// stores it; an existing one of that name is replaced, its frozen versions stay as they are.
  Result<DatasetInfo> Define(const DatasetDefinition& definition, const std::string& author,
                             const base::Context& context);
  Result<std::vector<DatasetInfo>> List();
  /// kNotFound with the nearest name.
  Result<DatasetInfo> Show(const std::string& name);
  Result<std::vector<Dataset>> Versions(const std::string& name);

  /// Pins, checks and stores a version. The same content under the same version again is not an
  /// error; other content is kAlreadyExists. kInvalid: keys that are null or twice there (with
  /// examples), a group on two sides, a part without rows. Sets an Iceberg tag
  /// "dataset/<name>@<version>" in each table, so that no engine expires what it needs.
  Result<Dataset> Freeze(const std::string& name, const std::string& version,
                         const FreezeOptions& options, const base::Context& context);

  /// "reviews@v3", or "reviews" pinned to the head of now.
  Result<Dataset> Open(const std::string& name_at_version, const base::Context& context);

 private:
  std::shared_ptr<query::Session> session_;
};

/// The options that make a session read exactly the pinned versions.
query::SqlOptions PinsOf(const Dataset& dataset);

/// Runs SQL over the dataset's own query at its pinned versions: SELECT `columns` FROM it `tail`.
/// kInvalid where the session read anything but what is pinned.
Result<std::shared_ptr<arrow::RecordBatchReader>> SelectPinned(query::Session& session,
                                                               const Dataset& dataset,
                                                               const std::string& columns,
                                                               const std::string& tail,
                                                               const base::Context& context);

}  // namespace millpond::train
