#include "solvers/exact_stationarity_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/collectives.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift::stationarity {
namespace {

constexpr double kDrift = 10;  ///< how far a measured residual may be above the one CG has updated
constexpr double kRaise = 4;   ///< least factor of a raise

bool all_zero(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return value == 0; });
}

const char* describe(StationarityStatus status) {
  switch (status) {
    case StationarityStatus::solved:
      return "solved";
    case StationarityStatus::iteration_limit:
      return "stopped at its iteration limit";
    case StationarityStatus::stalled:
      return "stalled";
    case StationarityStatus::no_descent:
      return "found no descent";
    case StationarityStatus::indefinite:
      return "failed on negative curvature";
    case StationarityStatus::not_finite:
      return "failed on numbers that are not finite";
  }
  return "ended";
}

}  // namespace

Run::Run(const StationarityProblem& problem, const StationarityOptions& options,
         std::optional<std::span<double>> dw)
    : problem_(problem),
      options_(options),
      started_(std::chrono::steady_clock::now()),
      dw_(dw),
      q_(problem.g.size(), 0.0),
      rhs_(problem.g.size(), 0.0) {
  counted_ = [this](std::span<const double> x, std::span<double> y) {
    ++summary_.products;
    problem_.h22(x, y);
  };
  if (dw_) std::ranges::fill(*dw_, 0.0);
  summary_.gamma.assign(problem.s.size(), 0.0);
  summary_.dlambda.assign(problem.s.size(), 0.0);
}

StationaritySummary Run::run() {
  if (const auto reason = nothing_to_move(); !reason.empty())
    return summarise(StationarityStatus::solved, reason);
  if (!choose_damping()) return summarise(StationarityStatus::not_finite);
  CgEnd end = solve_once();
  while (end == CgEnd::indefinite) {
    if (!raise_damping()) return summarise(StationarityStatus::indefinite);
    end = solve_once();
  }
  if (end == CgEnd::not_finite) return summarise(StationarityStatus::not_finite);
  if (summary_.predicted == 0 && end == CgEnd::converged)
    return summarise(StationarityStatus::solved, "nothing to move, the hypergradient is 0");
  measure();
  return summarise(judge(end));
}

/// Why d = 0 without any product, or "".
std::string Run::nothing_to_move() {
  const std::size_t p = problem_.s.size();
  if (p == 0) return "nothing to move, there is no hyperparameter";
  if (max_over_ranks(all_zero(problem_.g) ? 0.0 : 1.0, problem_.comm) == 0)
    return "nothing to move, the gradient is 0";
  std::vector<double> unit(p, 0.0);
  for (std::size_t i = 0; i < p; ++i) {
    unit[i] = problem_.s[i];
    problem_.h21(unit, rhs_);
    if (max_over_ranks(all_zero(rhs_) ? 0.0 : 1.0, problem_.comm) > 0) return "";
    unit[i] = 0;
  }
  return "nothing to move, H21 is 0 wherever s is not";
}

/// μ as given, or from a short Lanczos run started at g; false where its numbers are not finite.
bool Run::choose_damping() {
  if (options_.mu) {
    summary_.mu = *options_.mu;
    return true;
  }
  LanczosOptions options;
  options.steps = static_cast<int>(std::min<std::int64_t>(options_.lanczos_steps, options_.max_products));
  const auto s = lanczos(counted_, problem_.g, problem_.layout, problem_.comm, options);
  if (failed(s.status)) return false;
  note_curvature(s.ritz_values.front(), s.ritz_values.back());
  const double lowest = s.ritz_values.front() - s.bounds.front();
  summary_.mu = std::max(0.0, -lowest) + options_.delta * curvature_scale();
  return true;
}

void Run::note_curvature(double least, double greatest) {
  // fmin and fmax leave a NaN out.
  summary_.theta_min = std::fmin(summary_.theta_min, least);
  summary_.theta_max = std::fmax(summary_.theta_max, greatest);
}

double Run::curvature_scale() const {
  return std::fmax(std::fabs(summary_.theta_min), std::fabs(summary_.theta_max));
}

/// One of the `share` solves that the products still allowed are for.
CgSummary Run::solve(std::span<const double> b, std::span<double> x, int share) {
  const auto left = std::max<std::int64_t>(options_.max_products - summary_.products, 0) / share;
  const int limit = static_cast<int>(std::min<std::int64_t>(options_.max_iterations, left));
  const auto cg =
      solve_shifted(counted_, summary_.mu, b, options_.tol, limit, problem_.layout, problem_.comm, x);
  least_ = cg.least;
  note_curvature(cg.least - summary_.mu, cg.greatest - summary_.mu);
  return cg;
}

/// q, γ, dλ and what dW is asked for at the present μ; the worse end of the solves.
CgEnd Run::solve_once() {
  const auto q = solve(problem_.g, q_, dw_ ? 2 : 1);
  summary_.q_iterations = q.iterations;
  summary_.z_iterations = 0;
  if (q.end == CgEnd::indefinite || q.end == CgEnd::not_finite) return q.end;
  follow_gradient(q_);
  if (!std::isfinite(summary_.predicted)) return CgEnd::not_finite;
  if (!dw_) return q.end;
  const CgEnd direction = solve_direction();
  return direction == CgEnd::converged ? q.end : direction;
}

/// dW along dλ; 0 where that is 0.
CgEnd Run::solve_direction() {
  std::ranges::fill(*dw_, 0.0);
  if (summary_.predicted == 0) return CgEnd::converged;
  problem_.h21(summary_.dlambda, rhs_);
  scale(-1, rhs_);
  const auto z = solve(rhs_, *dw_, 1);
  summary_.z_iterations = z.iterations;
  return z.end;
}

/// γ = −H12 q, and the dλ that goes down it farthest.
void Run::follow_gradient(std::span<const double> q) {
  auto& gamma = summary_.gamma;
  auto& dlambda = summary_.dlambda;
  problem_.h12(q, gamma);
  sum_vector_over_ranks(gamma, problem_.comm);
  scale(-1, gamma);
  double length = 0;
  for (std::size_t i = 0; i < gamma.size(); ++i) length = std::hypot(length, problem_.s[i] * gamma[i]);
  for (std::size_t i = 0; i < gamma.size(); ++i) {
    const double s = problem_.s[i];
    dlambda[i] = gamma[i] == 0 || s == 0 ? 0 : -std::copysign(s, gamma[i]);
    if (options_.set == LambdaSet::ball && length > 0) dlambda[i] = -s * (s * gamma[i] / length);
  }
  summary_.predicted = dot(gamma, dlambda);
}

/// More damping after a direction of curvature ≤ 0; false where that has been done often enough, or no
/// size of it is known.
bool Run::raise_damping() {
  if (summary_.raises >= options_.max_raises) return false;
  const double needed = summary_.mu - least_ + options_.delta * curvature_scale();
  const double raised = std::max(kRaise * summary_.mu, needed);
  if (!(raised > summary_.mu)) return false;
  summary_.mu = raised;
  ++summary_.raises;
  return true;
}

double Run::relative_residual(std::span<const double> b, std::span<const double> x) {
  std::vector<double> rest(b.size());
  counted_(x, rest);
  for (std::size_t k = 0; k < b.size(); ++k) rest[k] = b[k] - (rest[k] + summary_.mu * x[k]);
  const double norm = norm2(b, problem_.comm);
  return norm > 0 ? norm2(rest, problem_.comm) / norm : 0;
}

void Run::measure() {
  summary_.q_residual = relative_residual(problem_.g, q_);
  if (!dw_) {
    summary_.certificate = summary_.q_residual;
    return;
  }
  summary_.z_residual = relative_residual(rhs_, *dw_);
  summary_.g_dw = dot(problem_.g, *dw_, problem_.comm);
  const double difference = std::fabs(summary_.g_dw - summary_.predicted);
  summary_.certificate = difference == 0 ? 0 : difference / std::fabs(summary_.predicted);
}

StationarityStatus Run::judge(CgEnd end) const {
  const auto& s = summary_;
  if (!std::isfinite(s.g_dw) || !std::isfinite(s.q_residual) || !std::isfinite(s.z_residual))
    return StationarityStatus::not_finite;
  if ((dw_ ? s.g_dw : s.predicted) >= 0) return StationarityStatus::no_descent;
  const bool proven = std::max(s.q_residual, s.z_residual) <= kDrift * options_.tol &&
                      (!dw_ || s.certificate <= options_.certificate_tol);
  if (proven) return StationarityStatus::solved;
  return end == CgEnd::iteration_limit ? StationarityStatus::iteration_limit : StationarityStatus::stalled;
}

StationaritySummary Run::summarise(StationarityStatus status, const std::string& note) {
  auto& s = summary_;
  s.status = status;
  s.q = q_;
  if (failed(status)) {
    if (dw_) std::ranges::fill(*dw_, 0.0);
    std::fill(s.dlambda.begin(), s.dlambda.end(), 0.0);
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
  s.seconds = max_over_ranks(elapsed.count(), problem_.comm);
  s.message = fmt::format("{} {} after {} products and {:.2f} s: {}", dw_ ? "exact stationarity" : "adjoint",
                          describe(status), s.products, s.seconds, note.empty() ? numbers() : note);
  return s;
}

std::string Run::numbers() const {
  const auto& s = summary_;
  const auto common = fmt::format("damping {:.3g} ({} raises), curvature {:.3g} to {:.3g}, predicted {:.6g}",
                                  s.mu, s.raises, s.theta_min, s.theta_max, s.predicted);
  if (!dw_)
    return fmt::format("{}, residual {:.1e} after {} iterations", common, s.q_residual, s.q_iterations);
  return fmt::format(
      "{}, g'dW {:.6g}, certificate {:.1e}, residuals {:.1e} and {:.1e} after {} and {} iterations", common,
      s.g_dw, s.certificate, s.q_residual, s.z_residual, s.q_iterations, s.z_iterations);
}

}  // namespace lift::stationarity
