#include "solvers/box_lp_mehrotra.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/semidefinite_factor.hpp"

namespace lift::box_lp {
namespace {

void sum_vector(std::span<double> values, const Communicator& comm) { sum_over_ranks(host_buffer(values), comm); }

/// Σ_k |a_ik| u_k of every row on this rank.
std::vector<double> row_norms(const BoxLpProblem& problem) {
  std::vector<double> norms(static_cast<std::size_t>(problem.a.rows()), 0.0);
  const auto size = problem.u.size();
  const double* u = problem.u.data();
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const double* a = problem.a.local().data() + i * size;
    double norm = 0;
#pragma omp simd reduction(+ : norm)
    for (std::size_t k = 0; k < size; ++k) norm += std::fabs(a[k]) * u[k];
    norms[i] = norm;
  }
  return norms;
}

void check_entries(const BoxLpProblem& problem, std::span<const double> norms) {
  for (std::size_t k = 0; k < problem.g.size(); ++k) {
    const std::int64_t at = problem.a.layout().begin(problem.a.comm().rank()) + static_cast<std::int64_t>(k);
    if (!std::isfinite(problem.g[k])) {
      throw Error(ExitCode::internal, fmt::format("box LP: g[{}] = {} is not finite", at, problem.g[k]));
    }
    if (!(problem.u[k] >= 0) || !std::isfinite(problem.u[k])) {
      throw Error(ExitCode::internal, fmt::format("box LP: u[{}] = {}, expected finite and >= 0", at, problem.u[k]));
    }
  }
  for (std::size_t i = 0; i < norms.size(); ++i) {
    if (!std::isfinite(norms[i])) {
      throw Error(ExitCode::internal, fmt::format("box LP: row {} of A holds an entry that is not finite", i));
    }
  }
}

double weighted_cost(const BoxLpProblem& problem) {
  double cost = 0;
  for (std::size_t k = 0; k < problem.g.size(); ++k) cost += std::fabs(problem.g[k]) * problem.u[k];
  return cost;
}

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

}  // namespace

Mehrotra::Mehrotra(const BoxLpProblem& problem, const BoxLpOptions& options, std::span<double> d)
    : problem_(problem),
      options_(options),
      comm_(problem.a.comm()),
      started_(std::chrono::steady_clock::now()),
      d_(d),
      lp_{problem.a.local(), problem.g, problem.u, {}, 0},
      y_(static_cast<std::size_t>(problem.a.rows()), 0.0),
      sums_(problem.a.rows()),
      coordinates_(static_cast<double>(problem.a.coordinates())) {}

BoxLpSummary Mehrotra::run() {
  scale();
  if (lp_.cost_scale == 0) {
    write_zero();
    return summarise(LpStatus::optimal);
  }
  start();
  const LpStatus status = iterate();
  if (failed(status)) {
    write_zero();
  } else {
    write_direction();
  }
  return summarise(status);
}

void Mehrotra::scale() {
  auto sums = row_norms(problem_);
  ++sweeps_;
  agree(comm_, [&] { check_entries(problem_, sums); });
  sums.push_back(weighted_cost(problem_));
  sum_vector(sums, comm_);
  const auto inverse = [&](double sum) { return sum >= std::numeric_limits<double>::min() ? coordinates_ / sum : 0; };
  lp_.cost_scale = inverse(sums.back());
  sums.pop_back();
  for (const double sum : sums) lp_.row_scale.push_back(inverse(sum));
}

void Mehrotra::start() {
  const std::size_t size = d_.size();
  std::fill(d_.begin(), d_.end(), 1.0);
  point_ = {d_, std::vector<double>(size, 0.5), std::vector<double>(size, 0.5), std::vector<double>(size, 0.0),
            std::vector<double>(size, 0.0)};
  // With D = 1 the residual sums are B c: y minimises ‖c − Bᵀy‖₂.
  advance_and_assemble(lp_, point_, step_, y_, sums_);
  sum_vector(sums_.all(), comm_);
  y_ = SemidefiniteFactor(sums_.normal(), lp_.rows()).solve(sums_.residual());
  const double norm = sum_over_ranks(dual_residual(lp_, y_, point_.step), comm_);
  sweeps_ += 2;
  const double mu = norm / coordinates_ * (getenv("MU0") ? atof(getenv("MU0")) : 1.0);
  const bool centred = getenv("CENTRED");
  for (std::size_t k = 0; k < size; ++k) {
    const double r = point_.step[k];
    if (centred) {
      const double t = r / mu;
      const double x = -t / (1 + std::sqrt(1 + t * t));
      const double near = 1 - std::fabs(x);
      const double far = 2 - near;
      point_.slack[k] = x >= 0 ? near : -near;
      point_.z_upper[k] = mu / (x >= 0 ? near : far);
      point_.z_lower[k] = mu / (x >= 0 ? far : near);
    } else {
      point_.z_lower[k] = mu + std::max(r, 0.0);
      point_.z_upper[k] = mu + std::max(-r, 0.0);
    }
    point_.step[k] = 0;
  }
}

LpStatus Mehrotra::iterate() {
  for (;; ++iterations_) {
    measure();
    if (!all_finite(sums_.all())) return LpStatus::not_finite;
    if (iterations_ > 0 && options_.on_iteration) options_.on_iteration(iterations_, gap_, residual_);
    if (converged()) return LpStatus::optimal;
    if (iterations_ >= options_.max_iterations) return LpStatus::iteration_limit;
    if (seconds_ > options_.max_seconds) return LpStatus::time_limit;
    if (stalled()) return LpStatus::stalled;
    take_step();
  }
}

void Mehrotra::measure() {
  advance_and_assemble(lp_, point_, step_, y_, sums_);
  ++sweeps_;
  sum_vector(sums_.all(), comm_);
  gap_ = sums_.gap() / coordinates_;
  residual_ = 0;
  for (const double product : sums_.primal()) residual_ = std::max(residual_, std::fabs(product) / coordinates_);
}

bool Mehrotra::converged() const { return gap_ <= options_.gap_tol && residual_ <= options_.residual_tol; }

bool Mehrotra::stalled() {
  short_steps_ = iterations_ > 0 && std::max(step_.primal, step_.dual) < 1e-3 ? short_steps_ + 1 : 0;
  return short_steps_ >= 5;
}

void Mehrotra::take_step() {
  const std::size_t m = y_.size();
  const SemidefiniteFactor factor(sums_.normal(), lp_.rows());
  std::vector<double> rhs(m), y_next(m);

  for (std::size_t i = 0; i < m; ++i) rhs[i] = sums_.residual()[i] - sums_.primal()[i];
  const auto predictor = factor.solve(rhs);
  for (std::size_t i = 0; i < m; ++i) y_next[i] = y_[i] + predictor[i];
  auto ahead = predict(lp_, point_, y_next);
  sum_vector(ahead.sums, comm_);
  std::vector<double> inverse{ahead.inverse.primal, ahead.inverse.dual};
  max_over_ranks(host_buffer(std::span<double>(inverse)), comm_);
  const double alpha = std::min(1.0, 1 / inverse[0]);
  const double beta = std::min(1.0, 1 / inverse[1]);
  const double now = sums_.complementarity();
  const double reached = now + beta * ahead.sums[m] + alpha * ahead.sums[m + 1] + alpha * beta * ahead.sums[m + 2];
  const double sigma = std::pow(std::max(reached, 0.0) / now, 3);
  step_.target = sigma * now / (2 * coordinates_);

  for (std::size_t i = 0; i < m; ++i) rhs[i] -= step_.target * sums_.centring()[i] + ahead.sums[i];
  const auto dy = factor.solve(rhs);
  for (std::size_t i = 0; i < m; ++i) y_next[i] = y_[i] + dy[i];
  const auto longest = correct(lp_, point_, y_next, step_.target);
  inverse = {longest.primal, longest.dual, elapsed()};
  max_over_ranks(host_buffer(std::span<double>(inverse)), comm_);
  sweeps_ += 2;
  seconds_ = inverse[2];
  const double eta = getenv("ETA") ? atof(getenv("ETA")) : 0.995;
  step_.primal = std::min(1.0, eta / inverse[0]);
  step_.dual = std::min(1.0, eta / inverse[1]);
  for (std::size_t i = 0; i < m; ++i) y_[i] += step_.dual * dy[i];
  if (getenv("LPLOG") && comm_.is_root())
    fmt::print("  it {} gap {:.2e} res {:.2e} mu {:.2e} sigma {:.2e} ap {:.4f} ad {:.4f} rank {}\n", iterations_, gap_, residual_,
               now / (2 * coordinates_), sigma, step_.primal, step_.dual, factor.rank());
}

void Mehrotra::write_direction() {
  for (std::size_t k = 0; k < d_.size(); ++k) {
    const double x = d_[k] > 0 ? 1 - d_[k] : -1 - d_[k];
    d_[k] = problem_.u[k] * x;
  }
}

void Mehrotra::write_zero() {
  std::fill(d_.begin(), d_.end(), 0.0);
  std::fill(y_.begin(), y_.end(), 0.0);
}

double Mehrotra::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

BoxLpSummary Mehrotra::summarise(LpStatus status) {
  BoxLpSummary summary;
  summary.status = status;
  summary.iterations = iterations_;
  summary.y = y_;
  for (std::size_t i = 0; i < y_.size() && lp_.cost_scale > 0; ++i) {
    summary.y[i] = y_[i] * lp_.row_scale[i] / lp_.cost_scale;
  }
  summary.certificate = certify(problem_, d_, summary.y);
  summary.sweeps = ++sweeps_;
  summary.seconds = max_over_ranks(elapsed(), comm_);
  return summary;
}

}  // namespace lift::box_lp
