#include "solvers/box_lp_screen.hpp"

#include <algorithm>
#include <cmath>

#include "mpi/collectives.hpp"
#include "solvers/lp_tiles.hpp"

namespace lift::box_lp {
namespace {

/// 2⁶⁴ / φ, odd.
constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;

/// frac(k φ)
LIFT_INLINE double weyl(std::uint64_t k) {
  return static_cast<double>((k * kGolden) >> 11) * 0x1p-53;
}

/// d = −u sign r where u|r| > width · w, else 0, and whether any coordinate is in doubt. A column that is
/// zero has w = 0 and is never.
LIFT_INLINE bool decide(const double* r, const double* u, const double* w, double width, int count, double* d,
                        bool* doubtful) {
  bool any = false;
#pragma omp simd reduction(|| : any)
  for (int k = 0; k < count; ++k) {
    doubtful[k] = w[k] > 0 && u[k] * std::fabs(r[k]) <= width * w[k];
    const double bound = r[k] > 0 ? -u[k] : (r[k] < 0 ? u[k] : 0.0);
    d[k] = doubtful[k] ? 0.0 : bound;
    any = any || doubtful[k];
  }
  return any;
}

}  // namespace

void PackedLp::add(std::int64_t k, double u) {
  origin_.push_back(k);
  u_.push_back(u);
}

void PackedLp::add_column(std::span<const double> a, double g, double u) {
  column_.assign(a.begin(), a.end());
  column_cost_ = g;
  add(-1, u);
}

LpShard PackedLp::shard(const LpShard& whole) {
  const auto gather = [&](const double* from, double column, double* out) {
    for (const std::int64_t k : origin_) *out++ = k >= 0 ? from[k] : column;
  };
  const std::size_t size = origin_.size();
  column_.resize(static_cast<std::size_t>(whole.rows), 0.0);
  a_.resize(column_.size() * size);
  g_.resize(size);
  for (std::size_t i = 0; i < column_.size(); ++i)
    gather(whole.row(static_cast<int>(i)), column_[i], a_.data() + i * size);
  gather(whole.g.data(), column_cost_, g_.data());
  return {.a = a_,
          .g = g_,
          .u = u_,
          .tau = whole.tau,
          .rows = whole.rows,
          .coordinates = sum_over_ranks(this->size(), whole.comm),
          .begin = 0,
          .comm = whole.comm};
}

double leverage(const LpShard& lp, std::span<const double> norms, std::span<double> w) {
  std::vector<double> inverse(norms.begin(), norms.end());
  for (double& norm : inverse) norm = norm > 0 ? 1 / norm : 0;
  double total = 0;
  vectorised([&]() LIFT_LAMBDA {
    for_tiles(lp, [&](std::int64_t begin, int count) LIFT_LAMBDA {
      double* out = w.data() + begin;
      std::fill_n(out, count, 0.0);
      for (int i = 0; i < lp.rows; ++i) {
        const double* a = lp.row(i) + begin;
        const double scale = inverse[static_cast<std::size_t>(i)];
#pragma omp simd
        for (int k = 0; k < count; ++k) out[k] += scale * std::fabs(a[k]);
      }
      const double* u = lp.u.data() + begin;
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int k = 0; k < count; ++k) {
        out[k] *= u[k];
        sum += out[k];
      }
      total += sum;
    });
  });
  return total;
}

PackedLp draw(const LpShard& lp, std::span<const double> w, double rate) {
  PackedLp drawn;
  for (std::int64_t k = 0; k < lp.size(); ++k) {
    const double probability = std::min(1.0, rate * w[static_cast<std::size_t>(k)]);
    if (weyl(static_cast<std::uint64_t>(lp.begin + k + 1)) < probability)
      drawn.add(k, lp.u[static_cast<std::size_t>(k)] / probability);
  }
  return drawn;
}

Screening screen(const LpShard& lp, std::span<const double> w, std::span<const double> y, double width,
                 std::int64_t most, std::span<double> d) {
  Screening result{{}, 0, std::vector<double>(static_cast<std::size_t>(lp.rows), 0.0), 0};
  vectorised([&]() LIFT_LAMBDA {
    alignas(64) double r[kTile];
    bool doubtful[kTile];
    for_tiles(lp, [&](std::int64_t begin, int count) LIFT_LAMBDA {
      double* out = d.data() + begin;
      reduced_costs(lp, y.data(), begin, count, r);
      const bool any = decide(r, lp.u.data() + begin, w.data() + begin, width, count, out, doubtful);
      for (int i = 0; i < lp.rows; ++i)
        result.glob[static_cast<std::size_t>(i)] += dot(lp.row(i) + begin, out, count);
      result.glob_cost += dot(lp.g.data() + begin, out, count);
      if (!any) return;
      for (int k = 0; k < count; ++k) {
        if (!doubtful[k]) continue;
        if (++result.count <= most) result.doubtful.add(begin + k, lp.u[static_cast<std::size_t>(begin + k)]);
      }
    });
  });
  return result;
}

}  // namespace lift::box_lp
