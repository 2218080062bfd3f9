#include "solvers/ball_lp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/lp_checks.hpp"
#include "solvers/row_space.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift {
namespace {

/// Part of ‖Dg‖ below which ‖P(Dg)‖ counts as the rounding of 0.
constexpr double kRounding = 1e-12;

const char* describe(LpStatus status) {
  if (answered(status)) return "solved";
  return failed(status) ? "failed on numbers that are not finite" : "stalled";
}

void check(const BallLpProblem& problem, const BallLpOptions& options, std::span<const double> d) {
  const auto& a = problem.a;
  agree(a.comm(), [&] {
    if (const auto wrong = options.violation(); !wrong.empty())
      throw Error(ExitCode::internal, "ball LP: " + wrong);
  });
  const std::vector<double> no_multipliers(static_cast<std::size_t>(a.rows()), 0.0);
  check_lp_shapes("ball LP", a, {problem.g, problem.u, d, no_multipliers});
  check_lp_entries("ball LP", a, problem.g, problem.u);
}

/// d = −D P(Dg)/‖P(Dg)‖, and the multipliers; false with d = 0 where numbers overflow.
bool find_direction(const BallLpProblem& problem, RowSpace& space, std::span<double> d,
                    std::vector<double>& y) {
  const auto& comm = problem.a.comm();
  for (std::size_t k = 0; k < d.size(); ++k) d[k] = problem.u[k] * problem.g[k];
  const double cost = norm2(d, comm);
  y = space.project_off(d);
  const double left = norm2(d, comm);
  const bool finite = std::isfinite(cost) && std::isfinite(left);
  if (!finite || left <= kRounding * cost) {
    std::fill(d.begin(), d.end(), 0.0);
    return finite;
  }
  for (std::size_t k = 0; k < d.size(); ++k) d[k] *= -problem.u[k] / left;
  return true;
}

LpStatus status_of(const BallCertificate& c, const BallLpOptions& options) {
  const bool proven = c.gap <= options.gap_tol && c.residual <= options.residual_tol &&
                      c.ball_violation <= options.residual_tol;
  return proven ? LpStatus::optimal : LpStatus::stalled;
}

}  // namespace

std::string BallLpOptions::violation() const {
  if (!(gap_tol > 0)) return fmt::format("gap_tol = {} violates gap_tol > 0", gap_tol);
  if (!(residual_tol > 0)) return fmt::format("residual_tol = {} violates residual_tol > 0", residual_tol);
  return "";
}

BallLpSummary solve_ball_lp(const BallLpProblem& problem, const BallLpOptions& options, std::span<double> d) {
  const auto started = std::chrono::steady_clock::now();
  check(problem, options, d);
  BallLpSummary summary;
  RowSpace space(problem.a, problem.u);
  const bool finite = find_direction(problem, space, d, summary.y);
  summary.certificate = certify(problem, d, summary.y);
  const auto& c = summary.certificate;
  summary.status = finite ? status_of(c, options) : LpStatus::not_finite;
  summary.sweeps = space.sweeps() + 2;  // the entries' check and the certificate
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  summary.seconds = max_over_ranks(elapsed.count(), problem.a.comm());
  summary.message =
      fmt::format("ball LP {} in {:.2f} s on {} independent rows of {}: objective {:.9g}, ",
                  describe(summary.status), summary.seconds, space.rank(), problem.a.rows(), c.objective) +
      fmt::format("gap {:.1e} (tolerance {:g}), residual {:.1e} (tolerance {:g})", c.gap, options.gap_tol,
                  c.residual, options.residual_tol);
  return summary;
}

}  // namespace lift
