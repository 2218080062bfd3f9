#include "solvers/box_lp_certificate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/box_lp_norms.hpp"
#include "solvers/lp_checks.hpp"
#include "solvers/lp_tiles.hpp"

namespace lift {
namespace box_lp {
namespace {

/// Sums of the certificate over this rank's coordinates; the vectors have one entry a row of A.
struct CertificateSums {
  double objective = 0, dual_objective = 0, gap = 0, cost = 0, violation = 0, widest_wrong = 0;
  std::vector<double> products, row_norms;
};

LIFT_INLINE void add_bounds_and_costs(const LpShard& lp, const double* d, const double* r, std::int64_t begin,
                                      std::int64_t count, CertificateSums& sums) {
  const double *g = lp.g.data() + begin, *u = lp.u.data() + begin;
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
  bool inside = true;
#pragma omp simd reduction(&& : inside)
  for (std::int64_t k = 0; k < count; ++k) inside = inside && std::fabs(d[k]) <= u[k];
  if (inside) return;
  for (std::int64_t k = 0; k < count; ++k)
    sums.violation = std::max(sums.violation, bound_violation(d[k], u[k]));
}

/// max of u|r| / w where d is not on its way to the bound that r wants.
LIFT_INLINE double widest_wrong(const LpShard& lp, const double* r, const double* d,
                                std::span<const double> inverse, std::int64_t begin, int count) {
  const double* u = lp.u.data() + begin;
  bool any = false;
#pragma omp simd reduction(|| : any)
  for (int k = 0; k < count; ++k) any = any || (r[k] * d[k] > -0.5 * u[k] * std::fabs(r[k]) && u[k] > 0);
  if (!any) return 0;
  double widest = 0;
  for (int k = 0; k < count; ++k) {
    if (!(r[k] * d[k] > -0.5 * u[k] * std::fabs(r[k]))) continue;
    double weight = 0;
    for (int i = 0; i < lp.rows; ++i)
      weight += inverse[static_cast<std::size_t>(i)] * std::fabs(lp.a.at(i, begin)[k]);
    if (u[k] * weight > 0) widest = std::max(widest, std::fabs(r[k]) / weight);
  }
  return widest;
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
  std::vector<double> largest{sums.violation, sums.widest_wrong};
  max_over_ranks(host_buffer(std::span<double>(largest)), comm);
  sums.violation = largest[0];
  sums.widest_wrong = largest[1];
}

/// The part of A d as unknowns with costs 0 and bounds τ, whose reduced costs are y.
void add_relaxation(std::span<const double> tau, std::span<const double> y, CertificateSums& sums) {
  for (std::size_t i = 0; i < tau.size(); ++i) {
    const double product = std::clamp(sums.products[i], -tau[i], tau[i]);
    sums.dual_objective -= tau[i] * std::fabs(y[i]);
    sums.gap += tau[i] * std::fabs(y[i]) + y[i] * product;
  }
}

const char* describe(LpStatus status) {
  switch (status) {
    case LpStatus::optimal:
      return "solved";
    case LpStatus::iteration_limit:
      return "stopped at its iteration limit";
    case LpStatus::time_limit:
      return "stopped at its time limit";
    case LpStatus::stalled:
      return "stalled";
    case LpStatus::not_finite:
      return "failed on numbers that are not finite";
  }
  return "ended";
}

}  // namespace

Verification verify(const LpShard& lp, std::span<const double> d, std::span<const double> y,
                    std::span<const double> inverse) {
  const std::size_t m = y.size();
  CertificateSums sums;
  sums.products.assign(m, 0.0);
  sums.row_norms.assign(m, 0.0);
  vectorised([&]() LIFT_LAMBDA {
    alignas(64) double r[kTile];
    for_tiles(lp, [&](std::int64_t begin, int count) LIFT_LAMBDA {
      reduced_costs(lp, y.data(), begin, count, r);
      add_bounds_and_costs(lp, d.data() + begin, r, begin, count, sums);
      add_products(lp, d.data() + begin, begin, count, sums.products.data());
      add_norms(lp, lp.u.data() + begin, begin, count, sums.row_norms.data());
      if (inverse.empty()) return;
      sums.widest_wrong =
          std::max(sums.widest_wrong, widest_wrong(lp, r, d.data() + begin, inverse, begin, count));
    });
  });
  sum_certificate_over_ranks(sums, lp.comm);

  add_relaxation(lp.tau, y, sums);

  LpCertificate certificate;
  certificate.objective = sums.objective;
  certificate.dual_objective = sums.dual_objective;
  certificate.bound_violation = sums.violation;
  certificate.gap = sums.gap == 0 ? 0 : sums.gap / sums.cost;
  for (std::size_t i = 0; i < m; ++i) {
    if (sums.row_norms[i] == 0) continue;
    const double allowed = lp.tau.empty() ? 0 : lp.tau[i];
    const double product = std::fabs(sums.products[i]);
    const double residual = product <= allowed ? 0 : (product - allowed) / sums.row_norms[i];
    // Written so that a NaN stays.
    if (!(residual <= certificate.residual)) certificate.residual = residual;
  }
  return {certificate, sums.widest_wrong};
}

std::string ending(const BoxLpSummary& summary, const BoxLpOptions& options) {
  const LpCertificate& c = summary.certificate;
  return fmt::format("box LP {} after {} steps and {:.2f} s: objective {:.9g}, gap {:.1e} (tolerance {:g}), ",
                     describe(summary.status), summary.iterations, summary.seconds, c.objective, c.gap,
                     options.gap_tol) +
         fmt::format("residual {:.1e} (tolerance {:g})", c.residual, options.residual_tol);
}

}  // namespace box_lp

LpCertificate certify(const BoxLpProblem& problem, std::span<const double> d, std::span<const double> y) {
  check_lp_shapes("box LP", problem.a, {problem.g, problem.u, d, y});
  agree(problem.a.comm(), [&] { box_lp::check_tau(problem.tau, problem.a.rows()); });
  return box_lp::verify(problem.shard(), d, y).certificate;
}

}  // namespace lift
