#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/free_lp_parts.hpp"
#include "solvers/lp_checks.hpp"
#include "solvers/lp_shard.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift {
namespace {

/// Sums of the certificate over coordinates; the vectors have one entry a row of A.
struct FreeSums {
  explicit FreeSums(std::size_t m) : values(kScalars + 3 * m, 0.0), m_(m) {}
  double& objective() { return values[0]; }
  double& dual_objective() { return values[1]; }
  double& lambda_gap() { return values[2]; }     ///< Σ_λ u|r| + r d
  double& lambda_scale() { return values[3]; }   ///< Σ_λ u (|g| + Σ_i |y_i a_i|)
  double& weight_gap() { return values[4]; }     ///< r_W·d_W
  double& rest_square() { return values[5]; }    ///< ‖r_W‖²
  double& cost_square() { return values[6]; }    ///< ‖g_W‖²
  double& length_square() { return values[7]; }  ///< ‖d_W‖²
  double& product(std::size_t i) { return values[kScalars + i]; }
  double& lambda_norm(std::size_t i) { return values[kScalars + m_ + i]; }        ///< Σ_λ |a_ik| u_k
  double& weight_square(std::size_t i) { return values[kScalars + 2 * m_ + i]; }  ///< ‖a_iW‖²
  static constexpr std::size_t kScalars = 8;
  std::vector<double> values;

 private:
  std::size_t m_;
};

void add_lambda(const FreeLpProblem& problem, std::span<const double> d, std::span<const double> y,
                FreeSums& sums) {
  for (std::size_t k = 0; k < lambda_count(problem); ++k) {
    const double u = problem.u[k];
    double r = problem.g[k], size = std::fabs(problem.g[k]);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double a = problem.a.local()[i * d.size() + k];
      r -= y[i] * a;
      size += std::fabs(y[i] * a);
      sums.product(i) += a * d[k];
      sums.lambda_norm(i) += std::fabs(a) * u;
    }
    sums.objective() += problem.g[k] * d[k];
    sums.dual_objective() -= u * std::fabs(r);
    sums.lambda_gap() += u * std::fabs(r) + r * d[k];
    sums.lambda_scale() += u * size;
  }
}

void add_weights(const FreeLpProblem& problem, std::span<const double> d, std::span<const double> y,
                 FreeSums& sums) {
  double rest[kTile];
  const auto size = static_cast<std::int64_t>(d.size());
  for (auto begin = static_cast<std::int64_t>(lambda_count(problem)); begin < size; begin += kTile) {
    const std::int64_t count = std::min(kTile, size - begin);
    const auto g = problem.g.subspan(begin, count), part = d.subspan(begin, count);
    const std::span<double> r(rest, static_cast<std::size_t>(count));
    std::copy(g.begin(), g.end(), r.begin());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto a = problem.a.local().subspan(i * d.size() + begin, count);
      axpy(-y[i], a, r);
      sums.product(i) += dot(a, part);
      sums.weight_square(i) += dot(a, a);
    }
    sums.objective() += dot(g, part);
    sums.weight_gap() += dot(r, part);
    sums.rest_square() += dot(r, r);
    sums.cost_square() += dot(g, g);
    sums.length_square() += dot(part, part);
  }
}

FreeSums sums_of(const FreeLpProblem& problem, std::span<const double> d, std::span<const double> y) {
  FreeSums sums(y.size());
  add_lambda(problem, d, y, sums);
  add_weights(problem, d, y, sums);
  sum_vector_over_ranks(sums.values, problem.a.comm());
  return sums;
}

/// |numerator| / denominator, 0 where the numerator is 0; NaN where the denominator has overflowed.
double ratio(double numerator, double denominator) {
  if (!std::isfinite(denominator)) return std::numeric_limits<double>::quiet_NaN();
  return numerator == 0 ? 0 : std::fabs(numerator) / denominator;
}

/// max_i |a_i·d| / (‖a_iλ‖ + ‖a_iW‖ ‖d_W‖), the first term left out of a ray's.
double residual_of(FreeSums& sums, std::size_t m, bool with_lambda) {
  const double length = std::sqrt(sums.length_square());
  double residual = 0;
  for (std::size_t i = 0; i < m; ++i) {
    const double norm = (with_lambda ? sums.lambda_norm(i) : 0) + std::sqrt(sums.weight_square(i)) * length;
    residual = larger(residual, ratio(sums.product(i), norm));
  }
  return residual;
}

}  // namespace

std::size_t lambda_count(const FreeLpProblem& problem) {
  const auto& layout = problem.a.layout();
  const int rank = problem.a.comm().rank();
  const std::int64_t count = std::min(problem.p, layout.end(rank)) - layout.begin(rank);
  return static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
}

void check_free_shapes(const std::string& what, const FreeLpProblem& problem, std::span<const double> d,
                       std::span<const double> y) {
  check_lp_shapes(what, problem.a, {problem.g, problem.u, d, y});
  agree(problem.a.comm(), [&] {
    if (problem.p >= 0 && problem.p <= problem.a.coordinates()) return;
    throw Error(ExitCode::internal,
                fmt::format("{}: p = {}, expected 0 to {}", what, problem.p, problem.a.coordinates()));
  });
}

FreeCertificate certify(const FreeLpProblem& problem, std::span<const double> d, std::span<const double> y) {
  check_free_shapes("free LP", problem, d, y);
  auto sums = sums_of(problem, d, y);
  FreeCertificate c;
  c.objective = sums.objective();
  c.dual_objective = sums.dual_objective();
  c.gap = ratio(sums.lambda_gap() + std::fabs(sums.weight_gap()), sums.lambda_scale());
  c.dual_residual = ratio(std::sqrt(sums.rest_square()), std::sqrt(sums.cost_square()));
  c.residual = residual_of(sums, y.size(), true);
  double violation = 0;
  for (std::size_t k = 0; k < lambda_count(problem); ++k)
    violation = std::max(violation, bound_violation(d[k], problem.u[k]));
  c.bound_violation = max_over_ranks(violation, problem.a.comm());
  return c;
}

RayCertificate certify_ray(const FreeLpProblem& problem, std::span<const double> d) {
  const std::vector<double> no_multipliers(static_cast<std::size_t>(problem.a.rows()), 0.0);
  check_free_shapes("free LP", problem, d, no_multipliers);
  auto sums = sums_of(problem, d, no_multipliers);
  RayCertificate ray;
  const double lengths = std::sqrt(sums.cost_square()) * std::sqrt(sums.length_square());
  ray.slope = std::copysign(ratio(sums.objective(), lengths), sums.objective());
  ray.residual = residual_of(sums, no_multipliers.size(), false);
  double largest = 0;
  for (std::size_t k = 0; k < lambda_count(problem); ++k) largest = larger(largest, std::fabs(d[k]));
  ray.lambda_part = max_over_ranks(largest, problem.a.comm());
  return ray;
}

}  // namespace lift
