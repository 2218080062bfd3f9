#include "solvers/split_lp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/free_lp_parts.hpp"
#include "solvers/lp_checks.hpp"
#include "solvers/split_lp_reduction.hpp"

namespace lift {
namespace {

void check(const SplitLpProblem& problem, const SplitLpOptions& options, std::span<const double> d) {
  const auto& a = problem.a;
  agree(a.comm(), [&] {
    if (const auto wrong = options.violation(); !wrong.empty())
      throw Error(ExitCode::internal, "split LP: " + wrong);
  });
  const std::vector<double> no_multipliers(static_cast<std::size_t>(a.rows()), 0.0);
  check_free_shapes("split LP", lambda_view(problem), d, no_multipliers);
  check_lp_entries("split LP", a, problem.g, problem.u);
}

LpStatus status_of(const SplitCertificate& c, const SplitLpOptions& options) {
  const bool proven = c.gap <= options.gap_tol && c.residual <= options.residual_tol &&
                      c.lambda_violation <= options.residual_tol &&
                      c.weight_violation <= options.residual_tol;
  return proven ? LpStatus::optimal : LpStatus::stalled;
}

/// d and y; false with zeros for both where numbers overflow.
bool find_direction(const SplitLpProblem& problem, std::span<double> d, SplitLpSummary& summary) {
  SplitReduction reduction(problem, d);
  summary.weight_rank = reduction.weight_rank();
  summary.y.assign(static_cast<std::size_t>(problem.a.rows()), 0.0);
  if (reduction.finite()) {
    const auto answer = problem.set == LambdaSet::ball ? solve_in_balls(reduction.program())
                                                       : solve_in_box_and_ball(reduction.program());
    summary.iterations = answer.iterations;
    reduction.write_direction(answer);
    summary.y = reduction.multipliers(answer);
  } else {
    std::fill(d.begin(), d.end(), 0.0);
  }
  summary.sweeps = reduction.sweeps() + 2;  // the entries' check and the certificate
  return reduction.finite();
}

std::string message_of(const SplitLpSummary& s, const SplitLpProblem& problem,
                       const SplitLpOptions& options) {
  const auto& c = s.certificate;
  const char* set = problem.set == LambdaSet::ball ? "a ball" : "a box";
  return fmt::format(
             "LP with lambda in {} and the weights in a ball {} in {:.2f} s, rank {} of {} rows on "
             "the weights: objective {:.9g}, ",
             set, to_string(s.status), s.seconds, s.weight_rank, problem.a.rows(), c.objective) +
         fmt::format("gap {:.1e} (tolerance {:g}), residual {:.1e} (tolerance {:g})", c.gap, options.gap_tol,
                     c.residual, options.residual_tol);
}

}  // namespace

std::string SplitLpOptions::violation() const {
  if (!(gap_tol > 0)) return fmt::format("gap_tol = {} violates gap_tol > 0", gap_tol);
  if (!(residual_tol > 0)) return fmt::format("residual_tol = {} violates residual_tol > 0", residual_tol);
  return "";
}

SplitLpSummary solve_split_lp(const SplitLpProblem& problem, const SplitLpOptions& options,
                              std::span<double> d) {
  const auto started = std::chrono::steady_clock::now();
  check(problem, options, d);
  SplitLpSummary summary;
  const bool finite = find_direction(problem, d, summary);
  summary.certificate = certify(problem, d, summary.y);
  summary.status = finite ? status_of(summary.certificate, options) : LpStatus::not_finite;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  summary.seconds = max_over_ranks(elapsed.count(), problem.a.comm());
  summary.message = message_of(summary, problem, options);
  return summary;
}

}  // namespace lift
