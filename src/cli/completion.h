// Completion scripts for shells, made from the verbs and options that the command line has. Called
// by `millpond completion`. Pure.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace millpond::cli {

/// `shell`: bash, zsh or fish. The script completes verbs, nested verbs, options and the values of
/// options that take one of a few, and leaves file names to the shell.
std::string CompletionScript(const CLI::App& app, std::string_view shell);

}  // namespace millpond::cli
