#pragma once
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "solvers/box_lp.hpp"
#include "solvers/lp_shard.hpp"

namespace lift::box_lp {

struct Crossover {
  std::vector<double> d;  ///< this rank's shard
  std::vector<double> y;
  LpCertificate certificate;
  int inside = 0;  ///< coordinates strictly inside their bounds, of all ranks
};

/// A vertex beside an optimum that an interior-point method ended at.
///
/// Method      coordinates within a millionth of a bound are put on it, and on 0 those inside that neither g
///             nor A holds; the few others, gathered on every rank, are purified (solvers/purification.hpp);
///             what of A d = 0 the rounding took is made up for by the basis, and y changes until its reduced
///             costs vanish.
/// Shapes      d: this rank's shard; y: [m]; seconds: wall time [s] that it may take by an estimate of its
///             work, > 0, the same on every rank.
/// Collective  on lp.comm; the same on every rank. Nothing if too many coordinates are inside, also for
///             `seconds`, or if the vertex is not within its bounds.
/// Cost        two passes over A; a copy of d.
/// Test        tests/solvers/test_box_lp_crossover.cpp (1, 2, 4 ranks)
std::optional<Crossover> cross_over(const LpShard& lp, std::span<const double> d, std::span<const double> y,
                                    double seconds = std::numeric_limits<double>::infinity());

}  // namespace lift::box_lp
