#pragma once
#include "jobs/options.hpp"
#include "src/methods/method.hpp"
#include "src/model/tuning.hpp"

namespace lift {

/// --method and what it reads. Its steps are 0 where neither steps nor a budget is given: they follow from
/// the corpus then (method_for).
///
/// Test  tests/jobs/test_baseline.cpp
[[nodiscard]] MethodOptions method_options(const Options& options);

/// Throws Error(usage) if what is tuned leaves the method nothing to work on: no block below its lower
/// variable, an exclusion that fits no tensor, no group for lambda.
void check_method(const MethodOptions& method, const TunedLayout& layout);

/// The same with the steps that `warmup_steps` of the warm-up and `epoch` steps of an epoch leave to it.
[[nodiscard]] MethodOptions method_for(MethodOptions method, std::int64_t warmup_steps, std::int64_t epoch);

}  // namespace lift
