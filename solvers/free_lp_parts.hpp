#pragma once
#include <span>
#include <string>
#include <vector>

#include "solvers/free_lp.hpp"
#include "solvers/row_space.hpp"

namespace lift {

/// How many of this rank's coordinates, its first ones, belong to λ.
std::size_t lambda_count(const FreeLpProblem& problem);

/// Throws AgreedError(internal) on every rank if g, u or d is not this rank's shard of A's coordinates,
/// y not one entry a row, or p not in [0, p + n]; `what` begins the message. Collective on problem.a.comm().
void check_free_shapes(const std::string& what, const FreeLpProblem& problem, std::span<const double> d,
                       std::span<const double> y);

/// The coordinates of λ, the same on every rank.
struct LambdaPart {
  std::vector<double> a;  ///< m × p, row-major
  std::vector<double> g, u;
};

/// Collective on problem.a.comm().
LambdaPart gather_lambda(const FreeLpProblem& problem);

/// N A_λ, m × p, rounding in it set to 0; null: N, m × m. Local.
std::vector<double> restrictions(std::span<const double> null, const LambdaPart& lambda);

/// The best dλ for y with A_Wᵀy = g_W: −u sign(c), c = g_λ − A_λᵀy, or where A_W has dependent rows the
/// end of a box LP over λ with N A_λ dλ = 0, N = weights.left_null(); then y becomes the multipliers of
/// both, with A_Wᵀy still the same. Collective on problem.a.comm(); the same on every rank.
std::vector<double> best_lambda(const FreeLpProblem& problem, const FreeLpOptions& options,
                                const LambdaPart& lambda, RowSpace& weights, std::vector<double>& y);

}  // namespace lift
