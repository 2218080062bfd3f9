#include "solvers/split_lp_reduction.hpp"

#include <algorithm>
#include <cmath>

#include "solvers/shard_algebra.hpp"

namespace lift {
namespace {

/// Part of ‖c_W‖ below which what B_W leaves of it counts as the rounding of 0, and of ‖c‖ below which a
/// cost does.
constexpr double kRounding = 1e-12, kCostRounding = 1e-15;

std::vector<double> without_lambda(const SplitLpProblem& problem) {
  std::vector<double> u(problem.u.begin(), problem.u.end());
  std::fill_n(u.begin(), lambda_count(lambda_view(problem)), 0.0);
  return u;
}

double largest(std::span<const double> v) {
  double size = 0;
  for (const double entry : v) size = std::max(size, std::fabs(entry));
  return size;
}

bool all_finite(std::span<const double> v) {
  return std::ranges::all_of(v, [](double entry) { return std::isfinite(entry); });
}

}  // namespace

SplitReduction::SplitReduction(const SplitLpProblem& problem, std::span<double> d)
    : problem_(problem),
      d_(d),
      weight_u_(without_lambda(problem)),
      weights_(problem.a, weight_u_),
      lambda_(gather_lambda(lambda_view(problem))),
      root_(weights_.gram_root()) {
  program_.p = lambda_.u.size();
  program_.r = static_cast<std::size_t>(weights_.rank());
  project_cost();
  add_rows();
  finite_ = finite_ && all_finite(cost_) && all_finite(rows_);
  if (finite_) eliminate();
}

/// d ← c_N; cost_ and rest.
void SplitReduction::project_cost() {
  const auto& comm = problem_.a.comm();
  for (std::size_t k = 0; k < d_.size(); ++k) d_[k] = weight_u_[k] * problem_.g[k];
  const double whole = norm2(d_, comm);
  const auto multipliers = weights_.project_off_basis(d_);
  program_.rest = norm2(d_, comm);
  finite_ = std::isfinite(whole) && std::isfinite(program_.rest);
  if (program_.rest <= kRounding * whole) program_.rest = 0;
  for (std::size_t k = 0; k < program_.p; ++k) cost_.push_back(lambda_.u[k] * lambda_.g[k]);
  cost_.resize(program_.p + program_.r, 0.0);
  const std::size_t r = program_.r;
  for (std::size_t j = 0; j < r; ++j)
    axpy(multipliers[j], std::span(root_).subspan(j * r, r), std::span(cost_).subspan(program_.p));
}

/// Scaled to unit length; a zero row says nothing.
void SplitReduction::add_row(std::span<const double> x, std::span<const double> w,
                             std::span<const double> combination) {
  std::vector<double> row(x.begin(), x.end());
  row.insert(row.end(), w.begin(), w.end());
  const double size = largest(row);
  if (size == 0) return;
  for (double& entry : row) entry /= size;
  const double length = std::sqrt(dot(row, row));
  scale(1 / length, row);
  rows_.insert(rows_.end(), row.begin(), row.end());
  for (const double part : combination) combinations_.push_back(part / size / length);
}

void SplitReduction::add_rows() {
  const auto m = static_cast<std::size_t>(problem_.a.rows());
  const std::size_t p = program_.p, r = program_.r;
  std::vector<double> x(p);
  for (std::size_t j = 0; j < r; ++j) {
    const auto t = weights_.basis().row(static_cast<int>(j));
    std::fill(x.begin(), x.end(), 0.0);
    for (std::size_t i = 0; i < m; ++i) axpy(t[i], std::span(lambda_.a).subspan(i * p, p), x);
    for (std::size_t k = 0; k < p; ++k) x[k] *= lambda_.u[k];
    add_row(x, std::span(root_).subspan(j * r, r), t);
  }
  if (p == 0 || r == m) return;
  const auto null = weights_.left_null();
  const auto restricted = restrictions(null, lambda_);
  const std::vector<double> no_weights(r, 0.0);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t k = 0; k < p; ++k) x[k] = restricted[i * p + k] * lambda_.u[k];
    add_row(x, no_weights, std::span(null).subspan(i * m, m));
  }
}

void SplitReduction::eliminate() {
  const std::size_t length = program_.p + program_.r;
  qr_.emplace(rows_, length);
  program_.basis = qr_->null_basis();
  program_.cost.resize(length - qr_->rank());
  const double rounding = kCostRounding * std::sqrt(dot(cost_, cost_));
  for (std::size_t j = 0; j < program_.size(); ++j) {
    const double cost = dot(std::span(program_.basis).subspan(j * length, length), cost_);
    program_.cost[j] = std::fabs(cost) > rounding ? cost : 0;
  }
}

void SplitReduction::write_direction(const ReducedAnswer& answer) {
  const std::size_t r = program_.r;
  if (program_.rest > 0) {
    scale(-answer.s / program_.rest, d_);
  } else {
    std::fill(d_.begin(), d_.end(), 0.0);
  }
  std::vector<double> image(r);
  for (std::size_t j = 0; j < r; ++j) image[j] = dot(std::span(root_).subspan(j * r, r), answer.w);
  weights_.move_to(image, d_);
  for (std::size_t k = 0; k < d_.size(); ++k) d_[k] *= weight_u_[k];
  const auto begin = static_cast<std::size_t>(problem_.a.layout().begin(problem_.a.comm().rank()));
  for (std::size_t k = 0; k < lambda_count(lambda_view(problem_)); ++k)
    d_[k] = lambda_.u[begin + k] * answer.x[begin + k];
}

std::vector<double> SplitReduction::multipliers(const ReducedAnswer& answer) const {
  auto difference = cost_;
  axpy(-1, answer.x_cost, std::span(difference).first(program_.p));
  axpy(-1, answer.w_cost, std::span(difference).subspan(program_.p));
  const auto m = static_cast<std::size_t>(problem_.a.rows());
  const auto of_rows = qr_->solve(difference);
  std::vector<double> y(m, 0.0);
  for (std::size_t j = 0; j < of_rows.size(); ++j)
    axpy(of_rows[j], std::span(combinations_).subspan(j * m, m), y);
  return y;
}

}  // namespace lift
