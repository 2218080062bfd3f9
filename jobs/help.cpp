#include "jobs/help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cctype>
#include <sstream>

#include "jobs/option_values.hpp"

namespace lift {
namespace {

namespace po = boost::program_options;

constexpr unsigned kColumns = 110;

void add(po::options_description& group, const OptionSpec& spec) {
  const std::string name(spec.name);
  if (spec.kind == Kind::flag) {
    group.add_options()(name.c_str(), option_sentence(spec).c_str());
    return;
  }
  auto* value = po::value<std::string>()->value_name(value_name(spec.kind));
  if (!spec.default_text.empty()) value->default_value(std::string(spec.default_text));
  group.add_options()(name.c_str(), value, option_sentence(spec).c_str());
}

/// Lines that fit, each after `indent`.
std::string wrapped(const std::string& text, const std::string& indent) {
  std::string lines, line = indent;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > kColumns) {
      lines += line + "\n";
      line = indent;
    }
    line += (line == indent ? "" : " ") + word;
  }
  return lines + line + "\n";
}

}  // namespace

std::string option_sentence(const OptionSpec& spec) {
  std::string text(spec.help.substr(0, spec.help.size() - 1));
  text += spec.unit.empty() ? "." : fmt::format(" [{}].", spec.unit);
  if (spec.presence == Presence::required) text += " Required.";
  if (spec.kind == Kind::flag || spec.kind == Kind::path || spec.kind == Kind::text) return text;
  std::string value = expected(spec);
  value.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(value.front())));
  return fmt::format("{} {}.", text, value);
}

const char* value_name(Kind kind) {
  switch (kind) {
    case Kind::flag:
      return "";
    case Kind::count:
      return "N";
    case Kind::count_or_word:
      return "N|WORD";
    case Kind::real:
      return "X";
    case Kind::text:
      return "TEXT";
    case Kind::path:
      return "PATH";
    case Kind::choice:
      return "WORD";
    case Kind::integer_list:
      return "N,N";
    case Kind::integer_map:
      return "N:N,N:N";
  }
  return "";
}

std::vector<std::string_view> option_groups(Job job) {
  std::vector<std::string_view> groups;
  for (const OptionSpec& spec : option_table()) {
    if (spec.belongs_to(job) && std::ranges::count(groups, spec.group) == 0) groups.push_back(spec.group);
  }
  return groups;
}

std::vector<std::pair<int, std::string_view>> exit_codes() {
  return {{0, "done"},
          {1, "internal error"},
          {2, "what was typed is wrong"},
          {3, "a file or folder is missing or invalid"},
          {4, "numerical failure"},
          {5, "writing failed"},
          {6, "some points of a sweep are invalid or failed, the rest is done"},
          {75, "stopped on a signal or a time limit, with a checkpoint: --resume goes on"}};
}

std::string program_help() {
  std::string text =
      "lift: fine-tunes a transformer and tunes its regularisation in the same pass.\n\n"
      "  lift JOB [options]       under mpirun or srun, or alone\n"
      "  lift JOB --help          all options of a job\n"
      "  lift --version           version, and those of the libraries loaded\n"
      "  lift --completion SHELL  a script that completes all of this, for bash or zsh\n"
      "  lift --man               the manual page, as troff\n\nJobs\n";
  for (const Job job : kJobs) text += fmt::format("  {:<10} {}\n", to_string(job), summary(job));
  text += "\nExit codes\n";
  for (const auto& [code, meaning] : exit_codes()) text += fmt::format("  {:<4} {}\n", code, meaning);
  return text;
}

std::string job_help(Job job) {
  std::ostringstream text;
  text << fmt::format("lift {}: {}\n\n", to_string(job), summary(job));
  if (const StandingWords words = standing_words(job); words.most > 0) {
    text << fmt::format("  lift {} {} [options]\n{}\n", to_string(job), words.form,
                        wrapped(fmt::format("{}: {}", words.form, words.help), "  "));
  }
  text << "Options, each as --NAME VALUE; --config FILE holds them as NAME = VALUE.\n";
  for (const std::string_view heading : option_groups(job)) {
    po::options_description group(std::string(heading), kColumns);
    for (const OptionSpec& spec : option_table()) {
      if (spec.group == heading && spec.belongs_to(job)) add(group, spec);
    }
    text << '\n' << group;
  }
  return text.str();
}

}  // namespace lift
