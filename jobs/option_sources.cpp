#include "jobs/option_sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <sstream>

#include "jobs/option_values.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

namespace po = boost::program_options;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ExitCode::usage, message);
}

/// What Boost's command-line parser must know of a job's options: their names, and which take no value.
po::options_description description(Job job) {
  po::options_description names;
  for (const OptionSpec& spec : option_table()) {
    if (!spec.belongs_to(job)) continue;
    const std::string name(spec.name);
    if (spec.kind == Kind::flag) {
      names.add_options()(name.c_str(), "");
    } else {
      names.add_options()(name.c_str(), po::value<std::string>());
    }
  }
  return names;
}

std::vector<po::option> split_words(Job job, std::span<const std::string> words) {
  using namespace po::command_line_style;
  const po::options_description known = description(job);
  try {
    return po::command_line_parser(std::vector<std::string>(words.begin(), words.end()))
        .options(known)
        .style(allow_long | long_allow_next | long_allow_adjacent)
        .allow_unregistered()
        .run()
        .options;
  } catch (const po::error& error) {
    refuse(shown(error.what()));
  }
}

Setting setting_of(Job job, const po::option& option) {
  const std::string& word = option.original_tokens.at(0);
  if (!word.starts_with("-")) {
    if (standing_words(job).most > 0 && !word.empty())
      return {"", word, std::string(kCommandLine), shown(word)};
    refuse(fmt::format("stray word '{}'; expected --NAME VALUE", shown(word)));
  }
  if (option.unregistered || option.position_key >= 0) {
    const std::string key = word.substr(0, word.find('='));
    refuse(no_such_option(job, key.substr(std::min(key.find_first_not_of('-'), key.size()))));
  }
  const std::string place = "--" + option.string_key;
  const std::string value = option.value.empty() ? "true" : option.value[0];
  if (value.starts_with("--"))
    refuse(fmt::format("{} has no value; '{}' stands in its place", place, shown(value)));
  return {option.string_key, value, std::string(kCommandLine), place};
}

/// Numbers of the lines that set something: Boost reads them in this order but does not say where they were.
std::vector<int> numbers_of_settings(const std::filesystem::path& path, const std::string& content) {
  constexpr const char* kBlank = " \t\r";
  std::vector<int> numbers;
  std::istringstream lines(content);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    line.erase(std::min(line.find('#'), line.size()));
    const std::size_t first = line.find_first_not_of(kBlank);
    if (first == std::string::npos) continue;
    const std::size_t last = line.find_last_not_of(kBlank);
    if (line[first] == '[' && line[last] == ']') continue;
    if (line.find('=') == std::string::npos) {
      refuse(fmt::format("{}:{}: '{}' is neither [section] nor name = value", shown(path.string()), number,
                         shown(std::string_view(line).substr(first, last - first + 1))));
    }
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

std::vector<Setting> command_line_settings(Job job, std::span<const std::string> words) {
  std::vector<Setting> settings;
  for (const po::option& option : split_words(job, words)) settings.push_back(setting_of(job, option));
  return settings;
}

std::vector<Setting> config_settings(const std::filesystem::path& path, const std::string& content) {
  const std::vector<int> numbers = numbers_of_settings(path, content);
  constexpr bool kAllowUnregistered = true;  // the table, not Boost, says which keys there are
  std::vector<Setting> settings;
  std::istringstream stream(content);
  const po::options_description none;
  for (const po::option& option : po::parse_config_file(stream, none, kAllowUnregistered).options) {
    const std::string origin = fmt::format("{}:{}", shown(path.string()), numbers.at(settings.size()));
    settings.push_back(
        {option.string_key, option.value.at(0), origin, origin + ": " + shown(option.string_key)});
  }
  return settings;
}

}  // namespace lift
