#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "solvers/box_lp_sweeps.hpp"
#include "solvers/lp_tiles.hpp"

// What the sweeps of box_lp_sweeps.cpp are made of: one coordinate, one tile of coordinates, and the products
// on it. Everything is inlined, because each sweep is compiled once for every instruction set.

namespace lift::box_lp {

struct Slacks {
  double upper;
  double lower;
};

LIFT_INLINE Slacks slacks(double nearest) {
  const double near = std::fabs(nearest);
  const double far = 2 - near;
  return nearest > 0 ? Slacks{near, far} : Slacks{far, near};
}

/// One coordinate: slacks, multipliers and what the Newton steps make of them.
struct Coordinate {
  Slacks s;
  double z_upper, z_lower;
  double per_upper, per_lower;  ///< 1/s

  [[nodiscard]] LIFT_INLINE double d() const { return 1 / (z_upper * per_upper + z_lower * per_lower); }
  /// 1/s⁻ − 1/s⁺
  [[nodiscard]] LIFT_INLINE double centring() const { return per_lower - per_upper; }
  /// Multiplier steps of the predictor.
  [[nodiscard]] LIFT_INLINE Slacks affine_dz(double dx) const {
    return {z_upper * (dx * per_upper - 1), -z_lower * (dx * per_lower + 1)};
  }
  /// The second-order term p.
  [[nodiscard]] LIFT_INLINE double second_order(double affine) const {
    const Slacks dz = affine_dz(affine);
    return -affine * (dz.upper * per_upper + dz.lower * per_lower);
  }
  /// Steps that solve  z ds + s dz = target − z s − ds_a dz_a  with ds = ∓dx.
  [[nodiscard]] LIFT_INLINE Slacks corrected_dz(double affine, double dx, double target) const {
    const Slacks dz = affine_dz(affine);
    return {(target + dz.upper * affine + z_upper * dx) * per_upper - z_upper,
            (target - dz.lower * affine - z_lower * dx) * per_lower - z_lower};
  }
};

LIFT_INLINE Coordinate coordinate(double slack, double z_upper, double z_lower) {
  const Slacks s = slacks(slack);
  return {s, z_upper, z_lower, 1 / s.upper, 1 / s.lower};
}

LIFT_INLINE double larger(double a, double b) {
  return a > b ? a : b;
}

/// Coordinates [begin, begin + count) and the basis rows T A there: row i is scale[i] · rows[i].
struct Tile {
  const ScaledLp& lp;
  std::int64_t begin;
  int count;
  const double* const* rows;
  const double* scale;
  const double *costs, *bounds;  ///< g and u from `begin` on
  [[nodiscard]] int rank() const { return lp.basis.rank(); }
  [[nodiscard]] const double* g() const { return costs; }
  [[nodiscard]] const double* u() const { return bounds; }
};

/// out_k = Σ_i w_i row_ik over `size` rows.
LIFT_INLINE void combine(const double* const* rows, const double* w, int size, int count,
                         double* __restrict out) {
  std::fill_n(out, count, 0.0);
  int i = 0;
  for (; i + 4 <= size; i += 4) {
    const double *r0 = rows[i], *r1 = rows[i + 1], *r2 = rows[i + 2], *r3 = rows[i + 3];
    const double w0 = w[i], w1 = w[i + 1], w2 = w[i + 2], w3 = w[i + 3];
#pragma omp simd
    for (int k = 0; k < count; ++k) out[k] += (w0 * r0[k] + w1 * r1[k]) + (w2 * r2[k] + w3 * r3[k]);
  }
  for (; i < size; ++i) {
    const double* r0 = rows[i];
    const double w0 = w[i];
#pragma omp simd
    for (int k = 0; k < count; ++k) out[k] += w0 * r0[k];
  }
}

/// out[i][j] += left_i · right_j for two rows and four: eight sums at once, so that loads are shared.
LIFT_INLINE void add_dots_2x4(const double* left, const double* right, int count, double* out, int stride) {
  const double *l0 = left, *l1 = left + kTile;
  const double *r0 = right, *r1 = right + kTile, *r2 = right + 2 * kTile, *r3 = right + 3 * kTile;
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

/// Adds left · rightᵀ to the lower triangle of `out`; blocks that cross the diagonal also fill above it.
LIFT_INLINE void add_products(const double* left, const double* right, int rows, int count, double* out) {
  for (int j = 0; j < rows; j += 4) {
    int i = j;
    for (; j + 4 <= rows && i + 2 <= rows; i += 2) {
      add_dots_2x4(left + i * kTile, right + j * kTile, count, out + i * rows + j, rows);
    }
    for (; i < rows; ++i) {
      for (int l = j; l < std::min(j + 4, i + 1); ++l) {
        out[i * rows + l] += dot(left + i * kTile, right + l * kTile, count);
      }
    }
  }
}

/// What the sweeps need beside the LP: where a tile's basis rows stand, and room to form and pack them.
class Workspace {
 public:
  explicit Workspace(const ScaledLp& lp)
      : lp_(lp), a_(lp.rows), rows_(lp.basis.rank()), scale_(rows_.size(), 1.0) {
    const RowBasis& basis = lp.basis;
    if (basis.diagonal()) {
      for (int i = 0; i < basis.rank(); ++i) scale_[i] = basis.row(i)[basis.only(i)];
    }
    if (!basis.diagonal() || !lp.tau.empty()) formed_.resize(rows_.size() * kTile);
  }
  /// v with every entry times its row's scale.
  [[nodiscard]] std::vector<double> scaled(std::span<const double> v) const {
    std::vector<double> out(v.begin(), v.end());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] *= scale_[i];
    return out;
  }
  [[nodiscard]] double* packed() {
    packed_.resize(2 * rows_.size() * kTile);
    return packed_.data();
  }

  template <typename Body>
  LIFT_INLINE void for_tiles(Body&& body) {
    const RowBasis& basis = lp_.basis;
    for (std::int64_t begin = 0; begin < lp_.size(); begin += kTile) {
      const int count = static_cast<int>(std::min<std::int64_t>(kTile, lp_.size() - begin));
      const auto a = [&](int i) { return lp_.a.at(i, begin); };
      if (basis.diagonal()) {
        for (int i = 0; i < basis.rank(); ++i) rows_[i] = a(basis.only(i));
      } else {
        for (int i = 0; i < lp_.rows; ++i) a_[i] = a(i);
        for (int i = 0; i < basis.rank(); ++i) {
          combine(a_.data(), basis.row(i).data(), lp_.rows, count, formed_.data() + i * kTile);
          rows_[i] = formed_.data() + i * kTile;
        }
      }
      body(Tile{lp_, begin, count, rows_.data(), scale_.data(), lp_.g.data() + begin, lp_.u.data() + begin});
    }
    const double no_costs[kTile] = {};
    for (std::int64_t begin = 0; begin < std::ssize(lp_.tau); begin += kTile) {
      const int count = static_cast<int>(std::min<std::int64_t>(kTile, std::ssize(lp_.tau) - begin));
      form_relaxation(begin, count);
      body(Tile{lp_, lp_.size() + begin, count, rows_.data(), scale_.data(), no_costs,
                lp_.tau.data() + begin});
    }
  }

 private:
  /// Columns of −1 in row begin, begin + 1, …, under the row basis.
  void form_relaxation(std::int64_t begin, int count) {
    const RowBasis& basis = lp_.basis;
    for (int i = 0; i < basis.rank(); ++i) {
      double* row = formed_.data() + i * kTile;
      for (int k = 0; k < count; ++k) {
        const bool own = basis.diagonal() && basis.only(i) == begin + k;
        row[k] = basis.diagonal() ? (own ? -1.0 : 0.0) : -basis.row(i)[static_cast<std::size_t>(begin + k)];
      }
      rows_[i] = row;
    }
  }

  const ScaledLp& lp_;
  std::vector<const double*> a_, rows_;
  std::vector<double> scale_, formed_, packed_;
};

}  // namespace lift::box_lp
