#include "solvers/tridiagonal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lift {
namespace {

constexpr int kMaxSweeps = 60;  ///< for one eigenvalue; two or three is the rule

/// The matrix while it becomes diagonal, and the rotations so far.
struct Tridiagonal {
  std::vector<double> d, e;     ///< diagonal and below it, e[k−1] = 0
  std::vector<double> vectors;  ///< row i goes with d[i]
};

/// The first i ≥ l below which the matrix splits.
std::size_t block_end(const Tridiagonal& t, std::size_t l) {
  std::size_t i = l;
  for (; i + 1 < t.d.size(); ++i) {
    const double neighbours = std::fabs(t.d[i]) + std::fabs(t.d[i + 1]);
    if (std::fabs(t.e[i]) <= std::numeric_limits<double>::epsilon() * neighbours) break;
  }
  return i;
}

void rotate_vectors(Tridiagonal& t, std::size_t i, double c, double s) {
  const std::size_t k = t.d.size();
  for (std::size_t j = 0; j < k; ++j) {
    const double upper = t.vectors[i * k + j], lower = t.vectors[(i + 1) * k + j];
    t.vectors[(i + 1) * k + j] = s * upper + c * lower;
    t.vectors[i * k + j] = c * upper - s * lower;
  }
}

/// One implicit QL sweep over rows l to end.
void sweep(Tridiagonal& t, std::size_t l, std::size_t end) {
  double g = (t.d[l + 1] - t.d[l]) / (2 * t.e[l]);
  g = t.d[end] - t.d[l] + t.e[l] / (g + std::copysign(std::hypot(g, 1.0), g));
  double s = 1, c = 1, p = 0;
  for (std::size_t i = end; i-- > l;) {
    const double f = s * t.e[i], b = c * t.e[i];
    double r = std::hypot(f, g);
    t.e[i + 1] = r;
    if (r == 0) {  // splits by itself
      t.d[i + 1] -= p;
      t.e[end] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = t.d[i + 1] - p;
    r = (t.d[i] - g) * s + 2 * c * b;
    p = s * r;
    t.d[i + 1] = g + p;
    g = c * r - b;
    rotate_vectors(t, i, c, s);
  }
  t.d[l] -= p;
  t.e[l] = g;
  t.e[end] = 0;
}

bool diagonalise(Tridiagonal& t) {
  for (std::size_t l = 0; l < t.d.size(); ++l) {
    int sweeps = 0;
    for (std::size_t end = block_end(t, l); end != l; end = block_end(t, l)) {
      if (++sweeps > kMaxSweeps) return false;
      sweep(t, l, end);
    }
  }
  return true;
}

}  // namespace

TridiagonalEigen symmetric_tridiagonal_eigen(std::span<const double> diagonal,
                                             std::span<const double> below) {
  const std::size_t k = diagonal.size();
  Tridiagonal t{{diagonal.begin(), diagonal.end()}, std::vector<double>(k, 0.0), {}};
  if (k > 1) std::copy_n(below.begin(), k - 1, t.e.begin());
  t.vectors.assign(k * k, 0.0);
  for (std::size_t i = 0; i < k; ++i) t.vectors[i * k + i] = 1;
  if (!diagonalise(t)) t.d.assign(k, std::numeric_limits<double>::quiet_NaN());

  std::vector<std::size_t> order(k);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return t.d[a] < t.d[b]; });
  TridiagonalEigen eigen;
  for (const std::size_t i : order) {
    eigen.values.push_back(t.d[i]);
    const auto row = t.vectors.begin() + static_cast<std::ptrdiff_t>(i * k);
    eigen.vectors.insert(eigen.vectors.end(), row, row + static_cast<std::ptrdiff_t>(k));
  }
  return eigen;
}

}  // namespace lift
