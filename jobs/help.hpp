#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/option_table.hpp"

namespace lift {

/// What `lift --help` prints: the jobs, and the exit codes. Test tests/jobs/test_help.cpp
std::string program_help();

/// What `lift JOB --help` prints: every option of the job by group, with kind, range, unit and default.
std::string job_help(Job job);

// What both are made of, for other forms of the same.
/// "Length of a sequence [tokens]. A whole number >= 2."
[[nodiscard]] std::string option_sentence(const OptionSpec& spec);
/// What stands for a value: "PATH"; "" for a flag.
[[nodiscard]] const char* value_name(Kind kind);
/// Headings of a job's options, in the order of the table.
[[nodiscard]] std::vector<std::string_view> option_groups(Job job);
/// Each with a few words.
[[nodiscard]] std::vector<std::pair<int, std::string_view>> exit_codes();

}  // namespace lift
