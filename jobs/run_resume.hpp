#pragma once
#include "jobs/job_context.hpp"
#include "jobs/run_job.hpp"
#include "jobs/run_output.hpp"
#include "jobs/run_plan.hpp"
#include "src/resume/checkpoints.hpp"

namespace lift {

/// How a run may be left, and what must be the same for it to go on: its options, its input files, this
/// version.
///
/// Collective  on `comm`. Throws AgreedError(input) where a file cannot be read. Cost: hashes the inputs.
CheckpointOptions checkpoint_options(const RunPlan& plan, const RunLoan& loan, RunOutput& output,
                                     const Communicator& comm);

/// Takes up what the run left, if it is to go on; says what it found. Collective on context.comm.
/// Test  tests/jobs/test_killed.cpp
void take_up(Checkpoints& checkpoints, const RunPlan& plan, JobContext& context);

/// A run that is to be resumed and has come to its end: it is left as it is, and its answer given once more.
///
/// Collective  on context.comm. Throws AgreedError(numerical) as the run did, if a program was not answered.
/// Test        tests/jobs/test_killed.cpp
void leave_done(const RunPlan& plan, JobContext& context);

}  // namespace lift
