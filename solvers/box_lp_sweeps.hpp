#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "solvers/row_basis.hpp"

namespace lift::box_lp {

/// One rank's shard of the LP in scaled variables:  min cᵀx  s.t.  B x = 0,  |x_k| ≤ 1,  with d = u ∘ x,
///   c_k = cost_scale · g_k u_k  (mean of |c_k| over all coordinates: 1),   b_ik = a_ik u_k.
/// Nothing of c or B is stored: the sweeps make them from A, g and u, which they read in place.
struct ScaledLp {
  std::span<const double> a;  ///< rows × size, one row after the other
  std::span<const double> g;
  std::span<const double> u;
  int rows = 0;
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
/// D = (z_upper/s⁺ + z_lower/s⁻)⁻¹, r = c − Bᵀy and T the row basis.
class NewtonSums {
 public:
  NewtonSums(int rows, int rank)
      : m_(rows), square_(static_cast<std::size_t>(rank) * rank), sums_(square_ + 3 * m_ + 2, 0.0) {}
  [[nodiscard]] std::span<double> all() noexcept { return sums_; }
  /// (T B) D (T B)ᵀ, rank × rank, row-major; the lower triangle counts.
  [[nodiscard]] std::span<double> normal() { return all().first(square_); }
  [[nodiscard]] std::span<double> residual() {
    return all().subspan(square_, m_);
  }  ///< B D (z_lower − z_upper)
  [[nodiscard]] std::span<double> centring() {
    return all().subspan(square_ + m_, m_);
  }  ///< B D (1/s⁻ − 1/s⁺)
  [[nodiscard]] std::span<double> primal() { return all().subspan(square_ + 2 * m_, m_); }  ///< B x = A d
  [[nodiscard]] double& gap() { return all()[square_ + 3 * m_]; }                           ///< Σ |r| + r x
  [[nodiscard]] double& complementarity() { return all()[square_ + 3 * m_ + 1]; }           ///< Σ z s

 private:
  std::size_t m_;
  std::size_t square_;
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
  explicit PredictorSums(int rows) : products(static_cast<std::size_t>(rows) + 3, 0.0) {}
  InverseSteps inverse;
  std::vector<double> products;  ///< B D p for the second-order term p, [rows], then the three sums
  [[nodiscard]] double& s_dz() { return products[products.size() - 3]; }
  [[nodiscard]] double& z_ds() { return products[products.size() - 2]; }
  [[nodiscard]] double& ds_dz() { return products[products.size() - 1]; }
};

/// Coordinates that a sweep keeps in cache at once.
inline constexpr int kTile = 256;

// Each of these is one pass over A, local to the rank; y and dy are multipliers of A d = 0, [rows].

/// Follows the last step, then gathers the next Newton system at the new point and y.
void advance_and_assemble(const ScaledLp& lp, const RowBasis& basis, InteriorPoint& point,
                          const StepLength& step, std::span<const double> y, NewtonSums& sums);

/// The step to μ = 0:  dx = D (Bᵀdy + z_upper − z_lower)  into point.affine.
PredictorSums predict(const ScaledLp& lp, InteriorPoint& point, std::span<const double> dy);

/// The step to σμ:  dx = D (Bᵀdy + z_upper − z_lower + σμ (1/s⁻ − 1/s⁺) + p)  into point.step; `target` = σμ.
InverseSteps correct(const ScaledLp& lp, InteriorPoint& point, std::span<const double> dy, double target);

/// A step in x alone:  dx = D Bᵀdy  into point.step; returns the inverse of the longest one.
double project(const ScaledLp& lp, InteriorPoint& point, std::span<const double> dy);

/// r = c − Bᵀy into `r`; returns Σ |r|.
double dual_residual(const ScaledLp& lp, std::span<const double> y, std::span<double> r);

}  // namespace lift::box_lp
