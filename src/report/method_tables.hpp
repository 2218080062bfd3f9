#pragma once
#include <vector>

#include "src/report/configurations.hpp"
#include "src/report/table.hpp"

namespace lift {

/// What followed the warm-up in each configuration: perplexities, cost and memory, mean and deviation over
/// its runs; empty where all of them are LiFT's own.
///
/// Test  tests/src/report/test_method_tables.cpp
[[nodiscard]] Table methods_table(const std::vector<Configuration>& configurations);

/// The radius of each tuned tensor of a run with a trained projection; else empty. `of start` divides the way
/// from the pretrained values, and what was left of it, by the same norm of those values.
[[nodiscard]] Table radii_table(const RunResult& result);

/// How far each tuned tensor of a run was led back to its pretrained values; else empty.
[[nodiscard]] Table shares_table(const RunResult& result);

/// How the descent of a penalty method ended, and the partial gradients that it asked for; else empty.
[[nodiscard]] Table penalty_table(const RunResult& result);

}  // namespace lift
