#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "solvers/lp_shard.hpp"
#include "solvers/vectorised.hpp"

// What passes over a shard are made of: tiles of coordinates that stay in cache. Everything is inlined,
// because each pass is compiled once for every instruction set.
namespace lift {

/// body(begin, count) for each tile, a LIFT_LAMBDA.
template <typename Body>
LIFT_INLINE void for_tiles(const LpShard& lp, const Body& body) {
  for (std::int64_t begin = 0; begin < lp.size(); begin += kTile) {
    body(begin, static_cast<int>(std::min<std::int64_t>(kTile, lp.size() - begin)));
  }
}

/// 2³² / φ, odd.
inline constexpr std::uint32_t kGolden = 0x9E3779B9;

/// frac(k φ), to 31 bits and never 0: a low-discrepancy sequence.
LIFT_INLINE double weyl(std::uint32_t k) {
  return (static_cast<std::int32_t>((k * kGolden) >> 1) + 0.5) * 0x1p-31;
}

LIFT_INLINE double dot(const double* a, const double* b, int count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int k = 0; k < count; ++k) sum += a[k] * b[k];
  return sum;
}

/// Σ_k |values_k| u_k
LIFT_INLINE double weighted_norm(const double* values, const double* u, int count) {
  double norm = 0;
#pragma omp simd reduction(+ : norm)
  for (int k = 0; k < count; ++k) norm += std::fabs(values[k]) * u[k];
  return norm;
}

/// Asks for the next tile of a row while this one is worked on: the processor foresees none of it, for rows
/// are far apart and a tile of one is half a page.
LIFT_INLINE void prefetch_next_tile(const double* tile) {
  constexpr int kLine = 8;
  for (int k = kTile; k < 2 * kTile; k += kLine) __builtin_prefetch(tile + k, 0, 2);
}

/// body(i, r0, r1, r2, r3) for four rows of a tile at a time, so that no sum waits for itself, then rest(i,
/// row) for each of those that are left; the next tile of all of them is on its way to the cache.
template <typename Body, typename Rest>
LIFT_INLINE void for_rows(const LpShard& lp, std::int64_t begin, const Body& body, const Rest& rest) {
  const auto row = [&](int i) LIFT_LAMBDA {
    const double* a = lp.a.at(i, begin);
    prefetch_next_tile(a);
    return a;
  };
  int i = 0;
  for (; i + 4 <= lp.rows; i += 4) body(i, row(i), row(i + 1), row(i + 2), row(i + 3));
  for (; i < lp.rows; ++i) rest(i, row(i));
}

/// r = g − Aᵀy on one tile.
LIFT_INLINE void reduced_costs(const LpShard& lp, const double* y, std::int64_t begin, int count, double* r) {
  std::copy_n(lp.g.data() + begin, count, r);
  for_rows(
      lp, begin,
      [&](int i, const double* r0, const double* r1, const double* r2, const double* r3) LIFT_LAMBDA {
        const double y0 = y[i], y1 = y[i + 1], y2 = y[i + 2], y3 = y[i + 3];
#pragma omp simd
        for (int k = 0; k < count; ++k) r[k] -= (y0 * r0[k] + y1 * r1[k]) + (y2 * r2[k] + y3 * r3[k]);
      },
      [&](int i, const double* row) LIFT_LAMBDA {
        const double multiplier = y[i];
#pragma omp simd
        for (int k = 0; k < count; ++k) r[k] -= multiplier * row[k];
      });
}

/// out_i += Σ_k term(a_ik, x_k) over one tile, [rows].
template <typename Term>
LIFT_INLINE void add_row_sums(const LpShard& lp, const double* x, std::int64_t begin, int count, double* out,
                              const Term& term) {
  for_rows(
      lp, begin,
      [&](int i, const double* r0, const double* r1, const double* r2, const double* r3) LIFT_LAMBDA {
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
        for (int k = 0; k < count; ++k) {
          s0 += term(r0[k], x[k]);
          s1 += term(r1[k], x[k]);
          s2 += term(r2[k], x[k]);
          s3 += term(r3[k], x[k]);
        }
        out[i] += s0, out[i + 1] += s1, out[i + 2] += s2, out[i + 3] += s3;
      },
      [&](int i, const double* row) LIFT_LAMBDA {
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int k = 0; k < count; ++k) sum += term(row[k], x[k]);
        out[i] += sum;
      });
}

/// out_i += Σ_k a_ik x_k over one tile, [rows].
LIFT_INLINE void add_products(const LpShard& lp, const double* x, std::int64_t begin, int count,
                              double* out) {
  add_row_sums(lp, x, begin, count, out, [](double a, double b) LIFT_LAMBDA { return a * b; });
}

/// out_i += Σ_k |a_ik| u_k over one tile, [rows].
LIFT_INLINE void add_norms(const LpShard& lp, const double* u, std::int64_t begin, int count, double* out) {
  add_row_sums(lp, u, begin, count, out, [](double a, double b) LIFT_LAMBDA { return std::fabs(a) * b; });
}

}  // namespace lift
