#pragma once
#include "jobs/job_context.hpp"

namespace lift {

/// `lift diff A B`: what differs between two runs. Differences are an answer, not a failure: exit code 0,
/// since the 1 of diff(1) is an internal error here; `--json` tells whether there are any.
///
/// JSON        to_json(RunDifference).
/// Collective  on context.comm; rank 0 reads.
/// Throws      AgreedError: input (a run's folder or file, naming the key), write.
/// Test        tests/jobs/test_report_job.cpp (1, 2, 3 ranks)
void diff_job(JobContext& context);

}  // namespace lift
