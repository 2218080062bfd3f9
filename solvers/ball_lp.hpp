#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "solvers/box_lp.hpp"

namespace lift {

/// min gᵀd  subject to  A d = 0,  ‖D⁻¹d‖₂ ≤ 1  with D = diag(u).
///
/// Shapes  a: m × (p+n); g, u: this rank's shard of p + n, as a.layout(). u ≥ 0; u_k = 0 fixes d_k = 0.
struct BallLpProblem {
  const ProbeMatrix& a;
  std::span<const double> g;
  std::span<const double> u;
};

struct BallLpOptions {
  double gap_tol = 1e-9;       ///< answered needs certificate.gap ≤ gap_tol
  double residual_tol = 1e-9;  ///< and certificate.residual and .ball_violation ≤ residual_tol
  /// "" when valid, else as "gap_tol = -1 violates gap_tol > 0".
  [[nodiscard]] std::string violation() const;
};

/// What d and y prove, recomputed from A, g, u, d and y alone, with r = g − Aᵀy.
///
/// gap             (‖D r‖₂ + rᵀd) / ‖D g‖₂, ≥ 0 for d in the ball, where rᵀd = gᵀd if A d = 0; 0 when
///                 the numerator is 0
/// residual        max_i |a_i·d| / ‖D a_i‖₂, zero rows skipped
/// ball_violation  max(0, ‖D⁻¹d‖₂ − 1), with u_k = 0 counting as +∞ unless d_k = 0
struct BallCertificate {
  double objective = 0;       ///< gᵀd
  double dual_objective = 0;  ///< −‖D r‖₂
  double gap = 0;
  double residual = 0;
  double ball_violation = 0;
};

struct BallLpSummary {
  LpStatus status = LpStatus::not_finite;  ///< optimal, stalled or not_finite
  BallCertificate certificate;
  std::int64_t sweeps = 0;  ///< passes over A, that of the certificate included
  double seconds = 0;       ///< wall time [s], largest over the ranks
  std::vector<double> y;    ///< multipliers of A d = 0, [m], the same on every rank
  std::string message;      ///< one sentence for the log: how it ended, with the numbers
};

/// Computes the certificate of any pair (d, y).
///
/// Shapes      d: this rank's shard; y: [m], the same on every rank.
/// Collective  on problem.a.comm(); the result is the same on every rank.
/// Throws      AgreedError(internal) for a wrong shape.
/// Cost        one pass over A.
/// Test        tests/solvers/test_ball_lp.cpp (wrong certificates are caught)
[[nodiscard]] BallCertificate certify(const BallLpProblem& problem, std::span<const double> d,
                                      std::span<const double> y);

/// Solves the ball LP in closed form, d = −D P(Dg) / ‖P(Dg)‖₂ with P the projection on the null space of
/// AD.
///
/// Method      RowSpace of A D: the m × m Gram matrix of well-conditioned combinations of its rows,
///             summed over ranks and factored on every one; the projection is refined once. Where P(Dg)
///             is 0 up to rounding (g = 0, or g in the row space of A) every feasible d has gᵀd = 0, and
///             d = 0 is the answer.
/// Shapes      d: this rank's shard of p + n, out, whatever the status.
/// Types       float64; A is read in place and never copied; beside it one vector of the shard's length.
/// Collective  on problem.a.comm(); the summary is the same on every rank, y to the last bit.
/// Throws      AgreedError(internal) for invalid options, a wrong shape, u < 0 or entries of A, g or u
///             that are not finite.
/// Cost        seven passes over A as a rule, O(m² (p+n)).
/// Limits      numbers whose squares overflow end as `not_finite` with d = 0. Nearly dependent rows can
///             need multipliers so large that the rounding of Aᵀy exceeds the gap: `stalled`, with d
///             feasible.
/// Test        tests/solvers/test_ball_lp.cpp (closed forms, a dense reference; 1, 2, 4 ranks)
BallLpSummary solve_ball_lp(const BallLpProblem& problem, const BallLpOptions& options, std::span<double> d);

}  // namespace lift
