#include "solvers/box_lp_sweeps.hpp"

#include <cmath>

#include "solvers/box_lp_tile.hpp"

namespace lift::box_lp {
namespace {

LIFT_INLINE void advance(InteriorPoint& point, const Tile& tile, const StepLength& step) {
  double* slack = point.slack.data() + tile.begin;
  double* z_upper = point.z_upper.data() + tile.begin;
  double* z_lower = point.z_lower.data() + tile.begin;
  const double* affine = point.affine.data() + tile.begin;
  const double* dx = point.step.data() + tile.begin;
  const double primal = step.primal, dual = step.dual, target = step.target;
  const int count = tile.count;
#pragma omp simd
  for (int k = 0; k < count; ++k) {
    const Coordinate at = coordinate(slack[k], z_upper[k], z_lower[k]);
    const Slacks dz = at.corrected_dz(affine[k], dx[k], target);
    const double upper = at.s.upper - primal * dx[k];
    const double lower = at.s.lower + primal * dx[k];
    slack[k] = upper <= lower ? upper : -lower;
    z_upper[k] += dual * dz.upper;
    z_lower[k] += dual * dz.lower;
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
  const int count = tile.count;
  double gap = 0, complementarity = 0;
#pragma omp simd reduction(+ : gap, complementarity)
  for (int k = 0; k < count; ++k) {
    const Coordinate at = coordinate(slack[k], z_upper[k], z_lower[k]);
    const double x = slack[k] > 0 ? 1 - slack[k] : -1 - slack[k];
    const double r = u[k] * (cost_scale * g[k] - bty[k]);
    const double ud = u[k] * at.d();
    w.normal[k] = u[k] * ud;
    w.residual[k] = ud * (z_lower[k] - z_upper[k]);
    w.centring[k] = ud * at.centring();
    w.primal[k] = u[k] * x;
    gap += std::fabs(r) + r * x;
    complementarity += z_upper[k] * at.s.upper + z_lower[k] * at.s.lower;
  }
  sums.gap() += gap;
  sums.complementarity() += complementarity;
}

LIFT_INLINE void add_vectors(const Tile& tile, const Weights& w, NewtonSums& sums) {
  const int count = tile.count;
  for (int i = 0; i < tile.rank(); ++i) {
    const double* row = tile.rows[i];
    double residual = 0, centring = 0, primal = 0;
#pragma omp simd reduction(+ : residual, centring, primal)
    for (int k = 0; k < count; ++k) {
      residual += row[k] * w.residual[k];
      centring += row[k] * w.centring[k];
      primal += row[k] * w.primal[k];
    }
    sums.residual()[i] += tile.scale[i] * residual;
    sums.centring()[i] += tile.scale[i] * centring;
    sums.primal()[i] += tile.scale[i] * primal;
  }
}

/// Copies the basis rows of a tile next to each other, scaled, and once more with every coordinate weighted.
LIFT_INLINE void pack(const Tile& tile, const double* weight, double* packed, double* weighted) {
  const int count = tile.count;
  for (int i = 0; i < tile.rank(); ++i) {
    const double* row = tile.rows[i];
    const double scale = tile.scale[i];
    double* __restrict out = packed + i * kTile;
    double* __restrict left = weighted + i * kTile;
#pragma omp simd
    for (int k = 0; k < count; ++k) {
      out[k] = scale * row[k];
      left[k] = out[k] * weight[k];
    }
  }
}

LIFT_INLINE void assemble_body(Workspace& work, InteriorPoint& point, const StepLength& step, const double* y,
                               double* packed, NewtonSums& sums) {
  work.for_tiles([&](const Tile& tile) LIFT_LAMBDA {
    alignas(64) double bty[kTile];
    alignas(64) Weights weights;
    double* weighted = packed + tile.rank() * kTile;
    advance(point, tile, step);
    combine(tile.rows, y, tile.rank(), tile.count, bty);
    weigh(tile, point, bty, weights, sums);
    add_vectors(tile, weights, sums);
    pack(tile, weights.normal, packed, weighted);
    add_products(weighted, packed, tile.rank(), tile.count, sums.normal().data());
  });
}

LIFT_INLINE void predict_body(Workspace& work, InteriorPoint& point, const double* dy, PredictorSums& out) {
  double to_bound = 0, to_zero = 0, sdz = 0, zds = 0, dsdz = 0;
  work.for_tiles([&](const Tile& tile) LIFT_LAMBDA {
    alignas(64) double bty[kTile];
    alignas(64) double second_order[kTile];
    combine(tile.rows, dy, tile.rank(), tile.count, bty);
    const double* u = tile.u();
    const double* slack = point.slack.data() + tile.begin;
    const double* z_upper = point.z_upper.data() + tile.begin;
    const double* z_lower = point.z_lower.data() + tile.begin;
    double* affine = point.affine.data() + tile.begin;
    const int count = tile.count;
#pragma omp simd reduction(max : to_bound, to_zero) reduction(+ : sdz, zds, dsdz)
    for (int k = 0; k < count; ++k) {
      const Coordinate at = coordinate(slack[k], z_upper[k], z_lower[k]);
      const double dx = at.d() * (u[k] * bty[k] + (z_upper[k] - z_lower[k]));
      const Slacks dz = at.affine_dz(dx);
      const double to_upper = dx * at.per_upper, to_lower = -dx * at.per_lower;
      affine[k] = dx;
      second_order[k] = u[k] * at.d() * at.second_order(dx);
      to_bound = larger(larger(to_upper, to_lower), to_bound);
      to_zero = larger(larger(1 - to_upper, 1 - to_lower), to_zero);
      sdz += at.s.upper * dz.upper + at.s.lower * dz.lower;
      zds += dx * (z_lower[k] - z_upper[k]);
      dsdz += dx * (dz.lower - dz.upper);
    }
    for (int i = 0; i < tile.rank(); ++i) {
      out.products[i] += tile.scale[i] * dot(tile.rows[i], second_order, count);
    }
  });
  out.inverse = {to_bound, to_zero};
  out.s_dz() = sdz;
  out.z_ds() = zds;
  out.ds_dz() = dsdz;
}

LIFT_INLINE InverseSteps correct_body(Workspace& work, InteriorPoint& point, const double* dy,
                                      double target) {
  double to_bound = 0, to_zero = 0;
  work.for_tiles([&](const Tile& tile) LIFT_LAMBDA {
    alignas(64) double bty[kTile];
    combine(tile.rows, dy, tile.rank(), tile.count, bty);
    const double* u = tile.u();
    const double* slack = point.slack.data() + tile.begin;
    const double* z_upper = point.z_upper.data() + tile.begin;
    const double* z_lower = point.z_lower.data() + tile.begin;
    const double* affine = point.affine.data() + tile.begin;
    double* step = point.step.data() + tile.begin;
    const int count = tile.count;
#pragma omp simd reduction(max : to_bound, to_zero)
    for (int k = 0; k < count; ++k) {
      const Coordinate at = coordinate(slack[k], z_upper[k], z_lower[k]);
      const double dx = at.d() * (u[k] * bty[k] + (z_upper[k] - z_lower[k]) + target * at.centring() +
                                  at.second_order(affine[k]));
      const Slacks dz = at.corrected_dz(affine[k], dx, target);
      step[k] = dx;
      to_bound = larger(larger(dx * at.per_upper, -dx * at.per_lower), to_bound);
      to_zero = larger(larger(-dz.upper / z_upper[k], -dz.lower / z_lower[k]), to_zero);
    }
  });
  return {to_bound, to_zero};
}

LIFT_INLINE double project_body(Workspace& work, InteriorPoint& point, const double* dy) {
  double to_bound = 0;
  work.for_tiles([&](const Tile& tile) LIFT_LAMBDA {
    alignas(64) double bty[kTile];
    combine(tile.rows, dy, tile.rank(), tile.count, bty);
    const double* u = tile.u();
    const double* slack = point.slack.data() + tile.begin;
    const double* z_upper = point.z_upper.data() + tile.begin;
    const double* z_lower = point.z_lower.data() + tile.begin;
    double* step = point.step.data() + tile.begin;
    const int count = tile.count;
#pragma omp simd reduction(max : to_bound)
    for (int k = 0; k < count; ++k) {
      const Coordinate at = coordinate(slack[k], z_upper[k], z_lower[k]);
      const double dx = at.d() * (u[k] * bty[k]);
      step[k] = dx;
      to_bound = larger(larger(dx * at.per_upper, -dx * at.per_lower), to_bound);
    }
  });
  return to_bound;
}

}  // namespace

void advance_and_assemble(const ScaledLp& lp, InteriorPoint& point, const StepLength& step,
                          std::span<const double> y, NewtonSums& sums) {
  sums = NewtonSums(lp.basis.rank());
  Workspace work(lp);
  const auto w = work.scaled(y);
  vectorised([&]() LIFT_LAMBDA { assemble_body(work, point, step, w.data(), work.packed(), sums); });
}

PredictorSums predict(const ScaledLp& lp, InteriorPoint& point, std::span<const double> dy) {
  PredictorSums out(lp.basis.rank());
  Workspace work(lp);
  const auto w = work.scaled(dy);
  vectorised([&]() LIFT_LAMBDA { predict_body(work, point, w.data(), out); });
  return out;
}

InverseSteps correct(const ScaledLp& lp, InteriorPoint& point, std::span<const double> dy, double target) {
  InverseSteps inverse;
  Workspace work(lp);
  const auto w = work.scaled(dy);
  vectorised([&]() LIFT_LAMBDA { inverse = correct_body(work, point, w.data(), target); });
  return inverse;
}

double project(const ScaledLp& lp, InteriorPoint& point, std::span<const double> dy) {
  double to_bound = 0;
  Workspace work(lp);
  const auto w = work.scaled(dy);
  vectorised([&]() LIFT_LAMBDA { to_bound = project_body(work, point, w.data()); });
  return to_bound;
}

double dual_residual(const ScaledLp& lp, std::span<const double> y, std::span<double> r) {
  Workspace work(lp);
  const auto w = work.scaled(y);
  double norm = 0;
  work.for_tiles([&](const Tile& tile) {
    double* out = r.data() + tile.begin;
    combine(tile.rows, w.data(), tile.rank(), tile.count, out);
    const double *g = tile.g(), *u = tile.u();
    const int count = tile.count;
#pragma omp simd reduction(+ : norm)
    for (int k = 0; k < count; ++k) {
      out[k] = u[k] * (lp.cost_scale * g[k] - out[k]);
      norm += std::fabs(out[k]);
    }
  });
  return norm;
}

std::vector<double> basis_norms(const ScaledLp& lp) {
  Workspace work(lp);
  std::vector<double> norms(static_cast<std::size_t>(lp.basis.rank()), 0.0);
  work.for_tiles([&](const Tile& tile) {
    const int count = tile.count;
    const double* u = tile.u();
    for (int i = 0; i < tile.rank(); ++i) {
      const double* row = tile.rows[i];
      double norm = 0;
#pragma omp simd reduction(+ : norm)
      for (int k = 0; k < count; ++k) norm += std::fabs(row[k]) * u[k];
      norms[i] += tile.scale[i] * norm;
    }
  });
  return norms;
}

}  // namespace lift::box_lp
