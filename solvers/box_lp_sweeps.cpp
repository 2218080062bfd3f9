#include "solvers/box_lp_sweeps.hpp"

#include <algorithm>
#include <cmath>

// The sweeps are written once, as plain loops, and compiled twice on x86-64: for the baseline and for AVX2 with
// FMA, chosen at run time. `omp simd` lets the compiler reorder the named reductions and nothing else.
#if defined(__x86_64__) && defined(__GNUC__)
#define LIFT_SWEEPS_AVX2 1
#endif
#define LIFT_INLINE [[gnu::always_inline]] inline

namespace lift::box_lp {
namespace {

struct Slacks {
  double upper;
  double lower;
};

LIFT_INLINE Slacks slacks(double nearest) {
  const double near = std::fabs(nearest);
  const double far = 2 - near;
  return nearest > 0 ? Slacks{near, far} : Slacks{far, near};
}

/// Multiplier steps of one coordinate.
struct Multipliers {
  double upper;
  double lower;
};

LIFT_INLINE Multipliers affine_multipliers(Slacks s, double z_upper, double z_lower, double dx) {
  return {z_upper * (dx / s.upper - 1), -z_lower * (dx / s.lower + 1)};
}

/// Steps that solve  z ds + s dz = target − z s − ds_a dz_a  with ds = ∓dx.
LIFT_INLINE Multipliers corrected_multipliers(Slacks s, double z_upper, double z_lower, double affine, double dx,
                                              double target) {
  const Multipliers a = affine_multipliers(s, z_upper, z_lower, affine);
  return {(target + a.upper * affine + z_upper * dx) / s.upper - z_upper,
          (target - a.lower * affine - z_lower * dx) / s.lower - z_lower};
}

LIFT_INLINE double larger(double a, double b) { return a > b ? a : b; }

/// Tile of coordinates [begin, begin + count) and its columns of A.
struct Tile {
  const ScaledLp& lp;
  std::int64_t begin;
  int count;
  [[nodiscard]] const double* row(int i) const { return lp.a.data() + i * lp.size() + begin; }
  [[nodiscard]] const double* g() const { return lp.g.data() + begin; }
  [[nodiscard]] const double* u() const { return lp.u.data() + begin; }
};

/// out_k = Σ_i w_i a_ik.
LIFT_INLINE void combine_rows(const Tile& tile, const double* w, double* __restrict out) {
  const int count = tile.count;
  const int rows = tile.lp.rows();
  std::fill_n(out, count, 0.0);
  int i = 0;
  for (; i + 4 <= rows; i += 4) {
    const double *a0 = tile.row(i), *a1 = tile.row(i + 1), *a2 = tile.row(i + 2), *a3 = tile.row(i + 3);
    const double w0 = w[i], w1 = w[i + 1], w2 = w[i + 2], w3 = w[i + 3];
#pragma omp simd
    for (int k = 0; k < count; ++k) out[k] += (w0 * a0[k] + w1 * a1[k]) + (w2 * a2[k] + w3 * a3[k]);
  }
  for (; i < rows; ++i) {
    const double* a0 = tile.row(i);
    const double w0 = w[i];
#pragma omp simd
    for (int k = 0; k < count; ++k) out[k] += w0 * a0[k];
  }
}

LIFT_INLINE double dot(const double* a, const double* b, int count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int k = 0; k < count; ++k) sum += a[k] * b[k];
  return sum;
}

/// out[i][j] += left_i · right_j for two rows and four: eight sums at once, so that loads are shared.
LIFT_INLINE void dot_2x4(const double* left, const double* const right[4], int count, double* out, int stride) {
  const double *l0 = left, *l1 = left + kTile;
  const double *r0 = right[0], *r1 = right[1], *r2 = right[2], *r3 = right[3];
  double s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
#pragma omp simd reduction(+ : s00, s01, s02, s03, s10, s11, s12, s13)
  for (int k = 0; k < count; ++k) {
    s00 += l0[k] * r0[k];
    s01 += l0[k] * r1[k];
    s02 += l0[k] * r2[k];
    s03 += l0[k] * r3[k];
    s10 += l1[k] * r0[k];
    s11 += l1[k] * r1[k];
    s12 += l1[k] * r2[k];
    s13 += l1[k] * r3[k];
  }
  out[0] += s00, out[1] += s01, out[2] += s02, out[3] += s03;
  out[stride] += s10, out[stride + 1] += s11, out[stride + 2] += s12, out[stride + 3] += s13;
}

/// Adds left · Aᵀ to the lower triangle of `normal`; blocks that cross the diagonal also fill above it.
LIFT_INLINE void add_products(const Tile& tile, const double* left, double* normal) {
  const int rows = tile.lp.rows();
  for (int j = 0; j < rows; j += 4) {
    const bool whole = j + 4 <= rows;
    int i = j;
    for (; whole && i + 2 <= rows; i += 2) {
      const double* const right[4] = {tile.row(j), tile.row(j + 1), tile.row(j + 2), tile.row(j + 3)};
      dot_2x4(left + i * kTile, right, tile.count, normal + i * rows + j, rows);
    }
    for (; i < rows; ++i) {
      for (int l = j; l < std::min(j + 4, i + 1); ++l) {
        normal[i * rows + l] += dot(left + i * kTile, tile.row(l), tile.count);
      }
    }
  }
}

LIFT_INLINE void advance(InteriorPoint& point, const Tile& tile, const StepLength& step) {
  double* slack = point.slack.data() + tile.begin;
  double* z_upper = point.z_upper.data() + tile.begin;
  double* z_lower = point.z_lower.data() + tile.begin;
  const double* affine = point.affine.data() + tile.begin;
  const double* dx = point.step.data() + tile.begin;
  const StepLength by = step;
#pragma omp simd
  for (int k = 0; k < tile.count; ++k) {
    const Slacks s = slacks(slack[k]);
    const Multipliers dz = corrected_multipliers(s, z_upper[k], z_lower[k], affine[k], dx[k], by.target);
    const double upper = s.upper - by.primal * dx[k];
    const double lower = s.lower + by.primal * dx[k];
    slack[k] = upper <= lower ? upper : -lower;
    z_upper[k] += by.dual * dz.upper;
    z_lower[k] += by.dual * dz.lower;
  }
}

/// Per-coordinate weights of one tile of the Newton sums, each with the column scale u folded in.
struct Weights {
  double normal[kTile];    ///< u D u
  double residual[kTile];  ///< u D r
  double centring[kTile];  ///< u D (1/s⁻ − 1/s⁺)
  double primal[kTile];    ///< u x
};

LIFT_INLINE void weigh(const Tile& tile, const InteriorPoint& point, const double* bty, Weights& w,
                       NewtonSums& sums) {
  const double *g = tile.g(), *u = tile.u();
  const double* slack = point.slack.data() + tile.begin;
  const double* z_upper = point.z_upper.data() + tile.begin;
  const double* z_lower = point.z_lower.data() + tile.begin;
  const double cost_scale = tile.lp.cost_scale;
  double gap = 0, complementarity = 0, dual_norm = 0;
#pragma omp simd reduction(+ : gap, complementarity, dual_norm)
  for (int k = 0; k < tile.count; ++k) {
    const Slacks s = slacks(slack[k]);
    const double x = slack[k] > 0 ? 1 - slack[k] : -1 - slack[k];
    const double r = u[k] * (cost_scale * g[k] - bty[k]);
    const double ud = u[k] * (s.upper * s.lower) / (z_upper[k] * s.lower + z_lower[k] * s.upper);
    w.normal[k] = u[k] * ud;
    w.residual[k] = ud * r;
    w.centring[k] = ud * (s.upper - s.lower) / (s.upper * s.lower);
    w.primal[k] = u[k] * x;
    gap += std::fabs(r) + r * x;
    complementarity += z_upper[k] * s.upper + z_lower[k] * s.lower;
    dual_norm += std::fabs(r);
  }
  sums.gap() += gap;
  sums.complementarity() += complementarity;
  sums.dual_norm() += dual_norm;
}

LIFT_INLINE void add_vectors(const Tile& tile, const Weights& w, NewtonSums& sums) {
  for (int i = 0; i < tile.lp.rows(); ++i) {
    const double* a = tile.row(i);
    double residual = 0, centring = 0, primal = 0;
#pragma omp simd reduction(+ : residual, centring, primal)
    for (int k = 0; k < tile.count; ++k) {
      residual += a[k] * w.residual[k];
      centring += a[k] * w.centring[k];
      primal += a[k] * w.primal[k];
    }
    const double scale = tile.lp.row_scale[i];
    sums.residual()[i] += scale * residual;
    sums.centring()[i] += scale * centring;
    sums.primal()[i] += scale * primal;
  }
}

LIFT_INLINE void scale_left(const Tile& tile, const double* weight, double* __restrict left) {
  for (int i = 0; i < tile.lp.rows(); ++i) {
    const double* a = tile.row(i);
    const double scale = tile.lp.row_scale[i];
    double* out = left + i * kTile;
#pragma omp simd
    for (int k = 0; k < tile.count; ++k) out[k] = (scale * a[k]) * weight[k];
  }
}

std::vector<double> scaled_rows(const ScaledLp& lp, std::span<const double> y) {
  std::vector<double> w(y.size());
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = lp.row_scale[i] * y[i];
  return w;
}

template <typename Body>
LIFT_INLINE void for_tiles(const ScaledLp& lp, Body&& body) {
  for (std::int64_t begin = 0; begin < lp.size(); begin += kTile) {
    body(Tile{lp, begin, static_cast<int>(std::min<std::int64_t>(kTile, lp.size() - begin))});
  }
}

LIFT_INLINE void assemble_body(const ScaledLp& lp, InteriorPoint& point, const StepLength& step, const double* w,
                               double* left, NewtonSums& sums) {
  for_tiles(lp, [&](const Tile& tile) __attribute__((always_inline)) {
    alignas(64) double bty[kTile];
    alignas(64) Weights weights;
    advance(point, tile, step);
    combine_rows(tile, w, bty);
    weigh(tile, point, bty, weights, sums);
    add_vectors(tile, weights, sums);
    scale_left(tile, weights.normal, left);
    add_products(tile, left, sums.normal().data());
  });
}

LIFT_INLINE void predict_body(const ScaledLp& lp, InteriorPoint& point, const double* w, PredictorSums& out) {
  double ip = 0, id = 0, sdz = 0, zds = 0, dsdz = 0;
  for_tiles(lp, [&](const Tile& tile) __attribute__((always_inline)) {
    alignas(64) double bty[kTile];
    alignas(64) double second_order[kTile];
    combine_rows(tile, w, bty);
    const double *g = tile.g(), *u = tile.u();
    const double* slack = point.slack.data() + tile.begin;
    const double* z_upper = point.z_upper.data() + tile.begin;
    const double* z_lower = point.z_lower.data() + tile.begin;
    double* affine = point.affine.data() + tile.begin;
    const double cost_scale = lp.cost_scale;
#pragma omp simd reduction(max : ip, id) reduction(+ : sdz, zds, dsdz)
    for (int k = 0; k < tile.count; ++k) {
      const Slacks s = slacks(slack[k]);
      const double d = (s.upper * s.lower) / (z_upper[k] * s.lower + z_lower[k] * s.upper);
      const double dx = d * (u[k] * (bty[k] - cost_scale * g[k]));
      const Multipliers dz = affine_multipliers(s, z_upper[k], z_lower[k], dx);
      const double to_upper = dx / s.upper, to_lower = -dx / s.lower;
      affine[k] = dx;
      second_order[k] = -(u[k] * d) * dx * (dz.upper / s.upper + dz.lower / s.lower);
      ip = larger(larger(to_upper, to_lower), ip);
      id = larger(larger(1 - to_upper, 1 - to_lower), id);
      sdz += s.upper * dz.upper + s.lower * dz.lower;
      zds += dx * (z_lower[k] - z_upper[k]);
      dsdz += dx * (dz.lower - dz.upper);
    }
    for (int i = 0; i < lp.rows(); ++i) out.sums[i] += lp.row_scale[i] * dot(tile.row(i), second_order, tile.count);
  });
  out.inverse = {ip, id};
  std::copy_n(std::initializer_list<double>{sdz, zds, dsdz}.begin(), 3, out.sums.begin() + lp.rows());
}

LIFT_INLINE InverseSteps correct_body(const ScaledLp& lp, InteriorPoint& point, const double* w, double target) {
  double ip = 0, id = 0;
  for_tiles(lp, [&](const Tile& tile) __attribute__((always_inline)) {
    alignas(64) double bty[kTile];
    combine_rows(tile, w, bty);
    const double *g = tile.g(), *u = tile.u();
    const double* slack = point.slack.data() + tile.begin;
    const double* z_upper = point.z_upper.data() + tile.begin;
    const double* z_lower = point.z_lower.data() + tile.begin;
    const double* affine = point.affine.data() + tile.begin;
    double* step = point.step.data() + tile.begin;
    const double cost_scale = lp.cost_scale;
#pragma omp simd reduction(max : ip, id)
    for (int k = 0; k < tile.count; ++k) {
      const Slacks s = slacks(slack[k]);
      const double zu = z_upper[k], zl = z_lower[k];
      const Multipliers a = affine_multipliers(s, zu, zl, affine[k]);
      const double d = (s.upper * s.lower) / (zu * s.lower + zl * s.upper);
      const double towards = target * (s.upper - s.lower) / (s.upper * s.lower);
      const double second_order = -affine[k] * (a.upper / s.upper + a.lower / s.lower);
      const double dx = d * (u[k] * (bty[k] - cost_scale * g[k]) + towards + second_order);
      const Multipliers dz = corrected_multipliers(s, zu, zl, affine[k], dx, target);
      step[k] = dx;
      ip = larger(larger(dx / s.upper, -dx / s.lower), ip);
      id = larger(larger(-dz.upper / zu, -dz.lower / zl), id);
    }
  });
  return {ip, id};
}

void assemble_baseline(const ScaledLp& lp, InteriorPoint& point, const StepLength& step, const double* w,
                       double* left, NewtonSums& sums) {
  assemble_body(lp, point, step, w, left, sums);
}
void predict_baseline(const ScaledLp& lp, InteriorPoint& point, const double* w, PredictorSums& out) {
  predict_body(lp, point, w, out);
}
InverseSteps correct_baseline(const ScaledLp& lp, InteriorPoint& point, const double* w, double target) {
  return correct_body(lp, point, w, target);
}

#ifdef LIFT_SWEEPS_AVX2
[[gnu::target("avx2,fma")]] void assemble_avx2(const ScaledLp& lp, InteriorPoint& point, const StepLength& step,
                                               const double* w, double* left, NewtonSums& sums) {
  assemble_body(lp, point, step, w, left, sums);
}
[[gnu::target("avx2,fma")]] void predict_avx2(const ScaledLp& lp, InteriorPoint& point, const double* w,
                                              PredictorSums& out) {
  predict_body(lp, point, w, out);
}
[[gnu::target("avx2,fma")]] InverseSteps correct_avx2(const ScaledLp& lp, InteriorPoint& point, const double* w,
                                                      double target) {
  return correct_body(lp, point, w, target);
}
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
constexpr auto assemble_avx2 = assemble_baseline;
constexpr auto predict_avx2 = predict_baseline;
constexpr auto correct_avx2 = correct_baseline;
bool has_avx2() { return false; }
#endif

}  // namespace

void advance_and_assemble(const ScaledLp& lp, InteriorPoint& point, const StepLength& step, std::span<const double> y,
                          NewtonSums& sums) {
  std::fill(sums.all().begin(), sums.all().end(), 0.0);
  const auto w = scaled_rows(lp, y);
  std::vector<double> left(static_cast<std::size_t>(lp.rows()) * kTile);
  (has_avx2() ? assemble_avx2 : assemble_baseline)(lp, point, step, w.data(), left.data(), sums);
  // The other factor of the row scale: b_i · b_j = row_scale_i row_scale_j Σ_k u_k a_ik a_jk u_k.
  for (int i = 0; i < lp.rows(); ++i) {
    for (int j = 0; j < lp.rows(); ++j) sums.normal()[static_cast<std::size_t>(i) * lp.rows() + j] *= lp.row_scale[j];
  }
}

PredictorSums predict(const ScaledLp& lp, InteriorPoint& point, std::span<const double> y_next) {
  PredictorSums out{{}, std::vector<double>(static_cast<std::size_t>(lp.rows()) + 3, 0.0)};
  const auto w = scaled_rows(lp, y_next);
  (has_avx2() ? predict_avx2 : predict_baseline)(lp, point, w.data(), out);
  return out;
}

InverseSteps correct(const ScaledLp& lp, InteriorPoint& point, std::span<const double> y_next, double target) {
  const auto w = scaled_rows(lp, y_next);
  return (has_avx2() ? correct_avx2 : correct_baseline)(lp, point, w.data(), target);
}

double dual_residual(const ScaledLp& lp, std::span<const double> y, std::span<double> r) {
  const auto w = scaled_rows(lp, y);
  double norm = 0;
  for_tiles(lp, [&](const Tile& tile) {
    double* out = r.data() + tile.begin;
    combine_rows(tile, w.data(), out);
    const double *g = tile.g(), *u = tile.u();
#pragma omp simd reduction(+ : norm)
    for (int k = 0; k < tile.count; ++k) {
      out[k] = u[k] * (lp.cost_scale * g[k] - out[k]);
      norm += std::fabs(out[k]);
    }
  });
  return norm;
}

}  // namespace lift::box_lp
