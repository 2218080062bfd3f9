#pragma once
#include <string>
#include <vector>

#include "tests/bench/lp_measured.hpp"

namespace lift {

/// Vectors of length n that some memory of all ranks together amounts to.
[[nodiscard]] double in_vectors(std::int64_t bytes, const LpCell& cell);

/// What a reduced program needs: its rows, costs, bounds, places and direction, and mehrotra's four vectors.
[[nodiscard]] std::int64_t reduced_bytes(const LpCell& cell, const LpReduction& reduction);

/// "35.6 s, 2e-12", the difference of the objectives relative to Σ |g_k| u_k, or why there is none.
[[nodiscard]] std::string outcome(const HighsRun& run, const LpCell& cell);

/// Everything as Markdown: LiFT, HiGHS beside it, growth with n, memory.
[[nodiscard]] std::string summary(const std::vector<LpCell>& cells, double highs_seconds);

}  // namespace lift
