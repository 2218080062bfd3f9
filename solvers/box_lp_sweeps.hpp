#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "solvers/lp_shard.hpp"
#include "solvers/row_basis.hpp"

namespace lift::box_lp {

/// One rank's shard of the LP in scaled variables:  min cᵀx  s.t.  B x = 0,  |x_k| ≤ 1,  with d = u ∘ x,
///   c_k = cost_scale · g_k u_k  (mean of |c_k| over all coordinates: 1),   b_ik = (T A)_ik u_k,
/// with T the row basis. Where the rows are relaxed to |A d| ≤ τ, one rank has A d itself as unknowns, behind
/// its coordinates: columns of −I, cost 0, bounds τ. Nothing of c or B is stored: the sweeps make them from
/// A, g and u, which they read in place, tile by tile and always in the same way, so that B is one fixed
/// matrix.
struct ScaledLp {
  LpRows a;  ///< rows × size
  std::span<const double> g;
  std::span<const double> u;
  std::span<const double> tau;  ///< [rows] on the rank that has A d, else empty
  int rows = 0;
  RowBasis basis;
  double cost_scale = 0;
  [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(g.size()); }
};

/// A point inside the box, on this rank's shard, with multipliers of both bounds, all > 0:
/// z_upper of s⁺ = 1 − x > 0 and z_lower of s⁻ = 1 + x > 0;  at a solution  c − Bᵀy = z_lower − z_upper.
struct InteriorPoint {
  /// The smaller of both slacks, which keeps its relative accuracy near a bound: s⁺ if positive, −s⁻ if not.
  std::span<double> slack;
  std::vector<double> z_upper;
  std::vector<double> z_lower;
  std::vector<double> affine;  ///< dx of the last predictor
  std::vector<double> step;    ///< dx of the last corrector
};

/// How far to follow the last corrector, and the complementarity σμ that it aimed at.
struct StepLength {
  double primal = 0;
  double dual = 0;
  double target = 0;
};

/// Sums over coordinates that one Newton system needs, as one buffer to be summed over ranks; with
/// D = (z_upper/s⁺ + z_lower/s⁻)⁻¹ and r = c − Bᵀy.
class NewtonSums {
 public:
  explicit NewtonSums(int rank) : m_(rank), sums_(m_ * (m_ + 3) + 2, 0.0) {}
  [[nodiscard]] std::span<double> all() noexcept { return sums_; }
  /// B D Bᵀ, rank × rank, row-major; the lower triangle counts.
  [[nodiscard]] std::span<double> normal() { return all().first(m_ * m_); }
  /// B D (z_lower − z_upper)
  [[nodiscard]] std::span<double> residual() { return all().subspan(m_ * m_, m_); }
  /// B D (1/s⁻ − 1/s⁺)
  [[nodiscard]] std::span<double> centring() { return all().subspan(m_ * (m_ + 1), m_); }
  /// B x
  [[nodiscard]] std::span<double> primal() { return all().subspan(m_ * (m_ + 2), m_); }
  /// Σ |r| + r x
  [[nodiscard]] double& gap() { return sums_[m_ * (m_ + 3)]; }
  /// Σ z s
  [[nodiscard]] double& complementarity() { return sums_[m_ * (m_ + 3) + 1]; }

 private:
  std::size_t m_;
  std::vector<double> sums_;
};

/// Longest steps as their inverses: 1/α is the largest −ds/s over the primal slacks and −dz/z over the
/// multipliers.
struct InverseSteps {
  double primal = 0;
  double dual = 0;
};

/// What the predictor gives: inverse step lengths, and sums over coordinates as one buffer to be summed over
/// ranks, among them the parts of  Σ (s + α ds)(z + β dz) = Σ s z + β Σ s dz + α Σ z ds + αβ Σ ds dz.
struct PredictorSums {
  explicit PredictorSums(int rank) : products(static_cast<std::size_t>(rank) + 3, 0.0) {}
  InverseSteps inverse;
  std::vector<double> products;  ///< B D p for the second-order term p, [rank], then the three sums
  [[nodiscard]] double& s_dz() { return products[products.size() - 3]; }
  [[nodiscard]] double& z_ds() { return products[products.size() - 2]; }
  [[nodiscard]] double& ds_dz() { return products[products.size() - 1]; }
};

// Each of these is one pass over A, local to the rank; y and dy are multipliers of B x = 0, [rank].

/// Follows the last step, then gathers the next Newton system at the new point and y.
void advance_and_assemble(const ScaledLp& lp, InteriorPoint& point, const StepLength& step,
                          std::span<const double> y, NewtonSums& sums);

/// The step to μ = 0:  dx = D (Bᵀdy + z_upper − z_lower)  into point.affine.
PredictorSums predict(const ScaledLp& lp, InteriorPoint& point, std::span<const double> dy);

/// The step to σμ:  dx = D (Bᵀdy + z_upper − z_lower + σμ (1/s⁻ − 1/s⁺) + p)  into point.step; `target` = σμ.
InverseSteps correct(const ScaledLp& lp, InteriorPoint& point, std::span<const double> dy, double target);

/// A step in x alone:  dx = D Bᵀdy  into point.step; returns the inverse of the longest one.
double project(const ScaledLp& lp, InteriorPoint& point, std::span<const double> dy);

/// r = c − Bᵀy into `r`; returns Σ |r|.
double dual_residual(const ScaledLp& lp, std::span<const double> y, std::span<double> r);

/// Σ_k |b_ik| of every row, [rank].
std::vector<double> basis_norms(const ScaledLp& lp);

}  // namespace lift::box_lp
