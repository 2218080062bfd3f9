#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/option_table.hpp"

namespace lift {

inline constexpr std::string_view kCommandLine = "command line";  ///< Setting::origin

/// One option as somebody wrote it, not yet checked against the table.
struct Setting {
  std::string key;     ///< "" for a word that stands alone
  std::string value;   ///< "true" for a flag without one
  std::string origin;  ///< "command line" or "FILE:LINE"
  std::string place;   ///< for the head of an error: "--batch" or "FILE:LINE: batch"
};

/// Splits the words after `lift JOB` into settings, in their order.
/// Throws Error(usage): a stray word (of a job without standing_words()), a key that `job` does not have, an
/// option without its value. Test   tests/jobs/test_options.cpp
std::vector<Setting> command_line_settings(Job job, std::span<const std::string> words);

/// Splits `content` of the file at `path`, in Boost's INI form: key = value, or under a [section]; #
/// comments. Throws Error(usage) naming file and line if a line is neither. Test tests/jobs/test_options.cpp
std::vector<Setting> config_settings(const std::filesystem::path& path, const std::string& content);

}  // namespace lift
