#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/option_sources.hpp"
#include "jobs/option_table.hpp"

namespace lift {

/// Text of a --config file. Throws Error(input) if it cannot be read.
using ConfigReader = std::function<std::string(const std::filesystem::path&)>;
std::string read_config_file(const std::filesystem::path& path);

/// The options of one job as resolved: command line over --config FILE over --preset over
/// the table's defaults.
///
/// Strict: an abbreviation, a stray word, an unknown key, a key given twice in one place, a value of the
/// wrong kind, not finite or out of range, a missing required option and options that contradict each other
/// are refused, so that whatever an accessor returns is valid.
///
/// The accessors take names without dashes, as in the table, and note what was read; a name that the job does
/// not have, or the accessor of another kind, is an Error(internal).
/// Throws  parse: Error(usage) naming key, place, what is wrong and what was expected (exit code 2); the
///         reader's own error where the --config file cannot be read (3).
/// Test    tests/jobs/test_options.cpp
class Options {
 public:
  /// `words`: the command line after `lift JOB`. The same words and file give the same result or error.
  static Options parse(Job job, std::span<const std::string> words,
                       const ConfigReader& read = read_config_file);

  [[nodiscard]] Job job() const noexcept { return job_; }
  /// The words that stood alone, in their order; as many as standing_words(job()) says.
  [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::int64_t count(std::string_view name) const;
  /// Nothing where the word stands in place of a number.
  [[nodiscard]] std::optional<std::int64_t> count_or_word(std::string_view name) const;
  [[nodiscard]] double real(std::string_view name) const;
  [[nodiscard]] std::string text(std::string_view name) const;            ///< text or choice; "" if unset
  [[nodiscard]] std::filesystem::path path(std::string_view name) const;  ///< empty if unset
  [[nodiscard]] std::vector<int> integers(std::string_view name) const;   ///< empty if unset
  [[nodiscard]] std::map<int, int> integer_map(std::string_view name) const;
  /// Of options that have no default.
  [[nodiscard]] std::optional<std::int64_t> optional_count(std::string_view name) const;
  [[nodiscard]] std::optional<double> optional_real(std::string_view name) const;

  /// Whether it stands on the command line or in the file.
  [[nodiscard]] bool given(std::string_view name) const;
  [[nodiscard]] bool typed(std::string_view name) const;  ///< whether it stands on the command line
  /// Whether somebody wants this value: it was typed, or a file has another one than the default and the
  /// preset (config.cfg gives every option that has a value).
  [[nodiscard]] bool chosen(std::string_view name) const;
  /// Where the value comes from: "default", "preset NAME", "command line" or "FILE:LINE".
  [[nodiscard]] std::string origin(std::string_view name) const;
  /// Everything that has a value, in Boost's INI form: --config reads it back to the same values.
  [[nodiscard]] std::string as_config() const;
  /// Everything that as_config() gives, by name.
  [[nodiscard]] std::map<std::string, std::string> values() const;
  /// One line an option for a reader: name, value, origin; what --dry-run prints.
  [[nodiscard]] std::string as_table() const;
  /// A line each: what was given but has no effect, because a whole phase is left out.
  [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }
  /// Options of the job that no accessor has asked for so far, in the order of the table; those of the
  /// command line alone excepted.
  [[nodiscard]] std::vector<std::string> unread() const;

 private:
  struct Value {
    std::string text;
    std::string origin;
  };
  explicit Options(Job job) : job_(job) {}
  bool take_preset();  ///< whether any of its values holds
  /// Puts preset and defaults in the place of what a file gave.
  void drop(const std::vector<std::string>& names);
  void take_defaults();
  void take(const std::vector<Setting>& settings);
  void require_what_is_required() const;
  [[nodiscard]] bool stands_in_config(const OptionSpec& spec) const;
  void require_words() const;
  [[nodiscard]] const Value* find(std::string_view name) const;
  /// Notes the reading; nullptr if unset. Throws Error(internal) on an unknown name or another kind.
  [[nodiscard]] const Value* read(std::string_view name, std::initializer_list<Kind> kinds) const;
  [[nodiscard]] const Value& read_set(std::string_view name, std::initializer_list<Kind> kinds) const;

  Job job_;
  std::map<std::string, Value, std::less<>> values_;
  std::vector<std::string> words_;
  std::vector<std::string> notes_;
  mutable std::set<std::string, std::less<>> read_;
};

}  // namespace lift
