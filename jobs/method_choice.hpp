#pragma once
#include <utility>

#include "jobs/options.hpp"
#include "src/methods/method.hpp"
#include "src/model/tuning.hpp"

namespace lift {

/// --method and what it reads. Its steps are 0 where neither steps nor a budget is given: they follow from
/// the corpus then (method_for).
///
/// Test  tests/jobs/test_baseline.cpp
[[nodiscard]] MethodOptions method_options(const Options& options);

/// The least and the largest λ of grid and random.
///
/// Without options, 1e-5 to 1e-2 of l2, and 1e-4 to 0.1 of l2-sp, whose pull balances the training loss at
/// 2e-3 to 1e-2 at W0 (the built-in example and the stand-in) [measured]. Trainings of the example below them
/// are as without a regulariser, to 5e-4 nats; the best of 180 steps are at 1e-2 and 1e-3
/// (results/README.md).
[[nodiscard]] std::pair<double, double> lambda_bounds_of_trials(const Options& options);

/// Throws Error(usage) if what is tuned leaves the method nothing to work on: no block below its lower
/// variable, an exclusion that fits no tensor, no group for lambda.
void check_method(const MethodOptions& method, const TunedLayout& layout);

/// The same with the steps that `warmup_steps` of the warm-up and `epoch` steps of an epoch leave to it.
[[nodiscard]] MethodOptions method_for(MethodOptions method, std::int64_t warmup_steps, std::int64_t epoch);

}  // namespace lift
