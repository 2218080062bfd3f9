#include "solvers/free_lp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/free_lp_parts.hpp"
#include "solvers/lp_checks.hpp"
#include "solvers/row_space.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift {
namespace {

void check(const FreeLpProblem& problem, const FreeLpOptions& options, std::span<const double> d) {
  const auto& a = problem.a;
  agree(a.comm(), [&] {
    if (const auto wrong = options.violation(); !wrong.empty())
      throw Error(ExitCode::internal, "free LP: " + wrong);
  });
  const std::vector<double> no_multipliers(static_cast<std::size_t>(a.rows()), 0.0);
  check_free_shapes("free LP", problem, d, no_multipliers);
  check_lp_entries("free LP", a, problem.g, problem.u.first(lambda_count(problem)));
}

/// d = (dλ, dW), dW the minimum-norm solution of A_W dW = −A_λ dλ.
void write_direction(const FreeLpProblem& problem, const LambdaPart& lambda, std::span<const double> dlambda,
                     RowSpace& weights, std::span<double> d) {
  const std::size_t p = dlambda.size();
  std::vector<double> rhs;
  for (int i = 0; i < problem.a.rows(); ++i)
    rhs.push_back(-dot(std::span(lambda.a).subspan(i * p, p), dlambda));
  weights.solve(rhs, d);
  const auto begin = static_cast<std::size_t>(problem.a.layout().begin(problem.a.comm().rank()));
  for (std::size_t k = 0; k < lambda_count(problem); ++k) d[k] = dlambda[begin + k];
}

FreeLpStatus status_of(const FreeLpSummary& s, bool unbounded, const FreeLpOptions& options) {
  if (unbounded) return s.ray.proves(options.residual_tol) ? FreeLpStatus::unbounded : FreeLpStatus::stalled;
  const auto& c = s.certificate;
  const bool proven = c.gap <= options.gap_tol && c.dual_residual <= options.row_space_tol &&
                      c.residual <= options.residual_tol && c.bound_violation <= options.residual_tol;
  return proven ? FreeLpStatus::optimal : FreeLpStatus::stalled;
}

std::string message_of(const FreeLpSummary& s, int rows) {
  const auto& c = s.certificate;
  const std::string head =
      fmt::format("free LP {} in {:.2f} s, rank {} of {} rows on the weights: ", to_string(s.status),
                  s.seconds, s.weight_rank, rows);
  if (s.status == FreeLpStatus::unbounded)
    return head +
           fmt::format("g_W is {:.1e} of its length away from the row space of A_W, ", c.dual_residual) +
           fmt::format("the ray -r has slope {:.9g} and residual {:.1e}", s.ray.slope, s.ray.residual);
  return head + fmt::format(
                    "objective {:.9g}, gap {:.1e}, residual {:.1e}, distance of g_W from the row space "
                    "of A_W {:.1e}",
                    c.objective, c.gap, c.residual, c.dual_residual);
}

/// Fills in d, y and the certificates.
FreeLpStatus solve_parts(const FreeLpProblem& problem, const FreeLpOptions& options, std::span<double> d,
                         FreeLpSummary& summary) {
  const auto& comm = problem.a.comm();
  std::vector<double> mask(d.size(), 1.0);
  std::fill_n(mask.begin(), lambda_count(problem), 0.0);
  RowSpace weights(problem.a, mask);
  for (std::size_t k = 0; k < d.size(); ++k) d[k] = mask[k] * problem.g[k];
  const double cost = norm2(d, comm);
  summary.y = weights.project_off(d);
  const double left = norm2(d, comm);
  const bool finite = std::isfinite(cost) && std::isfinite(left);
  const bool unbounded = finite && left > options.row_space_tol * cost;
  if (unbounded) {
    scale(-1, d);
    summary.ray = certify_ray(problem, d);
    if (!summary.ray.proves(options.residual_tol)) std::fill(d.begin(), d.end(), 0.0);  // no step either
  } else if (finite) {
    const auto lambda = gather_lambda(problem);
    write_direction(problem, lambda, best_lambda(problem, options, lambda, weights, summary.y), weights, d);
  } else {
    std::fill(d.begin(), d.end(), 0.0);
  }
  std::fill(mask.begin(), mask.end(), 0.0);
  summary.certificate = certify(problem, unbounded ? std::span<const double>(mask) : d, summary.y);
  summary.weight_rank = weights.rank();
  summary.sweeps = weights.sweeps() + (unbounded ? 3 : 2);  // the entries' check and the certificates
  return finite ? status_of(summary, unbounded, options) : FreeLpStatus::not_finite;
}

}  // namespace

bool answered(FreeLpStatus status) noexcept {
  return status == FreeLpStatus::optimal;
}
bool failed(FreeLpStatus status) noexcept {
  return status == FreeLpStatus::unbounded || status == FreeLpStatus::not_finite;
}

const char* to_string(FreeLpStatus status) noexcept {
  switch (status) {
    case FreeLpStatus::optimal:
      return "optimal";
    case FreeLpStatus::unbounded:
      return "unbounded";
    case FreeLpStatus::stalled:
      return "stalled";
    case FreeLpStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

std::string FreeLpOptions::violation() const {
  if (!(row_space_tol > 0))
    return fmt::format("row_space_tol = {} violates row_space_tol > 0", row_space_tol);
  if (!(gap_tol > 0)) return fmt::format("gap_tol = {} violates gap_tol > 0", gap_tol);
  if (!(residual_tol > 0)) return fmt::format("residual_tol = {} violates residual_tol > 0", residual_tol);
  return "";
}

FreeLpSummary solve_free_lp(const FreeLpProblem& problem, const FreeLpOptions& options, std::span<double> d) {
  const auto started = std::chrono::steady_clock::now();
  check(problem, options, d);
  FreeLpSummary summary;
  summary.status = solve_parts(problem, options, d, summary);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  summary.seconds = max_over_ranks(elapsed.count(), problem.a.comm());
  summary.message = message_of(summary, problem.a.rows());
  return summary;
}

}  // namespace lift
