#include "solvers/box_lp_screen.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mpi/collectives.hpp"
#include "solvers/lp_tiles.hpp"

namespace lift::box_lp {
namespace {

/// The offsets of a tile for which `marked` is set.
LIFT_INLINE int collect(const bool* marked, int count, int* chosen) {
  int size = 0;
  for (int k = 0; k < count; ++k) {
    chosen[size] = k;
    size += marked[k] ? 1 : 0;
  }
  return size;
}

/// w on one tile, and the tile's part of the norms.
LIFT_INLINE void weigh(const LpShard& lp, const double* inverse, std::int64_t begin, int count, double* w,
                       NormSums& norms) {
  const double* u = lp.u.data() + begin;
  std::fill_n(w, count, 0.0);
  for_rows(
      lp, begin,
      [&](int i, const double* r0, const double* r1, const double* r2, const double* r3) LIFT_LAMBDA {
        const double t0 = inverse[i], t1 = inverse[i + 1], t2 = inverse[i + 2], t3 = inverse[i + 3];
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
        for (int k = 0; k < count; ++k) {
          const double a0 = std::fabs(r0[k]) * u[k], a1 = std::fabs(r1[k]) * u[k];
          const double a2 = std::fabs(r2[k]) * u[k], a3 = std::fabs(r3[k]) * u[k];
          w[k] += (t0 * a0 + t1 * a1) + (t2 * a2 + t3 * a3);
          s0 += a0;
          s1 += a1;
          s2 += a2;
          s3 += a3;
        }
        norms.row(i) += s0, norms.row(i + 1) += s1, norms.row(i + 2) += s2, norms.row(i + 3) += s3;
      },
      [&](int i, const double* row) LIFT_LAMBDA {
        const double scale = inverse[i];
        double norm = 0;
#pragma omp simd reduction(+ : norm)
        for (int k = 0; k < count; ++k) {
          const double part = std::fabs(row[k]) * u[k];
          norm += part;
          w[k] += scale * part;
        }
        norms.row(i) += norm;
      });
  norms.cost() += weighted_norm(lp.g.data() + begin, u, count);
}

/// r = g − Aᵀy and w / u on one tile.
LIFT_INLINE void price(const LpShard& lp, const double* y, const double* inverse, std::int64_t begin,
                       int count, double* r, double* w) {
  std::copy_n(lp.g.data() + begin, count, r);
  std::fill_n(w, count, 0.0);
  for_rows(
      lp, begin,
      [&](int i, const double* r0, const double* r1, const double* r2, const double* r3) LIFT_LAMBDA {
        const double y0 = y[i], y1 = y[i + 1], y2 = y[i + 2], y3 = y[i + 3];
        const double t0 = inverse[i], t1 = inverse[i + 1], t2 = inverse[i + 2], t3 = inverse[i + 3];
#pragma omp simd
        for (int k = 0; k < count; ++k) {
          r[k] -= (y0 * r0[k] + y1 * r1[k]) + (y2 * r2[k] + y3 * r3[k]);
          w[k] += (t0 * std::fabs(r0[k]) + t1 * std::fabs(r1[k])) +
                  (t2 * std::fabs(r2[k]) + t3 * std::fabs(r3[k]));
        }
      },
      [&](int i, const double* row) LIFT_LAMBDA {
        const double multiplier = y[i], scale = inverse[i];
#pragma omp simd
        for (int k = 0; k < count; ++k) {
          r[k] -= multiplier * row[k];
          w[k] += scale * std::fabs(row[k]);
        }
      });
}

/// d = −u sign r where |r| > width · w/u, else 0, and whether any coordinate is in doubt. A column that is
/// zero, or bound to 0, never is.
LIFT_INLINE bool decide(const double* r, const double* u, const double* w, double width, int count, double* d,
                        bool* doubtful) {
  bool any = false;
#pragma omp simd reduction(|| : any)
  for (int k = 0; k < count; ++k) {
    doubtful[k] = u[k] * w[k] > 0 && std::fabs(r[k]) <= width * w[k];
    const double bound = r[k] > 0 ? -u[k] : (r[k] < 0 ? u[k] : 0.0);
    d[k] = doubtful[k] ? 0.0 : bound;
    any = any || doubtful[k];
  }
  return any;
}

}  // namespace

double* PackedLp::next() {
  const std::int64_t place = size() % kWidth;
  if (place == 0) blocks_.push_back(std::make_unique_for_overwrite<double[]>(rows_ * kWidth));
  return blocks_.back().get() + place;
}

void PackedLp::add(const LpShard& lp, std::int64_t begin, std::span<const int> chosen,
                   std::span<const double> bounds) {
  while (!chosen.empty()) {
    const auto count = std::min(std::ssize(chosen), kWidth - size() % kWidth);
    double* out = next();
    for (int i = 0; i < rows_; ++i, out += kWidth) {
      const double* row = lp.a.at(i, begin);
      for (std::int64_t j = 0; j < count; ++j) out[j] = row[chosen[j]];
    }
    for (std::int64_t j = 0; j < count; ++j) {
      origin_.push_back(begin + chosen[j]);
      g_.push_back(lp.g[begin + chosen[j]]);
      u_.push_back(bounds[j]);
    }
    chosen = chosen.subspan(count);
    bounds = bounds.subspan(count);
  }
}

void PackedLp::add_column(std::span<const double> a, double g, double u) {
  double* out = next();
  for (int i = 0; i < rows_; ++i, out += kWidth) *out = a[i];
  origin_.push_back(-1);
  g_.push_back(g);
  u_.push_back(u);
}

LpShard PackedLp::shard(const LpShard& whole) {
  static_assert(kWidth % kTile == 0);
  const auto sizes = gather_values(size(), whole.comm);
  pointers_.clear();
  for (const auto& block : blocks_) pointers_.push_back(block.get());
  return {.a = LpRows(pointers_, kWidth),
          .g = g_,
          .u = u_,
          .tau = whole.tau,
          .rows = rows_,
          .coordinates = std::reduce(sizes.begin(), sizes.end()),
          .begin = std::reduce(sizes.begin(), sizes.begin() + whole.comm.rank()),
          .comm = whole.comm};
}

Draw draw(const LpShard& lp, std::span<const double> inverse, double rate, std::int64_t most) {
  Draw drawn(lp.rows);
  vectorised([&]() LIFT_LAMBDA {
    alignas(64) double w[kTile], bounds[kTile];
    bool marked[kTile];
    int chosen[kTile];
    for_tiles(lp, [&](std::int64_t begin, int count) LIFT_LAMBDA {
      weigh(lp, inverse.data(), begin, count, w, drawn.norms);
      const auto first = static_cast<std::uint32_t>(lp.begin + begin + 1);
#pragma omp simd
      for (int k = 0; k < count; ++k) marked[k] = weyl(first + static_cast<std::uint32_t>(k)) < rate * w[k];
      const int size = collect(marked, count, chosen);
      drawn.cut_short = drawn.cut_short || drawn.program.size() + size > most;
      if (drawn.cut_short) return;
      for (int j = 0; j < size; ++j) {
        const double weight = w[chosen[j]], chance = std::min(1.0, rate * weight);
        bounds[j] = lp.u[begin + chosen[j]] / chance;
        drawn.weights.push_back(weight);
        drawn.chances.push_back(chance);
      }
      drawn.program.add(lp, begin, {chosen, static_cast<std::size_t>(size)},
                        {bounds, static_cast<std::size_t>(size)});
    });
  });
  return drawn;
}

std::vector<double> doubts(const LpShard& drawn, const Draw& draw, std::span<const double> y) {
  std::vector<double> ratios(draw.weights.size());
  vectorised([&]() LIFT_LAMBDA {
    for_tiles(drawn, [&](std::int64_t begin, int count) LIFT_LAMBDA {
      double* ratio = ratios.data() + begin;
      reduced_costs(drawn, y.data(), begin, count, ratio);
      const double *u = drawn.u.data() + begin, *chance = draw.chances.data() + begin;
      const double* w = draw.weights.data() + begin;
#pragma omp simd
      for (int k = 0; k < count; ++k) ratio[k] = u[k] * chance[k] * std::fabs(ratio[k]) / w[k];
    });
  });
  return ratios;
}

Screening screen(const LpShard& lp, std::span<const double> inverse, std::span<const double> y, double width,
                 std::int64_t most, std::span<double> d) {
  Screening result(lp.rows);
  vectorised([&]() LIFT_LAMBDA {
    alignas(64) double r[kTile], w[kTile], bounds[kTile];
    bool doubtful[kTile];
    int chosen[kTile];
    for_tiles(lp, [&](std::int64_t begin, int count) LIFT_LAMBDA {
      double* out = d.data() + begin;
      price(lp, y.data(), inverse.data(), begin, count, r, w);
      const bool any = decide(r, lp.u.data() + begin, w, width, count, out, doubtful);
      add_products(lp, out, begin, count, result.glob.data());
      result.glob_cost += dot(lp.g.data() + begin, out, count);
      if (!any) return;
      const int size = collect(doubtful, count, chosen);
      result.count += size;
      if (result.count > most) return;
      for (int j = 0; j < size; ++j) bounds[j] = lp.u[begin + chosen[j]];
      result.doubtful.add(lp, begin, {chosen, static_cast<std::size_t>(size)},
                          {bounds, static_cast<std::size_t>(size)});
    });
  });
  return result;
}

}  // namespace lift::box_lp
