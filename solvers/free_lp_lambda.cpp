#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/box_lp.hpp"
#include "solvers/free_lp_parts.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift {
namespace {

/// Σ |N_ij| |a_jk| below whose part an entry of N A_λ, or a whole row of it, is rounding.
constexpr double kRounding = 1e-10;

/// The best dλ for the cost c, |dλ| ≤ u, with `rows` dλ = 0, by a box LP on this rank alone; adds its
/// multipliers z as Nᵀz to y.
std::vector<double> restricted_lambda(const LambdaPart& lambda, std::span<const double> c,
                                      std::span<const double> rows, std::span<const double> null,
                                      const FreeLpOptions& options, std::vector<double>& y) {
  const auto self = Communicator::self();
  const std::size_t m = y.size(), p = c.size();
  ProbeMatrix a(static_cast<std::int64_t>(p), static_cast<int>(m), self);
  std::copy(rows.begin(), rows.end(), a.local().begin());
  BoxLpOptions box;
  box.gap_tol = std::min(box.gap_tol, options.gap_tol / 10);
  box.residual_tol = std::min(box.residual_tol, options.residual_tol / 10);
  box.max_seconds = std::numeric_limits<double>::infinity();
  std::vector<double> d(p);
  const auto summary = solve_box_lp({a, c, lambda.u}, box, d);
  for (std::size_t i = 0; i < m; ++i) axpy(summary.y[i], null.subspan(i * m, m), y);
  return d;
}

/// What this rank makes of it; `null` is empty where the rows of A_W are independent.
std::vector<double> lambda_alone(const LambdaPart& lambda, const std::vector<double>& null,
                                 const FreeLpOptions& options, std::vector<double>& y) {
  const std::size_t p = lambda.g.size();
  std::vector<double> c = lambda.g, d(p, 0.0);
  for (std::size_t i = 0; i < y.size(); ++i) axpy(-y[i], std::span(lambda.a).subspan(i * p, p), c);
  if (!null.empty()) {
    const auto rows = restrictions(null, lambda);
    if (std::any_of(rows.begin(), rows.end(), [](double entry) { return entry != 0; }))
      return restricted_lambda(lambda, c, rows, null, options, y);
  }
  for (std::size_t k = 0; k < p; ++k) d[k] = c[k] == 0 ? 0 : -std::copysign(lambda.u[k], c[k]);
  return d;
}

}  // namespace

std::vector<double> restrictions(std::span<const double> null, const LambdaPart& lambda) {
  const std::size_t p = lambda.g.size(), m = p == 0 ? 0 : lambda.a.size() / p;
  std::vector<double> rows(m * p, 0.0);
  for (std::size_t i = 0; i < m; ++i) {
    double row = 0, scale = 0;
    for (std::size_t k = 0; k < p; ++k) {
      double size = 0;
      for (std::size_t j = 0; j < m; ++j) {
        const double term = null[i * m + j] * lambda.a[j * p + k];
        rows[i * p + k] += term;
        size += std::fabs(term);
      }
      if (std::fabs(rows[i * p + k]) <= kRounding * size) rows[i * p + k] = 0;
      row += std::fabs(rows[i * p + k]) * lambda.u[k];
      scale += size * lambda.u[k];
    }
    if (row <= kRounding * scale) std::fill_n(rows.begin() + static_cast<std::ptrdiff_t>(i * p), p, 0.0);
  }
  return rows;
}

LambdaPart gather_lambda(const FreeLpProblem& problem) {
  const auto m = static_cast<std::size_t>(problem.a.rows()), p = static_cast<std::size_t>(problem.p);
  const auto begin = static_cast<std::size_t>(problem.a.layout().begin(problem.a.comm().rank()));
  std::vector<double> all((m + 2) * p, 0.0);  // one owner each: the sum over ranks is exact
  for (std::size_t k = 0; k < lambda_count(problem); ++k) {
    for (std::size_t i = 0; i < m; ++i) all[i * p + begin + k] = problem.a.local()[i * problem.g.size() + k];
    all[m * p + begin + k] = problem.g[k];
    all[(m + 1) * p + begin + k] = problem.u[k];
  }
  sum_vector_over_ranks(all, problem.a.comm());
  const auto part = [&](std::size_t from, std::size_t count) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(from * p);
    return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(count * p));
  };
  return {part(0, m), part(m, 1), part(m + 1, 1)};
}

std::vector<double> best_lambda(const FreeLpProblem& problem, const FreeLpOptions& options,
                                const LambdaPart& lambda, RowSpace& weights, std::vector<double>& y) {
  const auto& comm = problem.a.comm();
  std::vector<double> d, null;
  if (!lambda.g.empty() && weights.rank() < problem.a.rows()) null = weights.left_null();
  agree(comm, [&] { d = lambda_alone(lambda, null, options, y); });
  // Processors may round differently: rank 0's answer is everybody's.
  broadcast(host_buffer(std::span(d)), 0, comm);
  broadcast(host_buffer(std::span(y)), 0, comm);
  return d;
}

}  // namespace lift
