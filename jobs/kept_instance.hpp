#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

#include "src/search/hyperlocal.hpp"

namespace lift {

/// Writes one round's LP as a safetensors file that `lift lp` reads: A [m, p+n], g [p+n], u [p+n], with the
/// probes [m, n] and the answer d [p+n] beside them; all float64 but the probes, which have the model's type.
///
/// Rows are gathered one at a time, so that rank 0 holds a few vectors of length p + n beside its shard.
/// Collective  on `comm`; rank 0 writes.
/// Throws      AgreedError(write).
/// Test        tests/jobs/test_run_job.cpp: `lift lp` on it gives the run's objective
void keep_instance(const std::filesystem::path& path, const LocalModel& model, std::span<const double> d,
                   const TunedParameters& tuned, const Communicator& comm);

/// Writes what proves that a linear program is unbounded: the ray d [p+n] and its multipliers y [m]; float64.
///
/// Collective  on `comm`; rank 0 writes. Throws AgreedError(write).
/// Test        tests/jobs/test_run_options_lp.cpp
void keep_unbounded_program(const std::filesystem::path& path, const ProgramReport& program,
                            std::span<const double> d, const Communicator& comm);

}  // namespace lift
