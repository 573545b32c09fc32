// A cleaning recipe: ordered steps, each compiled to SQL over the caller's session; the outcome
// replaces the table's rows as one pond commit that records the recipe, its hash and what each step
// did. Called by api/ (`millpond clean`). Rows keep their sample_id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/session.h"
#include "table/history.h"

namespace millpond::curate {

struct RecipeStep {
  std::string
      kind;  ///< cast, fill, clip, normalise, drop, rename, text, replace, dedup, filter, derive
  base::Json arguments;  ///< As written.
};

struct Recipe {
  std::string name;
  std::vector<RecipeStep> steps;
  std::string text;  ///< As given.
  std::string hash;  ///< SHA-256 of the canonical JSON: layout and comments do not count.
};

/// YAML or JSON: {"name", "steps": [{"cast": {"column": "age", "to": "int64"}}, …]}. Unknown steps
/// and arguments are kInvalid with the nearest name.
Result<Recipe> ParseRecipe(std::string_view text, std::string_view origin);

struct CleanRequest {
  std::string table;     ///< "shop.orders"; always the head of `branch`.
  bool dry_run = false;  ///< Counts only; nothing is written.
  bool strict = false;  ///< A value that a cast refuses fails the call instead of moving the row to
                        ///< <table>_rejects.
  std::string branch = table::kMainBranch;
  std::string author;
  std::string message;  ///< Empty: "clean <table> with <recipe>".
  std::optional<std::string> idempotency_key;
};

struct StepReport {
  RecipeStep step;
  int64_t rows_in = 0, rows_out = 0;
  int64_t rejected = 0;  ///< Rows moved to the rejects table by this step.
  int64_t cells_changed = 0;
  base::Json values = base::Json::object();  ///< What was fitted: {"age": {"mean": 41.2}}.
};

struct CleanReport {
  table::TableName table;
  std::optional<int64_t> base_snapshot;
  std::vector<StepReport> steps;
  int64_t rows_in = 0, rows_out = 0, rejected = 0;
  std::optional<table::TableName> rejects_table;
  std::optional<table::PondCommit> commit;  ///< None: dry run, or no step changed anything.
  double seconds = 0;
};

/// kDenied where a policy filters or masks the table for this principal (the outcome would store
/// what the policy made of it); kConflict where the table changed meanwhile.
Result<CleanReport> Clean(query::Session& session, const Recipe& recipe,
                          const CleanRequest& request, const base::Context& context);

base::Json ToJson(const CleanReport& report);

}  // namespace millpond::curate
