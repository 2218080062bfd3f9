#include "solvers/exact_stationarity_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "mpi/collectives.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift::stationarity {
namespace {

constexpr double kDrift = 10;  ///< how far a measured residual may be above the one CG has updated
constexpr double kRaise = 4;   ///< least factor of a raise
/// Of the largest curvature: a smaller one counts as none.
constexpr double kRounding = 1e-14;

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

/// ‖y − last‖/‖y‖, `last` with zeros behind.
double change_of(std::span<const double> y, std::span<const double> last) {
  double square = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double change = y[i] - (i < last.size() ? last[i] : 0);
    square += change * change;
  }
  return square == 0 ? 0 : std::sqrt(square / dot(y, y));
}

}  // namespace

Run::Run(const StationarityProblem& problem, const StationarityOptions& options,
         std::optional<std::span<double>> dw)
    : problem_(problem),
      options_(options),
      started_(std::chrono::steady_clock::now()),
      dw_(dw),
      q_(problem.g.size(), 0.0),
      rhs_(problem.g.size(), 0.0),
      products_([this, h22 = problem.block()](std::span<const std::span<const double>> x,
                                              std::span<const std::span<double>> y) {
        summary_.products += std::ssize(x);
        h22(x, y);
      }),
      product_([this](std::span<const double> x, std::span<double> y) {
        products_({&x, 1}, {&y, 1});
      }),
      basis_(products_, problem.layout, problem.comm) {
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

/// μ as given, or from the first vectors of the basis; false where their numbers are not finite.
bool Run::choose_damping() {
  q_chain_ = basis_.start(problem_.g);
  if (options_.mu) {
    summary_.mu = *options_.mu;
    return true;
  }
  const auto steps = std::min<std::int64_t>({options_.lanczos_steps, options_.basis, options_.max_products});
  for (std::int64_t step = 0; step < steps && !basis_.closed(q_chain_); ++step)
    if (!basis_.grow({&q_chain_, 1})) return false;
  const auto& theta = basis_.ritz().values;
  note_curvature(theta.front(), theta.back());
  const double lowest = absolute() ? 0 : theta.front() - basis_.ritz_residual(0);
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

std::vector<double> Run::galerkin(int chain) const {
  const double mu = summary_.mu;
  if (absolute()) return basis_.function([mu](double theta) { return 1 / (std::fabs(theta) + mu); }, chain);
  return basis_.function([mu](double theta) { return 1 / (theta + mu); }, chain);
}

/// Grows the basis by at most `allowed` vectors. iteration_limit: those, or the basis is full.
CgEnd Run::grow_until_solved(int chain, std::int64_t allowed, std::vector<double>& y, double& change) {
  double before = std::numeric_limits<double>::infinity();
  change = before;
  for (std::int64_t grown = 0;; ++grown) {
    const auto& theta = basis_.ritz().values;
    if (!theta.empty()) {
      note_curvature(theta.front(), theta.back());
      least_ = theta.front() + summary_.mu;
      if (!absolute() && least_ <= kRounding * curvature_scale()) return CgEnd::indefinite;
    }
    const std::vector<double> last = std::exchange(y, galerkin(chain));
    before = std::exchange(change, y.empty() ? change : change_of(y, last));
    const int next = basis_.largest_part(y, chain);
    const double error =
        absolute() ? std::max(before, change) : basis_.residual(y, chain) / basis_.length(chain);
    if (next < 0 || error <= options_.tol) return CgEnd::converged;
    if (grown == allowed || basis_.size() >= options_.basis) return CgEnd::iteration_limit;
    if (!basis_.grow({&next, 1})) return CgEnd::not_finite;
  }
}

/// What the full basis left of a solve.
CgEnd Run::finish_by_cg(int chain, std::int64_t allowed, std::span<const double> y, std::span<double> x) {
  const auto cg = solve_rest(product_, summary_.mu, basis_, chain, y, options_.tol, static_cast<int>(allowed),
                             problem_.layout, problem_.comm, x);
  if (cg.iterations > 0) {
    least_ = cg.least;
    note_curvature(cg.least - summary_.mu, cg.greatest - summary_.mu);
  }
  return cg.end;
}

/// x of the chain's vector at the present μ, one of the `share` solves that the products still allowed are
/// for.
CgEnd Run::solve(int chain, int share, std::span<double> x, int& iterations, double& change) {
  const std::int64_t before = summary_.products;
  const auto left = (std::max<std::int64_t>(options_.max_products - before, 0) + share - 1) / share;
  auto allowed = std::min<std::int64_t>(options_.max_iterations, left);
  // What the first solve leaves of the basis is all that the second has.
  if (absolute())
    allowed = std::min<std::int64_t>(allowed, (options_.basis - basis_.size() + share - 1) / share);
  std::vector<double> y;
  CgEnd end = grow_until_solved(chain, allowed, y, change);
  if (end == CgEnd::converged || end == CgEnd::iteration_limit)
    std::ranges::copy(basis_.expand(y), x.begin());
  const auto still = allowed - (summary_.products - before);
  if (end == CgEnd::iteration_limit && still > 0 && !absolute()) end = finish_by_cg(chain, still, y, x);
  iterations = static_cast<int>(summary_.products - before);
  return end;
}

/// q, γ, dλ and what dW is asked for at the present μ; the worse end of the solves.
CgEnd Run::solve_once() {
  summary_.z_iterations = 0;
  const CgEnd end = solve(q_chain_, dw_ ? 2 : 1, q_, summary_.q_iterations, summary_.q_residual);
  if (end == CgEnd::indefinite || end == CgEnd::not_finite) return end;
  follow_gradient(q_);
  go_down();
  if (!std::isfinite(summary_.predicted)) return CgEnd::not_finite;
  if (!dw_) return end;
  const CgEnd direction = solve_direction();
  const CgEnd worse = direction == CgEnd::converged ? end : direction;
  if (summary_.predicted != 0 && (absolute() || worse == CgEnd::iteration_limit)) share_basis();
  return worse;
}

/// The chain that begins at −H21 dλ.
void Run::start_direction() {
  if (z_lambda_ == summary_.dlambda) return;
  z_lambda_ = summary_.dlambda;
  problem_.h21(summary_.dlambda, rhs_);
  scale(-1, rhs_);
  z_chain_ = basis_.start(rhs_);
}

/// dW along dλ; 0 where that is 0.
CgEnd Run::solve_direction() {
  std::ranges::fill(*dw_, 0.0);
  if (summary_.predicted == 0) return CgEnd::converged;
  start_direction();
  if (!std::isfinite(basis_.length(z_chain_))) return CgEnd::not_finite;
  return solve(z_chain_, 1, *dw_, summary_.z_iterations, summary_.z_residual);
}

/// All from one and the same inverse on all of the basis, so that gᵀdW = γᵀdλ < 0: what two solves that were
/// cut short at different places do not give.
void Run::share_basis() {
  q_ = basis_.expand(galerkin(q_chain_));
  follow_gradient(q_);
  go_down();
  start_direction();
  std::ranges::copy(basis_.expand(galerkin(z_chain_)), dw_->begin());
}

/// γ = −H12 q.
void Run::follow_gradient(std::span<const double> q) {
  problem_.h12(q, summary_.gamma);
  sum_vector_over_ranks(summary_.gamma, problem_.comm);
  scale(-1, summary_.gamma);
}

/// The dλ that goes down γ farthest.
void Run::go_down() {
  const auto& gamma = summary_.gamma;
  auto& dlambda = summary_.dlambda;
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

/// What the solves are worth, by products that they did not make.
void Run::measure() {
  const bool shifted = !absolute();
  if (shifted) {
    const std::size_t solves = dw_ ? 2 : 1;
    std::vector<double> products(solves * q_.size());
    std::vector<std::span<const double>> x{q_};
    std::vector<std::span<double>> y{std::span(products).first(q_.size())};
    if (dw_) {
      x.emplace_back(*dw_);
      y.push_back(std::span(products).last(q_.size()));
    }
    products_(x, y);
    const auto left = [&](std::size_t i, std::span<const double> b) {
      axpy(summary_.mu, x[i], y[i]);
      axpy(-1, b, y[i]);
      const double norm = norm2(b, problem_.comm);
      return norm > 0 ? norm2(y[i], problem_.comm) / norm : 0;
    };
    summary_.q_residual = left(0, problem_.g);
    if (dw_) summary_.z_residual = left(1, rhs_);
  }
  if (!dw_) {
    summary_.certificate = summary_.q_residual;
    return;
  }
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
