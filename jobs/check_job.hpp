#pragma once
#include "jobs/job_context.hpp"

namespace lift {

/// `lift check PATH…`: whether models, checkpoints and runs are whole.
///
/// Method      a resume point by the digests of its manifest, a model as it would be loaded, values that are
/// not
///             finite included, a run by its result, checkpoints and model, another safetensors file by its
///             header and length.
/// Collective  on context.comm; rank 0 reads.
/// Throws      AgreedError(input), after everything was looked at and said, if something is not whole or is
///             none of these.
/// Test        tests/jobs/test_check_job.cpp
void check_job(JobContext& context);

}  // namespace lift
