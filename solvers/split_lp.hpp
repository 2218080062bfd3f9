#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "solvers/box_lp.hpp"
#include "solvers/exact_stationarity.hpp"

namespace lift {

/// min gᵀd  subject to  A d = 0,  dλ in its set,  ‖D_W⁻¹dW‖₂ ≤ 1, with d = (dλ, dW) and D = diag(u):
/// the weights in a ball of their own, λ in a box |dλ_i| ≤ u_i or in a second ball ‖D_λ⁻¹dλ‖₂ ≤ 1.
///
/// Shapes  a: m × (p+n); g, u: this rank's shard of p + n, as a.layout(). u ≥ 0; u_k = 0 fixes d_k = 0.
struct SplitLpProblem {
  const ProbeMatrix& a;
  std::span<const double> g;
  std::span<const double> u;
  std::int64_t p;  ///< 0 ≤ p ≤ p + n
  LambdaSet set = LambdaSet::box;
};

struct SplitLpOptions {
  double gap_tol = 1e-9;       ///< answered needs certificate.gap ≤ gap_tol
  double residual_tol = 1e-9;  ///< and certificate.residual and both violations ≤ residual_tol
  /// "" when valid, else as "gap_tol = -1 violates gap_tol > 0".
  [[nodiscard]] std::string violation() const;
};

/// What d and y prove, recomputed from A, g, u, d and y alone, with r = g − Aᵀy. ‖·‖_λ is the norm whose
/// dual bounds λ: Σ_λ |·| for the box, ‖·‖₂ for the ball.
///
/// gap               (‖D r‖_λ + r_λᵀdλ + ‖D r_W‖₂ + r_Wᵀd_W) / (‖D g‖_λ + ‖D g_W‖₂), ≥ 0 for d in its
///                   sets; 0 when the numerator is 0
/// residual          max_i |a_i·d| / (‖D a_i‖_λ + ‖D a_iW‖₂), zero rows skipped
/// lambda_violation  box: max over λ of max(0, |d_k| − u_k) / u_k; ball: max(0, ‖D⁻¹dλ‖₂ − 1)
/// weight_violation  max(0, ‖D⁻¹d_W‖₂ − 1); u_k = 0 counts as +∞ in either unless d_k = 0
struct SplitCertificate {
  double objective = 0;       ///< gᵀd
  double dual_objective = 0;  ///< −‖D r‖_λ − ‖D r_W‖₂
  double gap = 0;
  double residual = 0;
  double lambda_violation = 0;
  double weight_violation = 0;
};

struct SplitLpSummary {
  LpStatus status = LpStatus::not_finite;  ///< optimal, stalled or not_finite
  SplitCertificate certificate;
  int weight_rank = 0;      ///< rank of A_W D_W
  int iterations = 0;       ///< of the scalar equation or of the interior-point method
  std::int64_t sweeps = 0;  ///< passes over A, that of the certificate included
  double seconds = 0;       ///< wall time [s], largest over the ranks
  std::vector<double> y;    ///< multipliers of A d = 0, [m], the same on every rank
  std::string message;      ///< one sentence for the log: how it ended, with the numbers
};

/// Computes the certificate of any pair (d, y).
///
/// Shapes      d: this rank's shard; y: [m], the same on every rank.
/// Collective  on problem.a.comm(); the result is the same on every rank.
/// Throws      AgreedError(internal) for a wrong shape or p out of range.
/// Cost        one pass over A.
/// Test        tests/solvers/test_split_lp_certificate.cpp (wrong certificates are caught)
[[nodiscard]] SplitCertificate certify(const SplitLpProblem& problem, std::span<const double> d,
                                       std::span<const double> y);

/// Solves the split LP.
///
/// Method      SplitReduction leaves a program of at most p + 1 unknowns, whatever n, which every rank
///             solves alike: with two balls by a scalar secular equation (solve_in_balls), with a box by a
///             primal–dual interior-point method over one second-order cone (solve_in_box_and_ball).
/// Shapes      d: this rank's shard of p + n, out, whatever the status; zeros where `not_finite`.
/// Types       float64; A is read in place and never copied; beside it one vector of the shard's length.
/// Collective  on problem.a.comm(); the summary is the same on every rank, y to the last bit.
/// Throws      AgreedError(internal) for invalid options, a wrong shape, p out of range, u < 0 or entries
///             of A, g or u that are not finite.
/// Cost        nine passes over A as a rule, O(m² (p+n)), and O((p + m)³) on every rank; A_λ, m × p, and
///             (p + m)² numbers beside it are held by every rank: p is meant to be some hundred at most.
/// Limits      rows of A_W that depend on each other up to 1e-10 of their length count as dependent.
///             Nearly dependent rows can need multipliers so large that the rounding of Aᵀy exceeds the
///             gap: `stalled`, with d feasible. So does a box over 150 λ whose costs and rows span ten orders
///             of magnitude, at a gap of 1.1e-9.
/// Test        tests/solvers/test_split_lp.cpp (closed forms, the ball, the box, a search of the dual;
///             1, 2, 4 ranks)
SplitLpSummary solve_split_lp(const SplitLpProblem& problem, const SplitLpOptions& options,
                              std::span<double> d);

}  // namespace lift
