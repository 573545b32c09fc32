// Parses the command line, turns ctrl-C into a stop request, runs one verb and maps its outcome to
// an exit code.
#include "cli/main.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/invocation.h"
#include "cli/options.h"

namespace millpond::cli {
namespace {

/// Waits for SIGINT or SIGTERM in a thread of its own, because a stop request may not be made in a
/// signal handler. The second one kills.
class SignalWatch {
 public:
  SignalWatch() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::thread([this] { Watch(); });
  }
  ~SignalWatch() {
    pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  void Watch() {
    for (;;) {
      int signal = 0;
      if (sigwait(&signals_, &signal) != 0 || signal == SIGUSR2) return;
      if (source_.stop_requested()) std::_Exit(128 + signal);
      source_.request_stop();
    }
  }

  sigset_t signals_{};
  std::stop_source source_;
  std::thread thread_;
};

Status AddSetting(const std::string& assignment, std::map<std::string, std::string>* flags) {
  const auto pair = SplitPair(assignment);
  if (!pair) {
    return base::Invalid("--set takes name=value, not '{}'; 'millpond config' lists the names",
                         assignment);
  }
  (*flags)[pair->first] = pair->second;
  return Status::OK();
}

Status ConfigureLogging(const Globals& globals) {
  ARROW_ASSIGN_OR_RAISE(auto config,
                        base::Config::Load("", base::MillpondEnvironment(), globals.flags));
  ARROW_ASSIGN_OR_RAISE(auto level, base::ParseLogLevel(config.GetString("log.level")));
  ARROW_ASSIGN_OR_RAISE(auto format, base::ParseLogFormat(config.GetString("log.format")));
  base::ConfigureLog(level, format);
  return Status::OK();
}

struct CommandLine {
  Globals globals;
  std::vector<std::string> settings;
};

void AddGlobalOptions(CLI::App& app, CommandLine& line) {
  app.add_option("--pond", line.globals.pond, "The pond's folder (default: here or above)")
      ->envname("MILLPOND_POND");
  app.add_flag("--json", line.globals.json, "Print results, and errors, as JSON");
  app.add_flag("-q,--quiet", line.globals.quiet, "No progress and no notes");
  app.add_option("--color", line.globals.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_option("--set", line.settings, "A setting for this run, name=value; may be repeated")
      ->take_all();
  app.set_version_flag("--version", std::string("millpond ") + base::kVersion);
}

// `--only a --only b`, never `--only a b`: such an option would swallow the arguments after it.
void TakeOneValueEach(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) option->allow_extra_args(false);
  }
  for (CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; }))
    TakeOneValueEach(*verb);
}

int RunVerb(CommandLine& line, const VerbSet& verbs) {
  Terminal terminal(line.globals.json, line.globals.quiet, line.globals.color);
  const auto outcome = [&]() -> Result<int> {
    for (const auto& setting : line.settings)
      ARROW_RETURN_NOT_OK(AddSetting(setting, &line.globals.flags));
    ARROW_RETURN_NOT_OK(ConfigureLogging(line.globals));
    SignalWatch watch;
    base::Context context;
    context.stop = watch.token();
    context.progress = terminal.ProgressLine();
    Invocation invocation(line.globals, terminal, std::move(context));
    return (*verbs.Parsed())(invocation);
  }();
  terminal.EndProgress();
  if (outcome.ok()) return *outcome;
  terminal.Error(outcome.status());
  return base::InfoOf(base::KindOf(outcome.status())).exit_code;
}

// What CLI11 calls an argument that it did not expect; empty where the first word is a verb.
std::string UnknownVerb(CLI::App& app, const std::vector<std::string>& words) {
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; })) {
    verbs.push_back(verb->get_name());
  }
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i].starts_with("-")) {
      const CLI::Option* option = app.get_option_no_throw(words[i]);
      if (option != nullptr && option->get_expected_max() > 0) ++i;
      continue;
    }
    if (std::find(verbs.begin(), verbs.end(), words[i]) != verbs.end()) return "";
    return fmt::format("there is no verb '{}'.{}", words[i], base::DidYouMean(words[i], verbs));
  }
  return "";
}

// Before the options are known to be right, --json is a word like others.
int RefuseUsage(CLI::App& app, const std::vector<std::string>& words, const std::string& reason) {
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  const std::string unknown = UnknownVerb(app, words);
  Terminal terminal(json, false, "auto");
  terminal.Error(base::Invalid("{}", unknown.empty() ? reason : unknown));
  if (!json) {
    std::fprintf(stderr,
                 "'millpond --help' lists the verbs; 'millpond VERB --help' explains one.\n");
  }
  return base::InfoOf(base::ErrorKind::kInvalid).exit_code;
}

int Run(int argc, char** argv) {
  CLI::App app{"Millpond: the database that models train from.", "millpond"};
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);
  CommandLine line;
  AddGlobalOptions(app, line);
  VerbSet verbs(app);
  AddPondVerbs(verbs);
  AddUpkeepVerbs(verbs);
  AddLedgerVerbs(verbs);
  AddSyncVerbs(verbs);
  AddQueryVerbs(verbs);
  AddChangeVerbs(verbs);
  AddAlterVerbs(verbs);
  AddQualityVerbs(verbs);
  AddLabelVerbs(verbs);
  AddHistoryVerbs(verbs);
  AddLogVerbs(verbs);
  AddBranchVerbs(verbs);
  AddMergeVerbs(verbs);
  AddDatasetVerbs(verbs);
  AddTrackVerbs(verbs);
  AddServerVerbs(verbs);
  AddShellVerbs(verbs);
  TakeOneValueEach(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return RefuseUsage(app, {argv + 1, argv + argc}, error.what());
  }
  return RunVerb(line, verbs);
}

}  // namespace
}  // namespace millpond::cli

extern "C" int millpond_main(int argc, char** argv) {
  try {
    return millpond::cli::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error (internal): %s\n", error.what());
    return millpond::base::InfoOf(millpond::base::ErrorKind::kInternal).exit_code;
  }
}
