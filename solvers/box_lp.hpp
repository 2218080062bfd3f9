#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "solvers/lp_shard.hpp"
#include "solvers/probe_matrix.hpp"

namespace lift {

/// How a box LP ended. Answered: the certificate meets the tolerances. Stopped: `d` is feasible for the box
/// and usable, the certificate says how good it is. Failed: `d` is not to be used.
enum class LpStatus { optimal, iteration_limit, time_limit, stalled, not_finite };
[[nodiscard]] bool answered(LpStatus status) noexcept;
[[nodiscard]] bool failed(LpStatus status) noexcept;
[[nodiscard]] const char* to_string(LpStatus status) noexcept;

/// min gᵀd  subject to  |A d| ≤ τ,  |d_k| ≤ u_k.
///
/// Shapes  a: m × (p+n); g, u: this rank's shard of p + n, as a.layout(). u ≥ 0; u_k = 0 fixes d_k = 0.
///         tau: [m], ≥ 0, the same on every rank; empty: A d = 0.
struct BoxLpProblem {
  const ProbeMatrix& a;
  std::span<const double> g;
  std::span<const double> u;
  std::span<const double> tau = {};
  [[nodiscard]] LpShard shard() const;
};

/// What d and y prove, recomputed from A, g, u, τ, d and y alone, with r = g − Aᵀy.
///
/// gap             Σ_k (u_k|r_k| + r_k d_k) / Σ_k |g_k| u_k; every term is ≥ 0; 0 when the numerator is 0.
///                 Relaxed rows add Σ_i (τ_i|y_i| + y_i s_i) to the numerator, s_i = a_i·d cut to ± τ_i.
/// residual        max_i max(0, |a_i·d| − τ_i) / Σ_k |a_ik| u_k, zero rows skipped
/// bound_violation max_k max(0, |d_k| − u_k) / u_k, with u_k = 0 counting as +∞ unless d_k = 0
struct LpCertificate {
  double objective = 0;       ///< gᵀd
  double dual_objective = 0;  ///< −Σ_k u_k |r_k| − Σ_i τ_i |y_i|
  double gap = 0;
  double residual = 0;
  double bound_violation = 0;
};

/// How a box LP is solved; each is the other's check.
///
/// mehrotra       a predictor–corrector method on all of A (Mehrotra 1992, SIAM J. Optim. 2:575): slacks to
///                both bounds, the m × m normal matrix A D Aᵀ summed over ranks and factored on every one.
/// preprocessing  as Portnoy and Koenker (1997, Statist. Sci. 12:279): the dual is a weighted L1 regression
///                in R^m. A pilot, the same program over a sample of the coordinates, gives multipliers that
///                leave no doubt about the sign of most d_k; these join into one column, the program of it
///                and the few in doubt is solved, and the signs are verified on all of A, again and again
///                until none is wrong. Pilot and reduced program are solved by preprocessing too while they
///                have many coordinates. Where they are few, or too many stay in doubt, it is mehrotra on
///                all of A.
enum class LpMethod { mehrotra, preprocessing };
[[nodiscard]] const char* to_string(LpMethod method) noexcept;

/// One step of a solve, for a log.
struct LpIteration {
  const char* stage;  ///< "pilot", "reduced" or "whole": the program that gap and residual are of
  int iteration;      ///< from 1, within that program or the part of it that mehrotra works on
  double gap, residual;
};

struct BoxLpOptions {
  LpMethod method = LpMethod::preprocessing;
  double gap_tol = 1e-9;       ///< answered needs certificate.gap ≤ gap_tol
  double residual_tol = 1e-9;  ///< and certificate.residual ≤ residual_tol
  int max_iterations = 200;    ///< Mehrotra steps on any one program, ≥ 1
  double max_seconds = 600;    ///< wall time [s], the largest over the ranks, > 0
  /// Multipliers near the answer's, as of a solve with the same A, in place of the pilot's; [m], the same on
  /// every rank, or empty. Preprocessing alone uses them; bad ones cost time, never the answer.
  std::vector<double> start;
  /// Ends at a vertex (box_lp_crossover.hpp): every |d_k| = u_k exactly but for at most m, and but for those
  /// that neither g nor A holds, which stay at 0.
  bool crossover = false;
  /// Coordinates below which preprocessing is not tried; pilots and reduced programs have a bound of their
  /// own.
  std::int64_t least_coordinates = 200'000;
  /// Called on every rank after each step; may be empty.
  std::function<void(const LpIteration&)> on_iteration;
  /// "" when valid, else as "gap_tol = -1 violates gap_tol > 0".
  [[nodiscard]] std::string violation() const;
  /// Whether both tolerances are.
  [[nodiscard]] bool met_by(const LpCertificate& certificate) const noexcept;
};

/// What preprocessing made of a program; all 0 where it was not tried.
struct LpReduction {
  std::int64_t pilot = 0;    ///< coordinates drawn for the pilot
  std::int64_t reduced = 0;  ///< coordinates in doubt, the most of any round
  std::int64_t at_once = 0;  ///< coordinates of the largest program that mehrotra solved
  int rounds = 0;            ///< reduced programs solved
  bool whole = false;        ///< they did not settle it, and mehrotra solved the whole
};

struct BoxLpSummary {
  LpStatus status = LpStatus::not_finite;
  LpCertificate certificate;
  LpReduction reduction;
  std::optional<int> inside;  ///< coordinates inside their bounds, where a crossover came to a vertex
  int iterations = 0;         ///< Mehrotra steps, on whatever program
  std::int64_t sweeps = 0;    ///< passes over the whole of A, those of the certificate included
  double seconds = 0;         ///< wall time [s], largest over the ranks
  std::vector<double> y;      ///< multipliers of A d = 0, [m], the same on every rank
  std::string message;        ///< one sentence for the log: why it ended, with the numbers
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

/// Σ_k |a_ik| u_k of every row, [m]: the most that a row can be away from 0; residuals are relative to it.
///
/// Collective  on problem.a.comm(); the result is the same on every rank.
/// Cost        one pass over A.
/// Test        tests/solvers/test_box_lp_relaxed.cpp
[[nodiscard]] std::vector<double> row_reach(const BoxLpProblem& problem);

/// `part` of row_reach: a τ that relaxes every row alike, whatever its scale; empty, without a pass, for 0.
[[nodiscard]] std::vector<double> relaxation(const BoxLpProblem& problem, double part);

/// Solves the box LP by options.method.
///
/// Shapes      d: this rank's shard of p + n, out, whatever the status; |d| ≤ u to the last bit.
/// Types       float64; A is read in place and never copied. Beside it mehrotra needs four vectors of the
///             shard's length, preprocessing its pilot or the reduced program, and those of its own.
/// Collective  on problem.a.comm(); the summary is the same on every rank, y to the last bit.
/// Throws      AgreedError(internal) for invalid options, a wrong shape, u < 0 or entries of A, g or u that
///             are not finite. Not converging is a status, never an exception.
/// Cost        mehrotra: three passes over A a step and five beside, O(m² (p+n)) a step, 5 to 30 steps as a
///             rule. Preprocessing: one pass (two below 131,072
///             coordinates, and where a row is of few) and two a round, 1 to 3 rounds as a rule, and programs
///             over some (m (p+n))^(2/3) coordinates two times or more.
/// Limits      dependent rows, zero rows, fixed coordinates, g = 0, n < m and badly scaled entries are normal
///             cases. Rows that depend on each other up to single-precision rounding, on few coordinates,
///             need multipliers near 1e8, at which the certificate's own rounding can exceed a gap of 1e-9:
///             `stalled`.
/// Test        tests/solvers/test_box_lp.cpp, test_box_lp_preprocessing.cpp, test_box_lp_nested.cpp,
///             test_box_lp_relaxed.cpp, test_box_lp_limits.cpp (closed forms and a catalogue of instances;
///             HiGHS; each method against the other; 1, 2, 4 ranks)
BoxLpSummary solve_box_lp(const BoxLpProblem& problem, const BoxLpOptions& options, std::span<double> d);

}  // namespace lift
