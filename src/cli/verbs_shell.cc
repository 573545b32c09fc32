// completion, errors and demo: verbs about the program itself.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "cli/completion.h"
#include "cli/invocation.h"
#include "cli/json_view.h"

namespace millpond::cli {
namespace {

void AddCompletion(VerbSet& verbs) {
  auto shell = std::make_shared<std::string>();
  auto* verb =
      verbs.Add("completion", "Print a completion script for bash, zsh or fish",
                {"source <(millpond completion bash)", "millpond completion fish | source"},
                [shell, &verbs](Invocation& run) -> Result<int> {
                  std::fputs(CompletionScript(verbs.app(), *shell).c_str(), stdout);
                  run.terminal().EndProgress();
                  return 0;
                });
  verb->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

void AddErrors(VerbSet& verbs) {
  verbs.Add(
      "errors", "List the kinds of errors and their exit codes", {"millpond errors --json"},
      [](Invocation& run) -> Result<int> {
        base::Json kinds = base::Json::array();
        std::vector<std::vector<std::string>> rows;
        rows.push_back({"(answer is no)", std::to_string(kAnswerNo), "", ""});
        for (const auto& info : base::ErrorKinds()) {
          kinds.push_back({{"kind", info.name},
                           {"exit_code", info.exit_code},
                           {"http_status", info.http_status},
                           {"python_exception", info.python_exception}});
          rows.push_back({std::string(info.name), std::to_string(info.exit_code),
                          std::to_string(info.http_status), std::string(info.python_exception)});
        }
        run.terminal().Document({{"kinds", kinds}});
        run.terminal().Table({"kind", "exit code", "HTTP", "Python exception"}, rows);
        return 0;
      });
}

/// The Python of the environment that this program is installed in, else python3 of the PATH.
std::string PythonBeside() {
  std::array<char, 4096> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (length > 0) {
    const std::string program(path.data(), static_cast<size_t>(length));
    const std::string python = program.substr(0, program.rfind('/')) + "/python";
    if (access(python.c_str(), X_OK) == 0) return python;
  }
  return "python3";
}

void AddDemo(VerbSet& verbs) {
  struct Options {
    std::string folder, report;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "demo", "Take real data through the whole of Millpond and prove that training reproduces",
      {"millpond demo", "millpond demo --folder ./demo-pond --report report.html"},
      [options](Invocation& run) -> Result<int> {
        run.terminal().EndProgress();
        const std::string python = PythonBeside();
        std::vector<std::string> words = {python, "-m", "millpond.demo"};
        if (!options->folder.empty()) words.insert(words.end(), {"--folder", options->folder});
        if (!options->report.empty()) words.insert(words.end(), {"--report", options->report});
        if (run.globals().json) words.push_back("--json");
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        // The signals that this process watches for would stay blocked in the next program.
        sigset_t none;
        sigemptyset(&none);
        pthread_sigmask(SIG_SETMASK, &none, nullptr);
        execvp(python.c_str(), arguments.data());
        return base::FromErrno(errno, "start " + python);
      });
  verb->add_option("--folder", options->folder,
                   "Keep the demo's pond here (default: a temporary folder)");
  verb->add_option("--report", options->report,
                   "Where the HTML report goes (default: millpond-demo.html)");
}

}  // namespace

void AddShellVerbs(VerbSet& verbs) {
  AddCompletion(verbs);
  AddErrors(verbs);
  AddDemo(verbs);
}

}  // namespace millpond::cli
