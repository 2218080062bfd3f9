#pragma once
#include "jobs/job_context.hpp"

namespace lift {

/// `lift example`: writes the generated corpus and the vocabulary of the built-in example (design: no fetched
/// data).
///
/// Collective  on context.comm; rank 0 writes.
/// Throws      AgreedError(usage) if --out holds something, AgreedError(write).
/// Test        tests/jobs, ./jobs/quickstart.sh
void example_job(JobContext& context);

}  // namespace lift
