#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/collectives.hpp"
#include "solvers/lp_checks.hpp"
#include "solvers/lp_shard.hpp"
#include "solvers/shard_algebra.hpp"
#include "solvers/split_lp_reduction.hpp"

namespace lift {
namespace {

/// The norm that a part's costs and rows are measured in: Σ|v_k| for a box, ‖v‖₂ for a ball.
double norm_sum(std::span<const double> v, std::span<const double> u, LambdaSet set) {
  double sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum, squares)
  for (std::size_t k = 0; k < v.size(); ++k) {
    const double scaled = u[k] * v[k];
    sum += std::fabs(scaled);
    squares += scaled * scaled;
  }
  return set == LambdaSet::box ? sum : squares;
}

double norm_of(double sum, LambdaSet set) {
  return set == LambdaSet::box ? sum : std::sqrt(sum);
}

/// ‖D⁻¹d‖₂², u_k = 0 counting as +∞ unless d_k = 0.
double length_sum(std::span<const double> d, std::span<const double> u) {
  double length = 0;
  for (std::size_t k = 0; k < d.size(); ++k) {
    const double x = u[k] > 0 ? d[k] / u[k] : (d[k] == 0 ? 0 : std::numeric_limits<double>::infinity());
    length += x * x;
  }
  return length;
}

/// Sums over one part of the coordinates, λ or W; the vector has one entry a row of A.
struct PartSums {
  PartSums(LambdaSet set_of_part, std::size_t m) : set(set_of_part), rows(m, 0.0) {}
  LambdaSet set;
  double reduced = 0;    ///< of r
  double slope = 0;      ///< rᵀd
  double cost = 0;       ///< of g
  double length = 0;     ///< ‖D⁻¹d‖₂²
  double violation = 0;  ///< of the box, this rank's
  std::vector<double> rows;

  void append_to(std::vector<double>& values) const {
    values.insert(values.end(), {reduced, slope, cost, length});
    values.insert(values.end(), rows.begin(), rows.end());
  }
  const double* take_from(const double* values) {
    reduced = *values++;
    slope = *values++;
    cost = *values++;
    length = *values++;
    std::copy_n(values, rows.size(), rows.begin());
    return values + rows.size();
  }
  [[nodiscard]] double ball_violation() const {
    const double norm = std::sqrt(length);
    return norm <= 1 ? 0 : norm - 1;  // a NaN stays
  }
};

/// The pass over A: both parts, gᵀd and A d.
class SplitSums {
 public:
  SplitSums(const SplitLpProblem& problem, std::span<const double> d, std::span<const double> y)
      : problem_(problem),
        d_(d),
        y_(y),
        lambda_(problem.set, y.size()),
        weights_(LambdaSet::ball, y.size()),
        products_(y.size(), 0.0) {
    const auto size = static_cast<std::int64_t>(d.size());
    const auto border = static_cast<std::int64_t>(lambda_count(lambda_view(problem)));
    add_part(0, border, lambda_);
    add_part(border, size, weights_);
    sum_over_all();
  }
  [[nodiscard]] SplitCertificate certificate() const;

 private:
  void add_part(std::int64_t first, std::int64_t last, PartSums& part) {
    for (std::int64_t begin = first; begin < last; begin += kTile)
      add_tile(begin, std::min(kTile, last - begin), part);
  }
  void add_tile(std::int64_t begin, std::int64_t count, PartSums& part);
  void sum_over_all();

  const SplitLpProblem& problem_;
  std::span<const double> d_, y_;
  double objective_ = 0;
  PartSums lambda_, weights_;
  std::vector<double> products_;
};

void SplitSums::add_tile(std::int64_t begin, std::int64_t count, PartSums& part) {
  double rest[kTile];
  const auto g = problem_.g.subspan(begin, count), u = problem_.u.subspan(begin, count);
  const auto d = d_.subspan(begin, count);
  const std::span<double> r(rest, static_cast<std::size_t>(count));
  std::copy(g.begin(), g.end(), r.begin());
  for (std::size_t i = 0; i < y_.size(); ++i) {
    const auto a = problem_.a.local().subspan(i * d_.size() + begin, count);
    axpy(-y_[i], a, r);
    products_[i] += dot(a, d);
    part.rows[i] += norm_sum(a, u, part.set);
  }
  objective_ += dot(g, d);
  part.reduced += norm_sum(r, u, part.set);
  part.slope += dot(r, d);
  part.cost += norm_sum(g, u, part.set);
  part.length += length_sum(d, u);
  for (std::size_t k = 0; k < d.size() && part.set == LambdaSet::box; ++k)
    part.violation = std::max(part.violation, bound_violation(d[k], u[k]));
}

void SplitSums::sum_over_all() {
  std::vector<double> values{objective_};
  values.insert(values.end(), products_.begin(), products_.end());
  lambda_.append_to(values);
  weights_.append_to(values);
  sum_vector_over_ranks(values, problem_.a.comm());
  objective_ = values[0];
  std::copy_n(values.begin() + 1, products_.size(), products_.begin());
  weights_.take_from(lambda_.take_from(values.data() + 1 + products_.size()));
  lambda_.violation = max_over_ranks(lambda_.violation, problem_.a.comm());
}

SplitCertificate SplitSums::certificate() const {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto finite_norm = [](double lambda, double weights, LambdaSet set) {
    const double norm = norm_of(lambda, set) + std::sqrt(weights);
    return std::isfinite(norm) ? norm : kNan;  // what has overflowed proves nothing
  };
  SplitCertificate c;
  c.objective = objective_;
  c.dual_objective = -finite_norm(lambda_.reduced, weights_.reduced, lambda_.set);
  const double excess = (norm_of(lambda_.reduced, lambda_.set) + lambda_.slope) +
                        (std::sqrt(weights_.reduced) + weights_.slope);
  const double cost = finite_norm(lambda_.cost, weights_.cost, lambda_.set);
  c.gap = excess == 0 && !std::isnan(cost) ? 0 : excess / cost;
  if (!std::isfinite(c.dual_objective)) c.gap = kNan;
  for (std::size_t i = 0; i < products_.size(); ++i) {
    const double norm = finite_norm(lambda_.rows[i], weights_.rows[i], lambda_.set);
    if (norm != 0) c.residual = larger(c.residual, std::fabs(products_[i]) / norm);
  }
  c.lambda_violation = lambda_.set == LambdaSet::box ? lambda_.violation : lambda_.ball_violation();
  c.weight_violation = weights_.ball_violation();
  return c;
}

}  // namespace

SplitCertificate certify(const SplitLpProblem& problem, std::span<const double> d,
                         std::span<const double> y) {
  check_free_shapes("split LP", lambda_view(problem), d, y);
  return SplitSums(problem, d, y).certificate();
}

}  // namespace lift
