// Labels on their way in: read from a file or an expression, not yet checked against the table.
// Used by labels.cc. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "label/labels.h"
#include "query/session.h"
#include "table/rejects_writer.h"

namespace millpond::label {

struct Candidate {
  std::optional<int64_t> sample_id;  ///< None: named by `key`, or not at all.
  std::string key;                   ///< Canonical JSON list of the key columns' values.
  std::optional<std::string> label;
  std::string annotator;
  std::optional<double> confidence;
  std::optional<int64_t> labelled_ms;
};

class CandidateReader {
 public:
  virtual ~CandidateReader() = default;
  /// The next labels in order; empty at the end.
  virtual Result<std::vector<Candidate>> Next() = 0;
  /// Rows that could not even be read, since the last call.
  virtual std::vector<table::RejectedRow> TakeRejects() = 0;
  /// What was read, for the commit; valid at the end.
  virtual base::Json Inputs() const = 0;
};

/// The labelled table, pinned.
struct LabelledTable {
  table::TableName name;
  std::optional<int64_t> snapshot;
  std::string policy_hash;
  std::string sql;  ///< Quoted name.
  query::SqlOptions options;
  std::shared_ptr<arrow::Schema> schema;
};

Result<std::unique_ptr<CandidateReader>> ReadLabelFile(const LabelledTable& table,
                                                       const LabelRequest& request,
                                                       const base::Context& context);
Result<std::unique_ptr<CandidateReader>> ReadLabelExpression(query::Session& session,
                                                             const LabelledTable& table,
                                                             const LabelRequest& request,
                                                             const base::Context& context);

/// `"space"."name"`, at a ref where there is one.
std::string QuotedName(const table::TableName& table, const std::string& ref);
/// shop.reviews -> shop.reviews_labels
table::TableName LabelsTableOf(const table::TableName& table);

}  // namespace millpond::label
