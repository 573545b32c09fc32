// Labels for the samples of a table, kept in the sidecar table <table>_labels with who, when and
// from where: sample_id long, label_set, label, annotator, labelled_at, source, confidence. Rows
// are only ever added; the latest label of each (sample, set, annotator) counts. Called by api/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/session.h"
#include "source/source.h"
#include "table/history.h"

namespace millpond::label {

struct LabelRequest {
  std::string table;  ///< The table whose samples are labelled, as it is at the head of `branch`.
  std::string branch = table::kMainBranch;
  std::string label_set = "default";  ///< Several questions about one sample live side by side.

  // Where the labels come from: exactly one of `url` and `expression`.
  std::string url;               ///< A file (CSV, JSON Lines, Parquet…) of labels.
  source::SourceOptions source;  ///< How to read it.
  std::string expression;        ///< SQL over the table's columns; a null gives no label.

  // For a file: which of its columns say what. Empty optional columns are not looked for.
  std::string
      sample_column;  ///< Holds sample ids; "sample_id" where neither this nor a key is named.
  std::vector<std::string>
      key;  ///< Instead: columns, of the same name in file and table, that name a sample.
  std::string label_column = "label";
  std::string annotator_column, confidence_column, time_column;

  std::string annotator;             ///< Who labelled, where no column says so; empty: the author.
  std::vector<std::string> classes;  ///< Allowed labels; empty: any. Others are rejected.
  bool strict = false;  ///< A label that does not fit fails the call instead of being rejected.
  std::string author;
  std::string message;  ///< Empty: "label <table> from <source>".
  std::optional<std::string> idempotency_key;
};

struct LabelReport {
  table::TableName table, labels_table;
  std::string label_set;
  int64_t labels = 0;     ///< Rows added.
  int64_t unchanged = 0;  ///< Already said so by the same annotator; not added again.
  int64_t rejected = 0;
  std::map<std::string, int64_t> reasons;  ///< Reason without its values -> rejected labels.
  std::optional<table::TableName>
      rejects_table;                        ///< <table>_labels_rejects, where any were rejected.
  std::optional<table::PondCommit> commit;  ///< None: nothing was new.
  double seconds = 0;
};

/// Validates that each sample exists (through the session), each label is allowed, and adds the
/// rest in one commit. kDenied where a policy masks the columns that it needs.
Result<LabelReport> AddLabels(query::Session& session, const LabelRequest& request,
                              const base::Context& context);

struct LabelSummary {
  std::string label_set;
  int64_t samples = 0;                        ///< Rows of the table.
  int64_t labelled = 0;                       ///< Samples of the table with at least one label.
  std::map<std::string, int64_t> classes;     ///< Label -> samples (latest labels).
  std::map<std::string, int64_t> annotators;  ///< Annotator -> samples.
  int64_t conflicts = 0;                      ///< Samples whose annotators disagree.
  int64_t orphans = 0;                        ///< Labelled samples that the table no longer has.
};

/// One summary per label set, by name; `table` may be at a ref ("reviews@v1": labels at that ref
/// too).
Result<std::vector<LabelSummary>> SummarizeLabels(query::Session& session, const std::string& table,
                                                  const base::Context& context);

/// SELECT text of the latest label per (sample_id, label_set, annotator) of `table`, for use as a
/// subquery in a dataset's SQL; empty `label_set`: all sets.
Result<std::string> LatestLabelsSql(const std::string& table, const std::string& label_set);

base::Json ToJson(const LabelReport& report);
base::Json ToJson(const LabelSummary& summary);

}  // namespace millpond::label
