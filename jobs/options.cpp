#include "jobs/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

#include "jobs/option_checks.hpp"
#include "jobs/option_sources.hpp"
#include "jobs/option_values.hpp"
#include "jobs/presets.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

constexpr std::string_view kDefault = "default";

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ExitCode::usage, message);
}

}  // namespace

std::string read_config_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored) || !file || !(content << file.rdbuf())) {
    throw Error(ExitCode::input, fmt::format("{}: cannot be read; expected a file of options (--config)",
                                             shown(path.string())));
  }
  return content.str();
}

Options Options::parse(Job job, std::span<const std::string> words, const ConfigReader& read) {
  Options options(job);
  options.take(command_line_settings(job, words));
  if (const Value* config = options.find("config")) {
    const std::filesystem::path path = config->text;
    options.take(config_settings(path, read(path)));
  }
  if (!options.take_preset() && options.typed("preset"))
    refuse(fmt::format("--preset {}: all of its options are given otherwise", options.find("preset")->text));
  options.take_defaults();
  options.require_words();
  options.require_what_is_required();
  for (auto idle = idle_options(options); !idle.empty(); idle = idle_options(options)) options.drop(idle);
  options.notes_ = check_consistency(options);
  options.read_.clear();
  return options;
}

void Options::take(const std::vector<Setting>& settings) {
  std::map<std::string, std::string> first_place;
  for (const Setting& setting : settings) {
    if (setting.key.empty() && setting.origin == kCommandLine) {
      words_.push_back(setting.value);
      continue;
    }
    const OptionSpec* spec = find_option(job_, setting.key);
    if (spec == nullptr) refuse(fmt::format("{}: {}", setting.place, no_such_option(job_, setting.key)));
    if (spec->place == Place::command_line && setting.origin != kCommandLine) {
      refuse(fmt::format("{}: '{}' belongs on the command line", setting.place, spec->name));
    }
    if (std::string fault = violation(*spec, setting.value); !fault.empty()) {
      refuse(fmt::format("{}: {}", setting.place, fault));
    }
    if (const auto [first, fresh] = first_place.emplace(setting.key, setting.origin); !fresh) {
      refuse(fmt::format("{}: given twice ({} and {})", setting.place, first->second, setting.origin));
    }
    values_.emplace(spec->name, Value{setting.value, setting.origin});
  }
}

bool Options::take_preset() {
  const Value* name = find("preset");
  if (name == nullptr) return false;
  const std::string origin = fmt::format("preset {}", name->text);
  bool any = false;
  for (const PresetValue& value : preset_values(name->text)) {
    if (find_option(job_, value.option) == nullptr) continue;
    any |= values_.emplace(value.option, Value{std::string(value.text), origin}).second;
  }
  return any;
}

void Options::drop(const std::vector<std::string>& names) {
  for (const std::string& name : names) values_.erase(name);
  take_preset();
  take_defaults();
}

void Options::take_defaults() {
  for (const OptionSpec& spec : option_table()) {
    if (!spec.belongs_to(job_)) continue;
    if (spec.kind == Kind::flag) {
      values_.emplace(spec.name, Value{"false", std::string(kDefault)});
    } else if (!spec.default_text.empty()) {
      values_.emplace(spec.name, Value{std::string(spec.default_text), std::string(kDefault)});
    }
  }
}

void Options::require_what_is_required() const {
  for (const OptionSpec& spec : option_table()) {
    if (spec.belongs_to(job_) && spec.presence == Presence::required && find(spec.name) == nullptr) {
      refuse(fmt::format("lift {} needs --{}: {}", to_string(job_), spec.name, spec.help));
    }
  }
}

void Options::require_words() const {
  const StandingWords wanted = standing_words(job_);
  if (words_.size() >= wanted.least && words_.size() <= wanted.most) return;
  refuse(fmt::format("lift {} {}: {} given; {}", to_string(job_), wanted.form,
                     words_.size() == 1 ? "one word is" : fmt::format("{} words are", words_.size()),
                     wanted.help));
}

const Options::Value* Options::find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

const Options::Value* Options::read(std::string_view name, std::initializer_list<Kind> kinds) const {
  const OptionSpec* spec = find_option(job_, name);
  if (spec == nullptr || std::ranges::count(kinds, spec->kind) == 0) {
    throw Error(ExitCode::internal,
                fmt::format("lift {} has no option '{}' of that kind", to_string(job_), name));
  }
  read_.emplace(name);
  return find(name);
}

const Options::Value& Options::read_set(std::string_view name, std::initializer_list<Kind> kinds) const {
  const Value* value = read(name, kinds);
  if (value == nullptr) throw Error(ExitCode::internal, fmt::format("option '{}' has no value", name));
  return *value;
}

bool Options::flag(std::string_view name) const {
  return read_set(name, {Kind::flag}).text == "true";
}

std::int64_t Options::count(std::string_view name) const {
  return count_of(read_set(name, {Kind::count}).text);
}

std::optional<std::int64_t> Options::count_or_word(std::string_view name) const {
  const std::string& text = read_set(name, {Kind::count_or_word}).text;
  return find_option(job_, name)->choices.front() == text ? std::nullopt : std::optional(count_of(text));
}

double Options::real(std::string_view name) const {
  return real_of(read_set(name, {Kind::real}).text);
}

std::string Options::text(std::string_view name) const {
  const Value* value = read(name, {Kind::text, Kind::choice});
  return value == nullptr ? "" : value->text;
}

std::filesystem::path Options::path(std::string_view name) const {
  const Value* value = read(name, {Kind::path});
  return value == nullptr ? "" : value->text;
}

std::vector<int> Options::integers(std::string_view name) const {
  const Value* value = read(name, {Kind::integer_list});
  return value == nullptr ? std::vector<int>{} : integers_of(value->text);
}

std::map<int, int> Options::integer_map(std::string_view name) const {
  const Value* value = read(name, {Kind::integer_map});
  return value == nullptr ? std::map<int, int>{} : integer_map_of(value->text);
}

std::optional<std::int64_t> Options::optional_count(std::string_view name) const {
  const Value* value = read(name, {Kind::count});
  return value == nullptr ? std::nullopt : std::optional(count_of(value->text));
}

std::optional<double> Options::optional_real(std::string_view name) const {
  const Value* value = read(name, {Kind::real});
  return value == nullptr ? std::nullopt : std::optional(real_of(value->text));
}

bool Options::given(std::string_view name) const {
  const Value* value = find(name);
  return value != nullptr && value->origin != kDefault && !value->origin.starts_with("preset ");
}

bool Options::typed(std::string_view name) const {
  const Value* value = find(name);
  return value != nullptr && value->origin == kCommandLine;
}

bool Options::chosen(std::string_view name) const {
  if (typed(name) || !given(name)) return typed(name);
  const std::string& text = find(name)->text;
  if (text == find_option(job_, name)->default_text) return false;
  const Value* preset = find("preset");
  return preset == nullptr ||
         std::ranges::none_of(preset_values(preset->text), [&](const PresetValue& value) {
           return value.option == name && value.text == text;
         });
}

std::string Options::origin(std::string_view name) const {
  const Value* value = find(name);
  return value == nullptr ? "unset" : value->origin;
}

std::string Options::as_config() const {
  std::string config =
      fmt::format("# Options of lift {} as resolved; read back with --config.\n", to_string(job_));
  for (const OptionSpec& spec : option_table()) {
    if (stands_in_config(spec)) config += fmt::format("{} = {}\n", spec.name, find(spec.name)->text);
  }
  return config;
}

std::map<std::string, std::string> Options::values() const {
  std::map<std::string, std::string> values;
  for (const OptionSpec& spec : option_table()) {
    if (stands_in_config(spec)) values.emplace(spec.name, find(spec.name)->text);
  }
  return values;
}

bool Options::stands_in_config(const OptionSpec& spec) const {
  return spec.belongs_to(job_) && spec.place == Place::anywhere && find(spec.name) != nullptr;
}

std::string Options::as_table() const {
  std::string table;
  for (const OptionSpec& spec : option_table()) {
    const Value* value = find(spec.name);
    const bool idle_flag = spec.kind == Kind::flag && !given(spec.name);
    if (!spec.belongs_to(job_) || value == nullptr || idle_flag) continue;
    table += fmt::format("  {:<22} {:<28} {}\n", spec.name, value->text, value->origin);
  }
  return table;
}

std::vector<std::string> Options::unread() const {
  std::vector<std::string> names;
  for (const OptionSpec& spec : option_table()) {
    const bool for_the_job = spec.place == Place::anywhere && spec.belongs_to(job_);
    if (for_the_job && !read_.contains(spec.name)) names.emplace_back(spec.name);
  }
  return names;
}

}  // namespace lift
