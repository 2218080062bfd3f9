#include "jobs/completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "jobs/option_table.hpp"
#include "jobs/option_values.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

std::string job_names() {
  std::string names;
  for (const Job job : kJobs) names += fmt::format("{}{}", names.empty() ? "" : " ", to_string(job));
  return names;
}

std::string option_names(Job job) {
  std::string names;
  for (const OptionSpec& spec : option_table()) {
    if (spec.belongs_to(job)) names += fmt::format("{}--{}", names.empty() ? "" : " ", spec.name);
  }
  return names;
}

/// Options whose values are files, by "--NAME", with | between.
std::string path_options() {
  std::string names;
  for (const OptionSpec& spec : option_table()) {
    if (spec.kind == Kind::path) names += fmt::format("{}--{}", names.empty() ? "" : "|", spec.name);
  }
  return names;
}

/// A line of a case statement for each option that takes one of a few words; the same name may have other
/// words in another job.
std::string choice_cases() {
  std::string cases;
  for (const OptionSpec& spec : option_table()) {
    if (spec.choices.empty()) continue;
    std::string words;
    for (const std::string_view word : spec.choices)
      words += fmt::format("{}{}", words.empty() ? "" : " ", word);
    cases += fmt::format("    --{}) words=\"{}\" ;;\n", spec.name, words);
  }
  return cases;
}

std::string job_cases() {
  std::string cases;
  for (const Job job : kJobs)
    cases += fmt::format("    {}) options=\"{}\" ;;\n", to_string(job), option_names(job));
  return cases;
}

/// `lift` may stand behind mpirun or srun and their options: the job is the word after it.
constexpr const char* kBash = R"(# bash completion for lift; made by lift --completion bash
_lift() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} job="" options="" words="" k
  for ((k = 1; k < COMP_CWORD; ++k)); do
    case ${{COMP_WORDS[k]}} in
      -*) ;;
      *) job=${{COMP_WORDS[k]}}; break ;;
    esac
  done
  case $job in
{jobs}    *) COMPREPLY=($(compgen -W "{names} --help --version" -- "$current")); return ;;
  esac
  case $previous in
{choices}    {paths}) compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  if [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  else
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -F _lift lift
)";

}  // namespace

std::string completion_script(std::string_view shell) {
  const std::string bash =
      fmt::format(fmt::runtime(kBash), fmt::arg("jobs", job_cases()), fmt::arg("names", job_names()),
                  fmt::arg("choices", choice_cases()), fmt::arg("paths", path_options()));
  if (shell == "bash") return bash;
  if (shell == "zsh") return "#compdef lift\nautoload -U +X bashcompinit && bashcompinit\n" + bash;
  throw Error(ExitCode::usage, fmt::format("--completion '{}': expected bash or zsh", shown(shell)));
}

}  // namespace lift
