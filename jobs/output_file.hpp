#pragma once
#include <filesystem>
#include <string_view>

#include "jobs/options.hpp"

namespace lift {

/// Refuses the file of `--option` if it could not be written later, before anything is computed.
///
/// Not collective; call on the rank that will write.
/// Throws  Error(usage) if `file` is a folder, Error(input) if its folder is missing, Error(write) if that
///         cannot be written to.
/// Test    tests/jobs/test_output_file.cpp
void check_output_file(const std::filesystem::path& file, std::string_view option);

/// Refuses the file of `--option` if it is there and is an input of the job, or one read from a folder of
/// inputs.
///
/// Not collective. Throws  Error(usage) naming both options. Test  tests/jobs/test_output_file.cpp
void check_spares_inputs(const std::filesystem::path& file, std::string_view option, const Options& options);

}  // namespace lift
