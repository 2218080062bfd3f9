#pragma once
#include "jobs/job_context.hpp"

namespace lift {

/// `lift sweep FILE --out OUT`: the runs that a file asks for, sharing warm-ups and first results; with
/// --dry-run their plan; `lift sweep status OUT`: how they stand.
///
/// Any number of these programs may work on one OUT at once (tasks of a job array); started again it goes on
/// with what is missing.
///
/// Collective  on context.comm.
/// Throws      AgreedError with the exit codes of mpi/error.hpp: partial where a point is invalid or failed
///             and the rest is done, usage where all are invalid or, in a dry run, any is.
/// Test        tests/jobs/test_sweep_job.cpp (1, 2, 4 ranks), tests/jobs/test_swept.cpp, tests/slurm
void sweep_job(JobContext& context);

}  // namespace lift
