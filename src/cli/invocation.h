// One run of the CLI: what the global flags said, the terminal, and the context that ctrl-C stops.
// A verb is a CLI11 subcommand plus a function from Invocation to an exit code; each verbs_*.cc
// adds a few to the VerbSet.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/pond.h"
#include "base/context.h"
#include "cli/terminal.h"

namespace millpond::cli {

struct Globals {
  std::string pond;  ///< --pond or MILLPOND_POND; default: the current folder or above.
  bool json = false;
  bool quiet = false;
  std::string color = "auto";
  std::map<std::string, std::string>
      flags;  ///< Setting -> value, from --set name=value and short forms.
};

class Invocation {
 public:
  Invocation(const Globals& globals, Terminal& terminal, base::Context context)
      : globals_(globals), terminal_(terminal), context_(std::move(context)) {}

  Terminal& terminal() { return terminal_; }
  const base::Context& context() const { return context_; }
  const Globals& globals() const { return globals_; }
  api::OpenOptions open_options() const;
  /// Opens the pond once.
  Result<std::shared_ptr<api::Pond>> OpenPond();

 private:
  const Globals& globals_;
  Terminal& terminal_;
  base::Context context_;
  std::shared_ptr<api::Pond> pond_;
};

using VerbFunction = std::function<Result<int>(Invocation&)>;

/// The subcommands and what each runs.
class VerbSet {
 public:
  explicit VerbSet(CLI::App& app) : app_(app) {}

  /// Adds `name` under the app, or under `parent`. `examples` are command lines shown at the end of
  /// its help.
  CLI::App* Add(const std::string& name, const std::string& summary,
                const std::vector<std::string>& examples, VerbFunction run,
                CLI::App* parent = nullptr);
  /// The function of the subcommand that was parsed, or null.
  const VerbFunction* Parsed() const;
  CLI::App& app() { return app_; }

 private:
  CLI::App& app_;
  std::vector<std::pair<CLI::App*, VerbFunction>> verbs_;
};

// One function per verbs_*.cc.
void AddPondVerbs(VerbSet& verbs);     // init, ls, show, config, doctor, status
void AddUpkeepVerbs(VerbSet& verbs);   // upkeep
void AddLedgerVerbs(VerbSet& verbs);   // ledger show, move, backup, restore
void AddSyncVerbs(VerbSet& verbs);     // sync, sources
void AddQueryVerbs(VerbSet& verbs);    // sql
void AddChangeVerbs(VerbSet& verbs);   // delete, update, upsert
void AddAlterVerbs(VerbSet& verbs);    // create, alter
void AddQualityVerbs(VerbSet& verbs);  // profile, check, clean
void AddLabelVerbs(VerbSet& verbs);    // label
void AddHistoryVerbs(VerbSet& verbs);  // commit, diff, tag
void AddLogVerbs(VerbSet& verbs);      // log
void AddBranchVerbs(VerbSet& verbs);   // branch
void AddMergeVerbs(VerbSet& verbs);    // merge, revert, cherry-pick, restore
void AddDatasetVerbs(VerbSet& verbs);  // dataset, freeze, loader
void AddTrackVerbs(VerbSet& verbs);    // run
void AddServerVerbs(VerbSet& verbs);   // serve, token
void AddShellVerbs(VerbSet& verbs);    // completion, demo, errors

}  // namespace millpond::cli
