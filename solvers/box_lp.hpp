#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "solvers/probe_matrix.hpp"

namespace lift {

/// How a box LP ended. Answered: the certificate meets the tolerances. Stopped: `d` is feasible for the box
/// and usable, the certificate says how good it is. Failed: `d` is not to be used.
enum class LpStatus { optimal, iteration_limit, time_limit, stalled, not_finite };
[[nodiscard]] bool answered(LpStatus status) noexcept;
[[nodiscard]] bool failed(LpStatus status) noexcept;
[[nodiscard]] const char* to_string(LpStatus status) noexcept;

/// min gᵀd  subject to  A d = 0,  |d_k| ≤ u_k.
///
/// Shapes  a: m × (p+n); g, u: this rank's shard of p + n, as a.layout(). u ≥ 0; u_k = 0 fixes d_k = 0.
struct BoxLpProblem {
  const ProbeMatrix& a;
  std::span<const double> g;
  std::span<const double> u;
};

struct BoxLpOptions {
  double gap_tol = 1e-9;       ///< answered needs certificate.gap ≤ gap_tol
  double residual_tol = 1e-9;  ///< and certificate.residual ≤ residual_tol
  int max_iterations = 200;    ///< Mehrotra steps, ≥ 1
  double max_seconds = 600;    ///< wall time [s], the largest over the ranks, > 0
  /// Called on every rank after each step, for a log; may be empty.
  std::function<void(int iteration, double gap, double residual)> on_iteration;
  /// "" when valid, else as "gap_tol = -1 violates gap_tol > 0".
  [[nodiscard]] std::string violation() const;
};

/// What d and y prove, recomputed from A, g, u, d and y alone, with r = g − Aᵀy.
///
/// gap             Σ_k (u_k|r_k| + r_k d_k) / Σ_k |g_k| u_k; every term is ≥ 0; 0 when the numerator is 0
/// residual        max_i |a_i·d| / Σ_k |a_ik| u_k, zero rows skipped
/// bound_violation max_k max(0, |d_k| − u_k) / u_k, with u_k = 0 counting as +∞ unless d_k = 0
struct LpCertificate {
  double objective = 0;       ///< gᵀd
  double dual_objective = 0;  ///< −Σ_k u_k |r_k|
  double gap = 0;
  double residual = 0;
  double bound_violation = 0;
};

struct BoxLpSummary {
  LpStatus status = LpStatus::not_finite;
  LpCertificate certificate;
  int iterations = 0;
  std::int64_t sweeps = 0;  ///< passes over A, those of the certificate included
  double seconds = 0;       ///< wall time [s], largest over the ranks
  std::vector<double> y;    ///< multipliers of A d = 0, [m], the same on every rank
  std::string message;      ///< one sentence for the log: why it ended, with the numbers
};

/// Computes the certificate of any pair (d, y).
///
/// Shapes      d: this rank's shard; y: [m], the same on every rank.
/// Collective  on problem.a.comm(); the result is the same on every rank.
/// Throws      AgreedError(internal) for a wrong shape.
/// Cost        one pass over A.
/// Test        tests/solvers/test_box_lp_certificate.cpp (wrong certificates are caught)
[[nodiscard]] LpCertificate certify(const BoxLpProblem& problem, std::span<const double> d,
                                    std::span<const double> y);

/// Solves the box LP by Mehrotra's predictor–corrector method on its box form (Mehrotra 1992, SIAM J. Optim.
/// 2:575): slacks to both bounds, the m × m normal matrix A D Aᵀ summed over ranks and factored on every one.
///
/// Shapes      d: this rank's shard of p + n, out, whatever the status; |d| ≤ u to the last bit.
/// Types       float64; A is read in place and never copied; beside it four vectors of the shard's length.
/// Collective  on problem.a.comm(); the summary is the same on every rank, y to the last bit.
/// Throws      AgreedError(internal) for invalid options, a wrong shape, u < 0 or entries of A, g or u that
///             are not finite. Not converging is a status, never an exception.
/// Cost        three passes over A a step and five beside; O(m² (p+n)) a step; 5 to 30 steps as a rule.
/// Limits      dependent rows, zero rows, fixed coordinates, g = 0, n < m and badly scaled entries are normal
///             cases. Rows that depend on each other up to single-precision rounding, on few coordinates,
///             need multipliers near 1e8, at which the certificate's own rounding can exceed a gap of 1e-9:
///             `stalled`.
/// Test        tests/solvers/test_box_lp.cpp (closed forms and a catalogue of instances; HiGHS; 1, 2, 4
///             ranks)
BoxLpSummary solve_box_lp(const BoxLpProblem& problem, const BoxLpOptions& options, std::span<double> d);

}  // namespace lift
