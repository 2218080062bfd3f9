#include "solvers/box_lp_norms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/error.hpp"
#include "solvers/lp_tiles.hpp"

namespace lift::box_lp {
namespace {

LIFT_INLINE double weighted_norm(const double* values, const double* u, int count) {
  double norm = 0;
#pragma omp simd reduction(+ : norm)
  for (int k = 0; k < count; ++k) norm += std::fabs(values[k]) * u[k];
  return norm;
}

}  // namespace

NormSums norm_sums(const LpShard& lp) {
  NormSums sums(lp.rows);
  vectorised([&]() LIFT_LAMBDA {
    for_tiles(lp, [&](std::int64_t begin, int count) LIFT_LAMBDA {
      const double* u = lp.u.data() + begin;
      for (int i = 0; i < lp.rows; ++i) sums.row(i) += weighted_norm(lp.row(i) + begin, u, count);
      sums.cost() += weighted_norm(lp.g.data() + begin, u, count);
    });
  });
  return sums;
}

void check_entries(const LpShard& lp, const NormSums& sums) {
  for (std::int64_t k = 0; k < lp.size(); ++k) {
    if (!std::isfinite(lp.g[k]))
      throw Error(ExitCode::internal, fmt::format("box LP: g[{}] = {} is not finite", lp.begin + k, lp.g[k]));
    if (!(lp.u[k] >= 0) || !std::isfinite(lp.u[k])) {
      throw Error(ExitCode::internal,
                  fmt::format("box LP: u[{}] = {}, expected finite and >= 0", lp.begin + k, lp.u[k]));
    }
  }
  for (std::size_t i = 0; i < sums.rows().size(); ++i) {
    if (std::isfinite(sums.rows()[i])) continue;
    const std::span row(lp.row(static_cast<int>(i)), static_cast<std::size_t>(lp.size()));
    if (std::ranges::all_of(row, [](double entry) { return std::isfinite(entry); })) continue;
    throw Error(ExitCode::internal, fmt::format("box LP: row {} of A holds an entry that is not finite", i));
  }
}

void check_tau(std::span<const double> tau, int rows) {
  if (!tau.empty() && std::ssize(tau) != rows)
    throw Error(ExitCode::internal,
                fmt::format("box LP: tau has {} entries, expected one of each of {} rows", tau.size(), rows));
  for (const double entry : tau) {
    if (!(entry >= 0) || !std::isfinite(entry))
      throw Error(ExitCode::internal, fmt::format("box LP: tau = {}, expected finite and >= 0", entry));
  }
}

}  // namespace lift::box_lp
