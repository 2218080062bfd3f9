#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/collectives.hpp"
#include "solvers/ball_lp.hpp"
#include "solvers/lp_checks.hpp"
#include "solvers/lp_shard.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift {
namespace {

/// Sums of the certificate over coordinates; the vectors have one entry a row of A.
struct BallSums {
  explicit BallSums(std::size_t m) : values(kScalars + 2 * m, 0.0), m_(m) {}
  double& objective() { return values[0]; }
  double& reduced_square() { return values[1]; }  ///< ‖D r‖²
  double& reduced_slope() { return values[2]; }   ///< rᵀd
  double& cost_square() { return values[3]; }     ///< ‖D g‖²
  double& length_square() { return values[4]; }   ///< ‖D⁻¹d‖²
  double& product(std::size_t i) { return values[kScalars + i]; }
  double& row_square(std::size_t i) { return values[kScalars + m_ + i]; }
  static constexpr std::size_t kScalars = 5;
  std::vector<double> values;

 private:
  std::size_t m_;
};

void add_costs(const BallLpProblem& problem, const double* d, const double* r, std::int64_t begin,
               std::int64_t count, BallSums& sums) {
  const double *g = problem.g.data() + begin, *u = problem.u.data() + begin;
  double objective = 0, reduced = 0, slope = 0, cost = 0;
#pragma omp simd reduction(+ : objective, reduced, slope, cost)
  for (std::int64_t k = 0; k < count; ++k) {
    objective += g[k] * d[k];
    reduced += (u[k] * r[k]) * (u[k] * r[k]);
    slope += r[k] * d[k];
    cost += (u[k] * g[k]) * (u[k] * g[k]);
  }
  sums.objective() += objective;
  sums.reduced_square() += reduced;
  sums.reduced_slope() += slope;
  sums.cost_square() += cost;
  double length = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const double x = u[k] > 0 ? d[k] / u[k] : (d[k] == 0 ? 0 : std::numeric_limits<double>::infinity());
    length += x * x;
  }
  sums.length_square() += length;
}

void add_products(const BallLpProblem& problem, const double* d, std::int64_t begin, std::int64_t count,
                  BallSums& sums) {
  const double* u = problem.u.data() + begin;
  for (std::size_t i = 0; i < static_cast<std::size_t>(problem.a.rows()); ++i) {
    const double* a = problem.a.local().data() + i * problem.g.size() + begin;
    double product = 0, square = 0;
#pragma omp simd reduction(+ : product, square)
    for (std::int64_t k = 0; k < count; ++k) {
      product += a[k] * d[k];
      square += (a[k] * u[k]) * (a[k] * u[k]);
    }
    sums.product(i) += product;
    sums.row_square(i) += square;
  }
}

BallCertificate certificate_of(BallSums& sums, std::size_t m) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  BallCertificate c;
  c.objective = sums.objective();
  c.dual_objective = -std::sqrt(sums.reduced_square());
  const double excess = sums.reduced_slope() - c.dual_objective;
  c.gap = excess == 0 ? 0 : excess / std::sqrt(sums.cost_square());
  const double length = std::sqrt(sums.length_square());
  // Written so that a NaN stays, and that what has overflowed proves nothing.
  c.ball_violation = length <= 1 ? 0 : length - 1;
  if (!std::isfinite(sums.cost_square()) || !std::isfinite(sums.reduced_square())) c.gap = kNan;
  for (std::size_t i = 0; i < m; ++i) {
    const double norm = std::isfinite(sums.row_square(i)) ? std::sqrt(sums.row_square(i)) : kNan;
    if (norm == 0) continue;
    c.residual = larger(c.residual, std::fabs(sums.product(i)) / norm);
  }
  return c;
}

}  // namespace

BallCertificate certify(const BallLpProblem& problem, std::span<const double> d, std::span<const double> y) {
  check_lp_shapes("ball LP", problem.a, {problem.g, problem.u, d, y});
  BallSums sums(y.size());
  double r[kTile];
  const auto size = static_cast<std::int64_t>(d.size());
  for (std::int64_t begin = 0; begin < size; begin += kTile) {
    const std::int64_t count = std::min(kTile, size - begin);
    std::copy_n(problem.g.data() + begin, count, r);
    for (std::size_t i = 0; i < y.size(); ++i)
      axpy(-y[i], problem.a.local().subspan(i * d.size() + begin, count), std::span(r).first(count));
    add_costs(problem, d.data() + begin, r, begin, count, sums);
    add_products(problem, d.data() + begin, begin, count, sums);
  }
  sum_vector_over_ranks(sums.values, problem.a.comm());
  return certificate_of(sums, y.size());
}

}  // namespace lift
