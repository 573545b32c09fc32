// branch: list, make, delete, rename, protect.
#include "api/branches.h"
#include "cli/invocation.h"
#include "cli/json_view.h"

namespace millpond::cli {
namespace {

using base::Json;

struct BranchFlags {
  std::string name, ref, message, rename;
  bool remove = false, force = false, protect = false, unprotect = false;
};

Status CheckFlags(const BranchFlags& flags) {
  const int actions =
      int{flags.remove} + int{!flags.rename.empty()} + int{flags.protect} + int{flags.unprotect};
  if (flags.name.empty() && (actions > 0 || flags.force)) {
    return base::Invalid("name the branch that this is about");
  }
  if (actions > 1) {
    return base::Invalid("give one of --delete, --rename, --protect and --unprotect");
  }
  if (actions > 0 && !flags.ref.empty()) {
    return base::Invalid("a ref says where a new branch begins; leave '{}' out", flags.ref);
  }
  if (flags.force && !flags.remove) return base::Invalid("--force goes with --delete");
  return Status::OK();
}

void PrintBranches(Terminal& terminal, const Json& report) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& branch : report["branches"]) {
    rows.push_back({TextOf(branch["name"]), TextOf(branch["commit"]), CountOf(branch["ahead"]),
                    CountOf(branch["behind"]), branch["protected"].get<bool>() ? "protected" : "",
                    TextOf(branch["at"]), TextOf(branch["head"])});
  }
  terminal.Table({"branch", "head", "ahead", "behind", "", "at", "message"}, rows);
}

Result<Json> Act(api::Pond& pond, const BranchFlags& flags, std::string* said) {
  if (flags.remove) {
    ARROW_ASSIGN_OR_RAISE(Json report, api::DeleteBranch(pond, flags.name, flags.force));
    *said =
        fmt::format("deleted branch {}{}", flags.name,
                    report["commit"].is_null() ? "" : ", it was at " + TextOf(report["commit"]));
    return report;
  }
  if (!flags.rename.empty()) {
    *said = fmt::format("branch {} is now {}", flags.name, flags.rename);
    return api::RenameBranch(pond, flags.name, flags.rename);
  }
  if (flags.protect || flags.unprotect) {
    *said = fmt::format("branch {} is {}protected", flags.name, flags.protect ? "" : "un");
    return api::ProtectBranch(pond, flags.name, flags.protect);
  }
  ARROW_ASSIGN_OR_RAISE(Json report, api::CreateBranch(pond, flags.name, flags.ref, flags.message));
  *said = fmt::format("branch {} begins at {}", flags.name,
                      report["commit"].is_null() ? "nothing yet" : TextOf(report["commit"]));
  return report;
}

Result<int> RunBranch(Invocation& run, const BranchFlags& flags) {
  ARROW_RETURN_NOT_OK(CheckFlags(flags));
  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
  auto& terminal = run.terminal();
  if (flags.name.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto report, api::ListBranches(*pond));
    terminal.Document(report);
    if (!terminal.json()) PrintBranches(terminal, report);
    return 0;
  }
  std::string said;
  ARROW_ASSIGN_OR_RAISE(auto report, Act(*pond, flags, &said));
  terminal.Document(report);
  terminal.Line(said);
  return 0;
}

}  // namespace

void AddBranchVerbs(VerbSet& verbs) {
  auto flags = std::make_shared<BranchFlags>();
  auto* verb = verbs.Add(
      "branch", "List the pond's branches, or make, delete, rename or protect one",
      {"millpond branch", "millpond branch exp", "millpond branch fix v1 -m 'mend the prices'",
       "millpond branch exp --delete", "millpond branch main --protect"},
      [flags](Invocation& run) { return RunBranch(run, *flags); });
  verb->add_option("name", flags->name, "The branch; without it, branches are listed");
  verb->add_option("ref", flags->ref, "Where a new branch begins (default: the head of main)");
  verb->add_option("-m,--message", flags->message, "What the branch is for");
  verb->add_flag("--delete", flags->remove,
                 "Delete the branch; refused where commits would be lost");
  verb->add_flag("--force", flags->force, "Delete it all the same");
  verb->add_option("--rename", flags->rename, "Give the branch this name");
  verb->add_flag("--protect", flags->protect, "Let only merges move the branch");
  verb->add_flag("--unprotect", flags->unprotect, "Let every commit move it again");
}

}  // namespace millpond::cli
