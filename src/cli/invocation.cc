// Bookkeeping between CLI11's subcommands and the verbs' functions.
#include "cli/invocation.h"

namespace millpond::cli {

api::OpenOptions Invocation::open_options() const {
  return {.path = globals_.pond.empty() ? "." : globals_.pond, .flags = globals_.flags};
}

Result<std::shared_ptr<api::Pond>> Invocation::OpenPond() {
  if (pond_ == nullptr) {
    ARROW_ASSIGN_OR_RAISE(pond_, api::Pond::Open(open_options()));
    context_.threads = static_cast<int>(pond_->config().GetInteger("threads"));
    context_.memory_limit = pond_->config().GetInteger("memory_limit");
  }
  return pond_;
}

CLI::App* VerbSet::Add(const std::string& name, const std::string& summary,
                       const std::vector<std::string>& examples, VerbFunction run,
                       CLI::App* parent) {
  CLI::App* verb = (parent != nullptr ? parent : &app_)->add_subcommand(name, summary);
  if (!examples.empty()) {
    std::string footer = "\nExamples:";
    for (const auto& example : examples) footer += "\n  " + example;
    verb->footer(footer);
  }
  verb->fallthrough();
  if (run) verbs_.emplace_back(verb, std::move(run));
  return verb;
}

const VerbFunction* VerbSet::Parsed() const {
  for (const auto& [verb, run] : verbs_) {
    if (verb->parsed()) return &run;
  }
  return nullptr;
}

}  // namespace millpond::cli
