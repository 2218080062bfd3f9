#pragma once
#include "jobs/job_context.hpp"

namespace lift {

/// `lift evaluate`: mean loss and perplexity of a model on a split.
///
/// JSON        {"loss" [nats/token], "ppl", "sequences", "tokens", "seconds"}: tokens counts targets,
///             seconds the evaluation without reading, the longest of the ranks.
/// Collective  on context.comm.
/// Throws      AgreedError: usage (a length beyond the model's positions), input (model, vocabulary, split),
///             numerical (a loss that is not finite), write.
/// Test        tests/jobs/test_evaluate_job.cpp (1, 2, 3 ranks)
void evaluate_job(JobContext& context);

}  // namespace lift
