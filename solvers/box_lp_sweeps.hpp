#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace lift::box_lp {

/// One rank's shard of the LP in scaled variables:  min cᵀx  s.t.  B x = 0,  |x_k| ≤ 1,  with d = u ∘ x,
///   c_k = cost_scale · g_k u_k,   b_ik = row_scale_i · a_ik u_k,
/// scaled so that the mean of |c_k|, and in every row that of |b_ik|, is 1 over all coordinates. Nothing of
/// c or B is stored: the sweeps make it from A, g and u, which they read in place.
struct ScaledLp {
  std::span<const double> a;  ///< rows × size, one row after the other
  std::span<const double> g;
  std::span<const double> u;
  std::vector<double> row_scale;  ///< [rows], 0 for a zero row
  double cost_scale = 0;
  [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(g.size()); }
  [[nodiscard]] int rows() const noexcept { return static_cast<int>(row_scale.size()); }
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
  explicit NewtonSums(int rows) : m_(rows), sums_(static_cast<std::size_t>(rows) * (rows + 3) + 3, 0.0) {}
  [[nodiscard]] std::span<double> all() noexcept { return sums_; }
  /// B D Bᵀ, m × m, row-major, lower triangle.
  [[nodiscard]] std::span<double> normal() { return all().first(square()); }
  [[nodiscard]] std::span<double> residual() { return all().subspan(square(), m_); }           ///< B D r
  [[nodiscard]] std::span<double> centring() { return all().subspan(square() + m_, m_); }      ///< B D (1/s⁻ − 1/s⁺)
  [[nodiscard]] std::span<double> primal() { return all().subspan(square() + 2 * m_, m_); }    ///< B x
  [[nodiscard]] double& gap() { return all()[square() + 3 * m_]; }                             ///< Σ |r| + r x
  [[nodiscard]] double& complementarity() { return all()[square() + 3 * m_ + 1]; }             ///< Σ z s
  [[nodiscard]] double& dual_norm() { return all()[square() + 3 * m_ + 2]; }                   ///< Σ |r|

 private:
  [[nodiscard]] std::size_t square() const noexcept { return m_ * m_; }
  std::size_t m_;
  std::vector<double> sums_;
};

/// Longest steps as their inverses: 1/α is the largest −ds/s over the primal slacks and −dz/z over the
/// multipliers.
struct InverseSteps {
  double primal = 0;
  double dual = 0;
};

/// What the predictor gives: inverse step lengths, B D p for the second-order term p, and the three sums of
///   Σ (s + α ds)(z + β dz) = Σ s z + β Σ s dz + α Σ z ds + αβ Σ ds dz.
struct PredictorSums {
  InverseSteps inverse;
  std::vector<double> sums;  ///< B D p [m], Σ s dz, Σ z ds, Σ ds dz
};

/// Largest coordinates a sweep keeps in cache at once.
inline constexpr int kTile = 256;

/// Follows the last step, then gathers the next Newton system at the new point: one pass over A.
void advance_and_assemble(const ScaledLp& lp, InteriorPoint& point, const StepLength& step, std::span<const double> y,
                          NewtonSums& sums);

/// dx = D (Bᵀ(y + dy) − c), the step to μ = 0, into point.affine: one pass over A; `y_next` = y + dy.
PredictorSums predict(const ScaledLp& lp, InteriorPoint& point, std::span<const double> y_next);

/// dx = D (Bᵀ(y + dy) − c + σμ (1/s⁻ − 1/s⁺) + p) into point.step: one pass over A; `target` = σμ.
InverseSteps correct(const ScaledLp& lp, InteriorPoint& point, std::span<const double> y_next, double target);

/// r = c − Bᵀy into `r`, and returns Σ |r|: one pass over A.
double dual_residual(const ScaledLp& lp, std::span<const double> y, std::span<double> r);

}  // namespace lift::box_lp
