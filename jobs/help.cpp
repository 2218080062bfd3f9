#include "jobs/help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cctype>
#include <sstream>
#include <vector>

#include "jobs/option_values.hpp"

namespace lift {
namespace {

namespace po = boost::program_options;

constexpr unsigned kColumns = 110;

/// "Length of a sequence [tokens]. A whole number >= 2."
std::string sentence(const OptionSpec& spec) {
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

void add(po::options_description& group, const OptionSpec& spec) {
  const std::string name(spec.name);
  if (spec.kind == Kind::flag) {
    group.add_options()(name.c_str(), sentence(spec).c_str());
    return;
  }
  auto* value = po::value<std::string>()->value_name(value_name(spec.kind));
  if (!spec.default_text.empty()) value->default_value(std::string(spec.default_text));
  group.add_options()(name.c_str(), value, sentence(spec).c_str());
}

/// Headings of a job's options, in the order of the table.
std::vector<std::string_view> groups_of(Job job) {
  std::vector<std::string_view> groups;
  for (const OptionSpec& spec : option_table()) {
    if (spec.belongs_to(job) && std::ranges::count(groups, spec.group) == 0) groups.push_back(spec.group);
  }
  return groups;
}

}  // namespace

std::string program_help() {
  std::string text =
      "lift: fine-tunes a transformer and tunes its regularisation in the same pass.\n\n"
      "  lift JOB [options]       under mpirun or srun, or alone\n"
      "  lift JOB --help          all options of a job\n"
      "  lift --version           version, and those of the libraries loaded\n\nJobs\n";
  for (const Job job : kJobs) text += fmt::format("  {:<10} {}\n", to_string(job), summary(job));
  return text +
         "\nExit codes\n"
         "  0 done, 1 internal error, 2 what was typed is wrong, 3 a file or folder is missing or invalid,\n"
         "  4 numerical failure, 5 writing failed\n";
}

std::string job_help(Job job) {
  std::ostringstream text;
  text << fmt::format("lift {}: {}\n\n", to_string(job), summary(job));
  if (const StandingWords words = standing_words(job); words.most > 0) {
    text << fmt::format("  lift {} {} [options]\n  {}: {}\n\n", to_string(job), words.form, words.form,
                        words.help);
  }
  text << "Options, each as --NAME VALUE; --config FILE holds them as NAME = VALUE.\n";
  for (const std::string_view heading : groups_of(job)) {
    po::options_description group(std::string(heading), kColumns);
    for (const OptionSpec& spec : option_table()) {
      if (spec.group == heading && spec.belongs_to(job)) add(group, spec);
    }
    text << '\n' << group;
  }
  return text.str();
}

}  // namespace lift
