#pragma once
#include <algorithm>
#include <cstdint>

#include "solvers/lp_shard.hpp"
#include "solvers/vectorised.hpp"

// What passes over a shard are made of: tiles of coordinates that stay in cache. Everything is inlined,
// because each pass is compiled once for every instruction set.
namespace lift {

/// Coordinates of a tile.
inline constexpr int kTile = 256;

/// body(begin, count) for each tile, a LIFT_LAMBDA.
template <typename Body>
LIFT_INLINE void for_tiles(const LpShard& lp, const Body& body) {
  for (std::int64_t begin = 0; begin < lp.size(); begin += kTile) {
    body(begin, static_cast<int>(std::min<std::int64_t>(kTile, lp.size() - begin)));
  }
}

LIFT_INLINE double dot(const double* a, const double* b, int count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int k = 0; k < count; ++k) sum += a[k] * b[k];
  return sum;
}

/// r = g − Aᵀy on one tile.
LIFT_INLINE void reduced_costs(const LpShard& lp, const double* y, std::int64_t begin, int count, double* r) {
  std::copy_n(lp.g.data() + begin, count, r);
  for (int i = 0; i < lp.rows; ++i) {
    const double* a = lp.row(i) + begin;
    const double multiplier = y[i];
#pragma omp simd
    for (int k = 0; k < count; ++k) r[k] -= multiplier * a[k];
  }
}

}  // namespace lift
