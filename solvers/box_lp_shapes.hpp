#pragma once
#include <span>

#include "solvers/box_lp.hpp"

namespace lift {

/// Throws AgreedError(internal) on every rank if g, u or d is not this rank's shard of A's coordinates on any
/// rank, or y not one entry a row. Collective on problem.a.comm().
void check_shapes(const BoxLpProblem& problem, std::span<const double> d, std::span<const double> y);

}  // namespace lift
