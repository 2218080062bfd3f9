#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "solvers/bilevel.hpp"
#include "solvers/exact_stationarity.hpp"
#include "src/search/round.hpp"
#include "src/search/round_operators.hpp"

namespace lift {

/// W*(Δ) = W0 + z(Δ) of the damped quadratic model of F at W0, and V(Δ) = L_v(W*(Δ)), Δ = log λ − log λ0.
///
/// Method      (H22(λ) + μ) z = −2(λ − λ0)(W0 − c), the W that keeps ∇_W F as training left it at (λ0, W0);
///             H22(λ) has the curvature of L_t at W0 and the regulariser's at λ. ∂V/∂Δ_i = −2λ_i q_i·(W* −
///             c)_i with (H22(λ) + μ) q = ∇L_v(W*), two solves by conjugate gradients that begin at the last
///             ones.
/// Shapes      Δ, gradient: [p]; z: this rank's shard over n.
/// In/out      W moves to W* while L_v is evaluated, and is put back to the last bit.
/// Ownership   keeps references to round, operators and observer.
/// Collective  value() on round.state.comm; the same on every rank.
/// Test        tests/src/search/test_bilevel_direction.cpp: dense solves, differences of V (1, 2, 4 ranks)
class ImplicitModel {
 public:
  /// `most`: products with H22 that `operators` may have made in the end.
  ImplicitModel(const Round& round, const RoundOperators& operators, double mu, std::int64_t most);

  /// NaN where H22(λ) + μ shows itself not positive definite, L_v is not finite, or the products are spent.
  double value(std::span<const double> delta, std::span<double> gradient);
  /// Of the least V so far; zero before there was one.
  [[nodiscard]] std::span<const double> best() const noexcept { return best_; }
  [[nodiscard]] bool spent() const { return operators_.products() >= most_; }

 private:
  /// Solves (H22(λ) + μ) x = b from the x there is; false where it could not.
  bool solve(std::span<const double> b, std::vector<double>& x);
  [[nodiscard]] double loss_at(std::vector<double>& slope) const;

  const Round& round_;
  const RoundOperators& operators_;
  double mu_;
  std::int64_t most_;
  std::vector<double> more_;  ///< 2(λ − λ0), [p]
  SymmetricOperator h_;       ///< H22(λ)
  std::vector<double> z_, q_, best_;
  double least_;
};

/// How λ and W move together to the least validation loss in the box of λ.
struct BilevelStep {
  StationaritySummary start;  ///< the adjoint solve at λ0, which chooses μ
  BilevelSummary summary;     ///< nothing where that failed
  at::Tensor w;               ///< z of the λ found, [n]
  std::int64_t products = 0;  ///< with H22, all counted
  bool spent = false;         ///< the products ended it
};

/// Continuous bilevel optimisation of one round: minimises V over |Δ_i| ≤ s_λ, down to a projected gradient
/// of options.solve_tol |V|: at 1e-3 |V| a damped model of a transformer is where it starts [measured].
///
/// Method      minimise_bilevel() of an ImplicitModel; μ by solve_adjoint() at λ0 (options.damping to begin
///             with). At most options.max_products products, and one gradient of the round's validation
///             sequences an evaluation.
/// Collective  on round.state.comm.
/// Throws      AgreedError(numerical) if a product is not finite.
/// Test        tests/src/search/test_bilevel_direction.cpp (1, 2, 4 ranks)
BilevelStep bilevel_step(const Round& round, const Slope& slope, const SearchObserver& observer);

}  // namespace lift
