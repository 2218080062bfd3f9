#pragma once
#include "jobs/job_context.hpp"

namespace lift {

/// `lift run`: Algorithm 1 from a pretrained checkpoint to a tuned one, or with --dry-run its plan.
///
/// Collective  on context.comm.
/// Throws      AgreedError with the exit codes of mpi/error.hpp; the run folder then keeps what was done.
/// Test        tests/jobs/test_run_job.cpp (1, 2, 3, 4 ranks), ./jobs/quickstart.sh
void run_job(JobContext& context);

}  // namespace lift
