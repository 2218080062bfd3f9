#pragma once
#include <string>

#include "jobs/option_table.hpp"

namespace lift {

/// What `lift --help` prints: the jobs, and the exit codes. Test tests/jobs/test_help.cpp
std::string program_help();

/// What `lift JOB --help` prints: every option of the job by group, with kind, range, unit and default.
std::string job_help(Job job);

}  // namespace lift
