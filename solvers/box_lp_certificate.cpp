#include <algorithm>
#include <cmath>

#include "mpi/collectives.hpp"
#include "solvers/box_lp.hpp"
#include "solvers/lp_checks.hpp"

namespace lift {
namespace {

constexpr std::int64_t kTile = 256;

/// Sums of the certificate over this rank's coordinates; the vectors have one entry a row of A.
struct CertificateSums {
  double objective = 0, dual_objective = 0, gap = 0, cost = 0, violation = 0;
  std::vector<double> products, row_norms;
};

/// r = g − Aᵀy on one tile.
void reduced_costs(const BoxLpProblem& problem, std::span<const double> y, std::int64_t begin,
                   std::int64_t count, double* r) {
  std::copy_n(problem.g.data() + begin, count, r);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double* a = problem.a.local().data() + i * problem.g.size() + begin;
    const double multiplier = y[i];
    for (std::int64_t k = 0; k < count; ++k) r[k] -= multiplier * a[k];
  }
}

void add_bounds_and_costs(const BoxLpProblem& problem, const double* d, const double* r, std::int64_t begin,
                          std::int64_t count, CertificateSums& sums) {
  const double *g = problem.g.data() + begin, *u = problem.u.data() + begin;
  double objective = 0, dual_objective = 0, gap = 0, cost = 0;
#pragma omp simd reduction(+ : objective, dual_objective, gap, cost)
  for (std::int64_t k = 0; k < count; ++k) {
    objective += g[k] * d[k];
    dual_objective -= u[k] * std::fabs(r[k]);
    gap += u[k] * std::fabs(r[k]) + r[k] * d[k];
    cost += std::fabs(g[k]) * u[k];
  }
  sums.objective += objective;
  sums.dual_objective += dual_objective;
  sums.gap += gap;
  sums.cost += cost;
  for (std::int64_t k = 0; k < count; ++k)
    sums.violation = std::max(sums.violation, bound_violation(d[k], u[k]));
}

void add_products(const BoxLpProblem& problem, const double* d, std::int64_t begin, std::int64_t count,
                  CertificateSums& sums) {
  const double* u = problem.u.data() + begin;
  for (std::size_t i = 0; i < sums.products.size(); ++i) {
    const double* a = problem.a.local().data() + i * problem.g.size() + begin;
    double product = 0, norm = 0;
#pragma omp simd reduction(+ : product, norm)
    for (std::int64_t k = 0; k < count; ++k) {
      product += a[k] * d[k];
      norm += std::fabs(a[k]) * u[k];
    }
    sums.products[i] += product;
    sums.row_norms[i] += norm;
  }
}

void sum_certificate_over_ranks(CertificateSums& sums, const Communicator& comm) {
  const std::size_t m = sums.products.size();
  std::vector<double> buffer{sums.objective, sums.dual_objective, sums.gap, sums.cost};
  buffer.insert(buffer.end(), sums.products.begin(), sums.products.end());
  buffer.insert(buffer.end(), sums.row_norms.begin(), sums.row_norms.end());
  sum_over_ranks(host_buffer(std::span<double>(buffer)), comm);
  sums.objective = buffer[0];
  sums.dual_objective = buffer[1];
  sums.gap = buffer[2];
  sums.cost = buffer[3];
  std::copy_n(buffer.begin() + 4, m, sums.products.begin());
  std::copy_n(buffer.begin() + 4 + static_cast<std::ptrdiff_t>(m), m, sums.row_norms.begin());
  sums.violation = max_over_ranks(sums.violation, comm);
}

}  // namespace

LpCertificate certify(const BoxLpProblem& problem, std::span<const double> d, std::span<const double> y) {
  check_lp_shapes("box LP", problem.a, {problem.g, problem.u, d, y});
  const std::size_t m = y.size();
  CertificateSums sums;
  sums.products.assign(m, 0.0);
  sums.row_norms.assign(m, 0.0);
  double r[kTile];
  const auto size = static_cast<std::int64_t>(d.size());
  for (std::int64_t begin = 0; begin < size; begin += kTile) {
    const std::int64_t count = std::min(kTile, size - begin);
    reduced_costs(problem, y, begin, count, r);
    add_bounds_and_costs(problem, d.data() + begin, r, begin, count, sums);
    add_products(problem, d.data() + begin, begin, count, sums);
  }
  sum_certificate_over_ranks(sums, problem.a.comm());

  LpCertificate certificate;
  certificate.objective = sums.objective;
  certificate.dual_objective = sums.dual_objective;
  certificate.bound_violation = sums.violation;
  certificate.gap = sums.gap == 0 ? 0 : sums.gap / sums.cost;
  for (std::size_t i = 0; i < m; ++i) {
    if (sums.row_norms[i] == 0) continue;
    const double residual = std::fabs(sums.products[i]) / sums.row_norms[i];
    // Written so that a NaN stays.
    if (!(residual <= certificate.residual)) certificate.residual = residual;
  }
  return certificate;
}

}  // namespace lift
