#pragma once
#include <ATen/core/Tensor.h>

#include "solvers/exact_stationarity.hpp"
#include "src/search/round.hpp"

namespace lift {

/// What the implicit solves of a round are held to. Test tests/src/search/test_implicit_direction.cpp
[[nodiscard]] StationarityOptions solver_options(const SearchOptions& options);

/// dλ, dW and hypergradient of one round from two implicit solves.
struct ImplicitStep {
  StationaritySummary summary;
  at::Tensor w;  ///< dW [n]
};

/// Solves (6) at (λ, W0) with the curvature that options.products names (solve_stationarity).
///
/// Method      |dλ_i| ≤ s_λ with the box and with no trust region, ‖dλ/s_λ‖₂ ≤ 1 with the ball; dW has no
///             radius.
/// Collective  on round.state.comm; all ranks split the sequences of each product.
/// Throws      AgreedError(numerical) if a product is not finite. Not converging is in the summary.
/// Test        tests/src/search/test_implicit_direction.cpp: a dense solve, the hypergradient
ImplicitStep implicit_step(const Round& round, const Slope& slope, const SearchObserver& observer);

/// q and the hypergradient of one round from one implicit solve.
struct AdjointStep {
  StationaritySummary summary;
  at::Tensor q;  ///< [n], (H22 + μ)q = g
};

/// The first half of implicit_step(), about half its products (solve_adjoint); collective and errors
/// likewise.
///
/// Test  tests/src/search/test_local_model.cpp
AdjointStep adjoint_step(const Round& round, const Slope& slope, const SearchObserver& observer);

}  // namespace lift
