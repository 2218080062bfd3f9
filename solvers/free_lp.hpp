#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "solvers/probe_matrix.hpp"

namespace lift {

/// How a free LP ended. Answered (`optimal`): the certificate meets the tolerances. Stopped (`stalled`):
/// d is the best that was found, the certificate says how good. Failed: d is no step; where it is
/// `unbounded`, d is the ray that proves it.
enum class FreeLpStatus { optimal, unbounded, stalled, not_finite };
[[nodiscard]] bool answered(FreeLpStatus status) noexcept;
[[nodiscard]] bool failed(FreeLpStatus status) noexcept;
[[nodiscard]] const char* to_string(FreeLpStatus status) noexcept;

/// min gᵀd  subject to  A d = 0,  |dλ_i| ≤ u_i,  with d = (dλ, dW) and dW free: the linear program as
/// the paper prints it, equation (7).
///
/// Shapes  a: m × (p+n); g, u: this rank's shard of p + n, as a.layout(). u ≥ 0 on the first p
///         coordinates, and not read on the others.
struct FreeLpProblem {
  const ProbeMatrix& a;
  std::span<const double> g;
  std::span<const double> u;
  std::int64_t p;  ///< 0 ≤ p ≤ p + n
};

struct FreeLpOptions {
  /// ‖r_W‖₂ > row_space_tol · ‖g_W‖₂ counts as unbounded; answered needs certificate.dual_residual ≤ it.
  double row_space_tol = 1e-10;
  double gap_tol = 1e-9;       ///< answered needs certificate.gap ≤ gap_tol
  double residual_tol = 1e-9;  ///< and certificate.residual (unbounded: ray.residual) ≤ residual_tol
  /// "" when valid, else as "gap_tol = -1 violates gap_tol > 0".
  [[nodiscard]] std::string violation() const;
};

/// What d and y prove, recomputed from A, g, u, d and y alone, with r = g − Aᵀy.
///
/// gap             (Σ_λ (u_k|r_k| + r_k d_k) + |r_W·d_W|) / Σ_λ u_k (|g_k| + Σ_i |y_i a_ik|); 0 when the
///                 numerator is 0
/// dual_residual   ‖r_W‖₂ / ‖g_W‖₂, 0 when the numerator is 0; y bounds the LP from below only where
///                 this is 0
/// residual        max_i |a_i·d| / (Σ_λ |a_ik| u_k + ‖a_iW‖₂ ‖d_W‖₂), rows with nothing to move skipped
/// bound_violation max over λ of max(0, |d_k| − u_k) / u_k, with u_k = 0 counting as +∞ unless d_k = 0
struct FreeCertificate {
  double objective = 0;       ///< gᵀd
  double dual_objective = 0;  ///< −Σ_λ u_k |r_k|
  double gap = 0;
  double dual_residual = 0;
  double residual = 0;
  double bound_violation = 0;
};

/// What a ray proves: with d_λ = 0, A d = 0 and gᵀd < 0 the objective falls without end along it.
struct RayCertificate {
  double slope = 0;  ///< gᵀd / (‖g_W‖₂ ‖d_W‖₂), that is −‖r_W‖ / ‖g_W‖ for d = −r
  double residual = 0;     ///< max_i |a_i·d| / (‖a_iW‖₂ ‖d_W‖₂), zero rows skipped
  double lambda_part = 0;  ///< max |d_k| over λ, 0 in a ray
  /// Whether the objective falls without end along it, with `residual_tol` for the rounding of A d = 0.
  [[nodiscard]] bool proves(double residual_tol) const noexcept {
    return slope < 0 && residual <= residual_tol && lambda_part == 0;
  }
};

struct FreeLpSummary {
  FreeLpStatus status = FreeLpStatus::not_finite;
  FreeCertificate certificate;  ///< of (d, y); where unbounded, of d = 0 with y
  RayCertificate ray;           ///< of d where unbounded, else all zeros
  int weight_rank = 0;          ///< rank of A_W
  std::int64_t sweeps = 0;      ///< passes over A, those of the certificates included
  double seconds = 0;           ///< wall time [s], largest over the ranks
  /// Multipliers of A d = 0, [m], the same on every rank; where unbounded, y = argmin ‖g_W − A_Wᵀy‖₂.
  std::vector<double> y;
  std::string message;  ///< one sentence for the log: how it ended, with the numbers
};

/// Computes the certificate of any pair (d, y).
///
/// Shapes      d: this rank's shard; y: [m], the same on every rank.
/// Collective  on problem.a.comm(); the result is the same on every rank.
/// Throws      AgreedError(internal) for a wrong shape.
/// Cost        one pass over A.
/// Test        tests/solvers/test_free_lp.cpp (wrong certificates are caught)
[[nodiscard]] FreeCertificate certify(const FreeLpProblem& problem, std::span<const double> d,
                                      std::span<const double> y);

/// Computes what any direction proves as a ray; otherwise as certify.
[[nodiscard]] RayCertificate certify_ray(const FreeLpProblem& problem, std::span<const double> d);

/// Solves the free LP, or proves that it has no minimum.
///
/// Method      y = argmin ‖g_W − A_Wᵀy‖₂ by RowSpace of A_W. Where a residual r is left, −r is a ray.
///             Else the cost of λ is c = g_λ − A_λᵀy, and dλ_i = −u_i sign(c_i) (0 where c_i = 0), dW
///             the minimum-norm solution of A_W dW = −A_λ dλ. Where A_W has dependent rows, A_λ dλ must
///             lie in its range: N A_λ dλ = 0 with the rows of N spanning the left null space of A_W.
///             That is a box LP over λ alone, with at most m rows and p coordinates, which every rank
///             solves by solve_box_lp.
/// Shapes      d: this rank's shard of p + n, out, whatever the status: the direction, or where
///             `unbounded` the ray −r, not scaled; zeros where `not_finite`, or where the ray does not
///             meet residual_tol (`stalled`).
/// Types       float64; A is read in place and never copied; beside it one vector of the shard's length.
/// Collective  on problem.a.comm(); the summary is the same on every rank, y to the last bit.
/// Throws      AgreedError(internal) for invalid options, a wrong shape, p out of range, u < 0 or
///             entries of A, g or u that are not finite.
/// Cost        ten passes over A as a rule, O(m² (p+n)); A_λ, m × p, is held by every rank.
/// Limits      rows of A_W that depend on each other up to 1e-10 of their length count as dependent.
/// Test        tests/solvers/test_free_lp.cpp (closed forms A1, A2, A3, adjoint row, a dense reference;
///             1, 2, 4 ranks)
FreeLpSummary solve_free_lp(const FreeLpProblem& problem, const FreeLpOptions& options, std::span<double> d);

}  // namespace lift
