#pragma once
#include "jobs/job_context.hpp"

namespace lift {

/// `lift pretrain`: trains a GPT-2 of the given shape from random weights and writes it in the HF layout.
///
/// Every tensor is trained, by Adam with a cosine learning rate, gradient norm clipped at 1; the vocabulary
/// is that of --tokenizer. With --epochs 0 the random model itself is written.
/// Collective  on context.comm.
/// Throws      AgreedError with the exit codes of mpi/error.hpp.
/// Test        tests/jobs/test_run_job.cpp, ./jobs/quickstart.sh
void pretrain_job(JobContext& context);

}  // namespace lift
