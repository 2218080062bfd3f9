#pragma once
#include <string>

#include "jobs/run_cost.hpp"

namespace lift {

/// The plan for a reader: what is tuned, the LP's size, evaluations counted, memory of a rank, disk space,
/// and the time at the rates of a rank.
///
/// Test  tests/jobs/test_run_description.cpp
std::string describe(const RunPlan& plan, const CorpusSize& size, int ranks, const ComputeRates& rates);

/// The same of a plan that is of a curvature report alone, over `train` training sequences.
std::string describe_curvature(const RunPlan& plan, std::int64_t train, int ranks, const ComputeRates& rates);

}  // namespace lift
