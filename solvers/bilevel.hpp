#pragma once
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"

namespace lift {

/// V(θ) and its gradient [p], out, at θ [p]. Collective on the communicator of the solver that it is handed
/// to, with the same θ on every rank; what it gives or throws is the same on every rank.
using BilevelObjective = std::function<double(std::span<const double> theta, std::span<double> gradient)>;

/// How a minimisation ended. Answered: `converged`. Stopped: the best θ there is, `evaluation_limit` or
/// `stalled` (no step lowered V any more). Failed: `not_finite` at the start; a later trial that is not
/// finite counts as one that did not lower V.
enum class BilevelStatus { converged, evaluation_limit, stalled, not_finite };
[[nodiscard]] bool answered(BilevelStatus status) noexcept;
[[nodiscard]] bool failed(BilevelStatus status) noexcept;
[[nodiscard]] const char* to_string(BilevelStatus status) noexcept;

/// min V(θ) over lower ≤ θ ≤ upper; θ = log λ where λ are regularisation weights.
///
/// Shapes  start, lower, upper: [p], the same on every rank; p may be 0.
struct BilevelProblem {
  const BilevelObjective& objective;
  std::span<const double> start, lower, upper;
};

struct BilevelOptions {
  double tol = 1e-3;         ///< converged: ‖projected ∇V‖_∞ ≤ tol · |V|
  int max_evaluations = 50;  ///< of V with its gradient, ≥ 1
  /// "" when valid, else as "tol = 0 violates tol > 0".
  [[nodiscard]] std::string violation() const;
};

/// One evaluation.
struct BilevelPoint {
  std::vector<double> theta;
  double value = std::numeric_limits<double>::quiet_NaN();
  /// Largest |∂V/∂θ_i| of those that a bound does not hold; NaN where V or a part of its gradient is not
  /// finite.
  double projected_gradient = std::numeric_limits<double>::quiet_NaN();
};

struct BilevelSummary {
  BilevelStatus status = BilevelStatus::not_finite;
  std::vector<double> theta;                                ///< [p], of the least V met
  double value = std::numeric_limits<double>::quiet_NaN();  ///< V there
  std::vector<double> gradient;                             ///< [p], there
  /// BilevelPoint::projected_gradient there: the certificate.
  double projected_gradient = std::numeric_limits<double>::quiet_NaN();
  std::vector<BilevelPoint> path;  ///< all evaluations, in their order
  double seconds = 0;              ///< wall time [s], largest over the ranks
  std::string message;             ///< one sentence for the log
};

/// Minimises V over the regularisation weights by its hypergradient.
///
/// Method      TAO's BLMVM, a limited-memory quasi-Newton method with bounds (Benson and Moré 2001), from the
///             start projected on the bounds; its first step is log 4 long, and it begins again at a lower V
///             that its line search passed by. It runs on rank 0; the others evaluate with it, so that no
///             rounding can part the ranks.
/// Collective  on `comm`; the summary is the same on every rank.
/// Throws      AgreedError(internal) for invalid options, a wrong shape, lower > upper, or where PETSc fails;
///             what the objective throws: catch there what shall only end a trial.
/// Cost        at most max_evaluations evaluations, O(p) beside.
/// Limits      finds a local minimum; a gradient that is not V's ends it anywhere, mostly as `stalled`.
/// Test        tests/solvers/test_bilevel.cpp (ridge and logistic problems against a search of V; 1, 2, 4
/// ranks)
BilevelSummary minimise_bilevel(const BilevelProblem& problem, const Communicator& comm,
                                const BilevelOptions& options = {});

}  // namespace lift
