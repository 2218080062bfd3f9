#include "solvers/symmetric_eigen.hpp"

#include <cmath>
#include <span>

#include "solvers/shard_algebra.hpp"
#include "solvers/tridiagonal.hpp"

namespace lift {
namespace {

/// A reflection I − 2vvᵀ, ‖v‖ = 1, that leaves coordinates up to `first` alone.
struct Reflector {
  int first = 0;
  std::vector<double> v;

  void apply(std::span<double> x) const {
    const auto part = x.subspan(first);
    axpy(-2 * dot(v, part), v, part);
  }
};

/// What makes all of column j below its subdiagonal 0; empty where it is already.
Reflector reflector_of(const std::vector<double>& a, int k, int j) {
  Reflector h{j + 1, {}};
  for (int i = j + 1; i < k; ++i) h.v.push_back(a[i * k + j]);
  const double tail = std::sqrt(dot(std::span(h.v).subspan(1), std::span(h.v).subspan(1)));
  if (tail == 0) return {j + 1, {}};
  h.v[0] += std::copysign(std::hypot(h.v[0], tail), h.v[0]);
  scale(1 / std::hypot(h.v[0], tail), h.v);
  return h;
}

/// A ← H A H for the trailing part that H changes: A − v wᵀ − w vᵀ with w = 2Av − 2(vᵀAv)v.
void reflect_both_sides(std::vector<double>& a, int k, int j, const Reflector& h) {
  const auto size = static_cast<std::size_t>(k - j);
  std::vector<double> v(size, 0.0), w(size);
  for (std::size_t i = 1; i < size; ++i) v[i] = h.v[i - 1];
  for (std::size_t i = 0; i < size; ++i) w[i] = 2 * dot(std::span(a).subspan((j + i) * k + j, size), v);
  axpy(-dot(v, w), v, w);
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t l = 0; l < size; ++l) a[(j + i) * k + j + l] -= v[i] * w[l] + w[i] * v[l];
}

}  // namespace

SymmetricEigen symmetric_eigen(std::vector<double> matrix, int k) {
  std::vector<Reflector> reflectors;
  for (int j = 0; j + 2 < k; ++j) {
    Reflector h = reflector_of(matrix, k, j);
    if (h.v.empty()) continue;
    reflect_both_sides(matrix, k, j, h);
    reflectors.push_back(std::move(h));
  }
  std::vector<double> diagonal, below;
  for (int j = 0; j < k; ++j) {
    diagonal.push_back(matrix[j * k + j]);
    if (j + 1 < k) below.push_back(matrix[(j + 1) * k + j]);
  }
  auto eigen = symmetric_tridiagonal_eigen(diagonal, below);
  for (int i = 0; i < k; ++i) {
    const auto row = std::span(eigen.vectors).subspan(static_cast<std::size_t>(i) * k, k);
    for (auto h = reflectors.rbegin(); h != reflectors.rend(); ++h) h->apply(row);
  }
  return {std::move(eigen.values), std::move(eigen.vectors)};
}

}  // namespace lift
