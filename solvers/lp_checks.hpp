#pragma once
#include <span>
#include <string>

#include "solvers/probe_matrix.hpp"

namespace lift {

/// The vectors of a linear problem over the coordinates of A, as its solver was given them.
struct LpVectors {
  std::span<const double> g, u, d;  ///< this rank's shards
  std::span<const double> y;        ///< [m]
};

/// Throws AgreedError(internal) on every rank if g, u or d is not this rank's shard of A's coordinates
/// on any rank, or y not one entry a row; `what` begins the message. Collective on a.comm().
void check_lp_shapes(const std::string& what, const ProbeMatrix& a, const LpVectors& vectors);

/// Throws AgreedError(internal) on every rank if g or A holds an entry that is not finite on any rank,
/// or u one that is negative or not finite; u may be shorter than g. Collective on a.comm(); one pass
/// over A.
void check_lp_entries(const std::string& what, const ProbeMatrix& a, std::span<const double> g,
                      std::span<const double> u);

/// max(0, |d| − u) / u, with u = 0 counting as +∞ unless d = 0; NaN counts as +∞.
double bound_violation(double d, double u);

/// The larger of the two, NaN if either is.
double larger(double a, double b);

}  // namespace lift
