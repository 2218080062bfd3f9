#include "solvers/box_lp_norms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/error.hpp"
#include "solvers/lp_tiles.hpp"

namespace lift::box_lp {
namespace {

/// body(begin, count) for what is this rank's of one block in `stride`, each of one tile.
template <typename Body>
LIFT_INLINE void for_blocks(const LpShard& lp, std::int64_t stride, const Body& body) {
  const std::int64_t end = lp.begin + lp.size();
  for (std::int64_t block = lp.begin / kNormBlock * kNormBlock; block < end; block += kNormBlock) {
    if (stride * weyl(static_cast<std::uint32_t>(block / kNormBlock)) >= 1) continue;
    const std::int64_t to = std::min(block + kNormBlock, end) - lp.begin;
    for (std::int64_t from = std::max(block - lp.begin, std::int64_t{0}); from < to;) {
      const std::int64_t next = std::min(to, (from / kTile + 1) * kTile);
      body(from, static_cast<int>(next - from));
      from = next;
    }
  }
}

}  // namespace

NormSums norm_sums(const LpShard& lp, std::int64_t stride) {
  NormSums sums(lp.rows);
  vectorised([&]() LIFT_LAMBDA {
    for_blocks(lp, stride, [&](std::int64_t begin, int count) LIFT_LAMBDA {
      const double* u = lp.u.data() + begin;
      add_norms(lp, u, begin, count, &sums.row(0));
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
    for (std::int64_t k = 0; k < lp.size(); ++k) {
      if (!std::isfinite(*lp.a.at(static_cast<int>(i), k)))
        throw Error(ExitCode::internal,
                    fmt::format("box LP: row {} of A holds an entry that is not finite", i));
    }
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
