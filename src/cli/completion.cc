// One walk over the verbs, then a script per shell. All three scripts find the verb the same way:
// words that are no option nor an option's value are followed as long as they name a verb.
#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <set>
#include <vector>

#include "base/text.h"

namespace millpond::cli {
namespace {

struct Word {
  std::string name, help;
};
struct Choice {
  std::string option;  ///< "--mode"
  std::vector<std::string> values;
};
/// One verb, or the program itself.
struct Verb {
  std::string path;  ///< " run ls"; empty: the program.
  std::vector<Word> verbs, flags, valued;
  std::vector<Choice> choices;
  std::vector<std::string> positional;  ///< Values that a positional argument may have.
};

/// "TEXT:{bash,zsh,fish}" -> the values in it.
std::vector<std::string> ValuesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{'), end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  return base::Split(type.substr(begin + 1, end - begin - 1), ',');
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

void Collect(const CLI::App& app, const std::string& path, std::vector<Verb>* all) {
  Verb verb;
  verb.path = path;
  for (const auto* option : app.get_options()) {
    const auto values = ValuesOf(*option);
    if (option->get_positional()) verb.positional = values;
    for (const std::string& name : option->get_lnames()) {
      const Word word{"--" + name, FirstLine(option->get_description())};
      (option->get_items_expected_max() > 0 ? verb.valued : verb.flags).push_back(word);
      if (!values.empty()) verb.choices.push_back({word.name, values});
    }
  }
  const auto verbs = app.get_subcommands([](const CLI::App*) { return true; });
  for (const auto* sub : verbs) {
    verb.verbs.push_back({sub->get_name(), FirstLine(sub->get_description())});
  }
  all->push_back(std::move(verb));
  for (const auto* sub : verbs) Collect(*sub, path + " " + sub->get_name(), all);
}

std::string Joined(const std::vector<std::string>& texts, const char* separator) {
  return base::Join(texts, separator);
}

/// In single quotes, as bash and zsh read them.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// In single quotes, as fish reads them.
std::string FishQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::vector<std::string> Names(const std::vector<Word>& words) {
  std::vector<std::string> names;
  for (const Word& word : words) names.push_back(word.name);
  return names;
}

/// Names of all options that take a value, of any verb.
std::vector<std::string> ValuedNames(const std::vector<Verb>& verbs) {
  std::set<std::string> names;
  for (const Verb& verb : verbs) {
    for (const Word& word : verb.valued) names.insert(word.name);
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> QuotedPaths(const std::vector<Verb>& verbs) {
  std::vector<std::string> paths;
  for (const Verb& verb : verbs) {
    if (!verb.path.empty()) paths.push_back(Quoted(verb.path));
  }
  return paths;
}

// In bash and zsh: sets `place` and `option` (whose value is being completed) from the words so
// far.
std::string FindPlace(const std::vector<Verb>& verbs, const char* words) {
  return fmt::format(R"(  for word in {}; do
    if [[ -n "$option" ]]; then option=""; continue; fi
    case "$word" in
      {}) option="$word" ;;
      -*) ;;
      *) case "$place $word" in {}) place="$place $word" ;; esac ;;
    esac
  done
)",
                     words, Joined(ValuedNames(verbs), "|"), Joined(QuotedPaths(verbs), "|"));
}

// In bash and zsh: sets `values` for an option of few values.
std::string ChoiceCases(const std::vector<Verb>& verbs) {
  std::string cases;
  for (const Verb& verb : verbs) {
    for (const Choice& choice : verb.choices) {
      // Options of the program may stand after any verb.
      cases +=
          fmt::format("    {}{}) values=({}) ;;\n", verb.path.empty() ? "*" : Quoted(verb.path),
                      Quoted(":" + choice.option), Joined(choice.values, " "));
    }
  }
  return "  case \"$place:$option\" in\n" + cases + "    *) ;;\n  esac\n";
}

std::string BashScript(const std::vector<Verb>& verbs) {
  std::string cases;
  for (const Verb& verb : verbs) {
    std::vector<std::string> words = Names(verb.verbs), options = Names(verb.flags);
    words.insert(words.end(), verb.positional.begin(), verb.positional.end());
    for (const std::string& name : Names(verb.valued)) options.push_back(name);
    cases += fmt::format("    {}) words=\"{}\"; options=\"$options {}\" ;;\n", Quoted(verb.path),
                         Joined(words, " "), Joined(options, " "));
  }
  std::vector<std::string> global = Names(verbs[0].flags);
  for (const std::string& name : Names(verbs[0].valued)) global.push_back(name);
  return fmt::format(
      R"(# bash completion for millpond; load with: source <(millpond completion bash)
_millpond() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" place="" option="" word words="" options="{}"
  local -a values=()
{}{}  case "$place" in
{}  esac
  if [[ -n "$option" ]]; then
    if [[ ${{#values[@]}} -gt 0 ]]; then
      mapfile -t COMPREPLY < <(compgen -W "${{values[*]}}" -- "$current")
    else
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
  elif [[ "$current" == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current" | sort -u)
  elif [[ -n "$words" ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -o default -F _millpond millpond
)",
      Joined(global, " "), FindPlace(verbs, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\""),
      ChoiceCases(verbs), cases);
}

/// 'name:help' for _describe.
std::string ZshWords(const std::vector<Word>& words) {
  std::vector<std::string> texts;
  for (const Word& word : words) {
    std::string name;
    for (const char c : word.name) name += c == ':' ? std::string("\\:") : std::string(1, c);
    texts.push_back(Quoted(name + ":" + word.help));
  }
  return Joined(texts, " ");
}

std::string ZshScript(const std::vector<Verb>& verbs) {
  std::string cases;
  for (const Verb& verb : verbs) {
    std::vector<Word> words = verb.verbs;
    for (const std::string& value : verb.positional) words.push_back({value, ""});
    const bool own = !verb.path.empty();
    cases +=
        fmt::format("    {}) verbs=({}); options+=({} {}) ;;\n", Quoted(verb.path), ZshWords(words),
                    own ? ZshWords(verb.flags) : "", own ? ZshWords(verb.valued) : "");
  }
  return fmt::format(
      R"(#compdef millpond
# zsh completion for millpond; load with: source <(millpond completion zsh), after compinit
_millpond() {{
  local place="" option="" word
  local -a values verbs options
  options=({} {})
{}{}  case "$place" in
{}  esac
  if [[ -n "$option" ]]; then
    if (( ${{#values}} )); then compadd -a values; else _files; fi
  elif [[ "${{words[CURRENT]}}" == -* ]]; then
    _describe -o option options
  elif (( ${{#verbs}} )); then
    _describe command verbs
  else
    _files
  fi
}}
if [[ "${{funcstack[1]}}" == _millpond ]]; then _millpond "$@"; else compdef _millpond millpond; fi
)",
      ZshWords(verbs[0].flags), ZshWords(verbs[0].valued),
      FindPlace(verbs, "\"${(@)words[2,CURRENT-1]}\""), ChoiceCases(verbs), cases);
}

std::string FishOption(const Verb& verb, const Word& word, bool valued) {
  std::string line = "complete -c millpond";
  if (!verb.path.empty()) line += fmt::format(" -n \"__millpond_at '{}'\"", verb.path);
  line += " -l " + word.name.substr(2);
  for (const Choice& choice : verb.choices) {
    if (choice.option == word.name) {
      line += " -x -a " + FishQuoted(Joined(choice.values, " "));
      valued = false;
    }
  }
  return line + (valued ? " -r" : "") + " -d " + FishQuoted(word.help) + "\n";
}

std::string FishScript(const std::vector<Verb>& verbs) {
  std::string lines;
  for (const Verb& verb : verbs) {
    const std::string here =
        fmt::format("complete -c millpond -n \"__millpond_at '{}'\"", verb.path);
    if (!verb.verbs.empty() || !verb.positional.empty()) lines += here + " -f\n";
    for (const Word& word : verb.verbs) {
      lines += here + " -a " + FishQuoted(word.name) + " -d " + FishQuoted(word.help) + "\n";
    }
    for (const std::string& value : verb.positional)
      lines += here + " -a " + FishQuoted(value) + "\n";
    for (const Word& word : verb.flags) lines += FishOption(verb, word, false);
    for (const Word& word : verb.valued) lines += FishOption(verb, word, true);
  }
  return fmt::format(R"(# fish completion for millpond; load with: millpond completion fish | source
function __millpond_at
  set -l place ''
  set -l skip ''
  set -l before (commandline -opc)
  for word in $before[2..]
    if test -n "$skip"
      set skip ''
      continue
    end
    switch $word
      case {}
        set skip yes
      case '-*'
      case '*'
        if contains -- "$place $word" {}
          set place "$place $word"
        end
    end
  end
  test "$place" = "$argv[1]"
end
{})",
                     Joined(ValuedNames(verbs), " "), Joined(QuotedPaths(verbs), " "), lines);
}

}  // namespace

std::string CompletionScript(const CLI::App& app, std::string_view shell) {
  std::vector<Verb> verbs;
  Collect(app, "", &verbs);
  if (shell == "fish") return FishScript(verbs);
  return shell == "zsh" ? ZshScript(verbs) : BashScript(verbs);
}

}  // namespace millpond::cli
