#pragma once
#include <fmt/format.h>

#include <filesystem>

#include "mpi/error.hpp"

namespace lift {

/// Runs a phase that leaves the last good weights behind where a number is not finite; then `save` writes
/// them to `folder`, and the error says so.
///
/// Collective  as `phase` and `save` are. Throws what they throw.
/// Test        tests/jobs/test_run_job.cpp
template <typename Phase, typename Save>
void keeping_last_good(const std::filesystem::path& folder, const Phase& phase, const Save& save) {
  try {
    phase();
  } catch (const AgreedError& error) {
    if (error.code() != ExitCode::numerical) throw;
    save();
    throw AgreedError(error.code(),
                      fmt::format("{}; the last good weights are in {}", error.what(), folder.string()));
  }
}

}  // namespace lift
