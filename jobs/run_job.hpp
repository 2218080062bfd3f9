#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "jobs/corpus_inputs.hpp"
#include "jobs/job_context.hpp"
#include "src/resume/checkpoints.hpp"

namespace lift {

/// `lift run`: Algorithm 1 from a pretrained checkpoint to a tuned one, or with --dry-run its plan.
///
/// Collective  on context.comm.
/// Throws      AgreedError with the exit codes of mpi/error.hpp; the run folder then keeps what was done.
/// Test        tests/jobs/test_run_job.cpp (1, 2, 3, 4 ranks), ./jobs/quickstart.sh
void run_job(JobContext& context);

/// What a sweep lends to one of its runs, and what it learns of it.
struct RunLoan {
  std::function<int()>
      signal;  ///< StopperOptions::signal, of the whole sweep, as its clock and its limit are
  std::chrono::steady_clock::time_point began;  ///< of the sweep
  std::optional<double> most_seconds = {};      ///< of the sweep
  Corpora& corpora;                             ///< of these ranks
  std::string go_on = CheckpointOptions().go_on;
  std::filesystem::path shared_memo = {};           ///< CheckpointOptions::shared_memo
  std::function<void(ResumePoint)> on_branch = {};  ///< CheckpointOptions::on_branch
  std::int64_t warmup_steps = 0;                    ///< Adam steps of the warm-up that were taken just now
  std::int64_t taken_over = 0;                      ///< Checkpoints::taken_over(); rank 0's
};

/// The same as one of a sweep. Collective on context.comm, a group of the sweep's ranks.
/// Test  tests/jobs/test_sweep_job.cpp
void run_in_sweep(JobContext& context, RunLoan& loan);

}  // namespace lift
