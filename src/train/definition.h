// What a dataset is, as a person writes it: a name, one SELECT, the key of a sample, splits, label
// and feature columns. YAML, JSON and the ledger hold the same document; docs/guide/datasets.md
// describes it. A value: no I/O here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace millpond::train {

enum class SplitMethod {
  kNone,        ///< One part, "all".
  kHash,        ///< By the hash of the key: rows added later never move the others.
  kStratified,  ///< Exact shares inside every class of `column`.
  kTime,        ///< By `column` in time: cut points, or shares of the rows in time order.
  kGroup,       ///< By the hash of `column`: a group is never on two sides.
  kGiven,       ///< `column` holds the part's name.
};

std::string_view NameOf(SplitMethod method);
std::optional<SplitMethod> MethodNamed(std::string_view name);

/// One side of a split.
struct Part {
  std::string name;                  ///< "train"
  double share = 0;                  ///< Of the rows (hash, stratified, group, time by shares).
  std::optional<std::string> until;  ///< Time by cut points: exclusive end; the last part has none.
};

struct SplitDefinition {
  SplitMethod method = SplitMethod::kNone;
  std::string column;       ///< Class, time, group or given column.
  std::vector<Part> parts;  ///< In order; kGiven: empty means the values that occur.
  uint64_t seed = 0;
};

struct DatasetDefinition {
  std::string name;
  std::string description;
  std::string query;  ///< One SELECT over tables.
  std::vector<std::string> key = {
      "sample_id"};  ///< Columns that identify a sample: unique, never null.
  SplitDefinition split;
  std::vector<std::string> labels;    ///< Target columns.
  std::vector<std::string> features;  ///< Empty: every column that is neither key, label nor group.
  std::string group;  ///< Column whose values must not be on two sides; empty: not known.
};

/// Reads a definition; every unknown key, wrong type, share that does not sum to 1, or missing
/// column is kInvalid and names `origin`.
Result<DatasetDefinition> DefinitionFromJson(const base::Json& json, std::string_view origin);
/// The same from YAML or JSON text that a person gives; a query whose rows change from run to run
/// is kInvalid too. (What is stored stays readable, though an earlier version let more pass.)
Result<DatasetDefinition> ParseDefinition(std::string_view text, std::string_view origin);
/// The full form, defaults spelled out: what the ledger keeps and version hashes cover.
base::Json DefinitionToJson(const DatasetDefinition& definition);

}  // namespace millpond::train
