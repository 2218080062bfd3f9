#include "solvers/row_space.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "solvers/lp_shard.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift {
namespace {

constexpr int kRounds = 2;           ///< the solution and its refinement
constexpr double kRounding = 1e-10;  ///< part of a row's length that counts as rounding

/// Calls body(begin, count) for one tile of [0, size) after the other.
template <typename Body>
void for_each_tile(std::int64_t size, const Body& body) {
  for (std::int64_t begin = 0; begin < size; begin += kTile) body(begin, std::min(kTile, size - begin));
}

const double* row_of(const ProbeMatrix& a, std::size_t i, std::size_t size) {
  return a.local().data() + i * size;
}

}  // namespace

RowSpace::RowSpace(const ProbeMatrix& a, std::span<const double> w) : a_(a), w_(w), basis_(row_scales()) {
  std::vector<double> matrix;
  do {
    matrix = gram();
  } while (!basis_.refine(matrix));
  factor_.emplace(matrix, basis_.rank());
}

/// 1 / ‖D a_i‖₂, 0 for a zero row.
std::vector<double> RowSpace::row_scales() {
  std::vector<double> scales(static_cast<std::size_t>(a_.rows()), 0.0);
  const std::size_t size = w_.size();
  const double* w = w_.data();
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const double* a = row_of(a_, i, size);
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t k = 0; k < size; ++k) sum += (a[k] * w[k]) * (a[k] * w[k]);
    scales[i] = sum;
  }
  ++sweeps_;
  sum_vector_over_ranks(scales, a_.comm());
  for (double& sum : scales) sum = sum >= std::numeric_limits<double>::min() ? 1 / std::sqrt(sum) : 0;
  return scales;
}

std::span<double> RowSpace::tile_row(int j) {
  return {tile_.data() + j * kTile, static_cast<std::size_t>(kTile)};
}

/// B on the coordinates [begin, begin + count), zero beyond.
void RowSpace::form_tile(std::int64_t begin, std::int64_t count) {
  tile_.assign(static_cast<std::size_t>(rank() * kTile), 0.0);
  const double* w = w_.data() + begin;
  for (int j = 0; j < rank(); ++j) {
    double* b = tile_row(j).data();
    const auto t = basis_.row(j);
    for (std::size_t i = 0; i < t.size(); ++i) {
      if (t[i] == 0) continue;
      const double* a = row_of(a_, i, w_.size()) + begin;
      const double factor = t[i];
      for (std::int64_t k = 0; k < count; ++k) b[k] += factor * a[k];
    }
    for (std::int64_t k = 0; k < count; ++k) b[k] *= w[k];
  }
}

/// B Bᵀ, lower triangle.
std::vector<double> RowSpace::gram() {
  const auto n = static_cast<std::size_t>(rank());
  std::vector<double> matrix(n * n, 0.0);
  for_each_tile(static_cast<std::int64_t>(w_.size()), [&](std::int64_t begin, std::int64_t count) {
    form_tile(begin, count);
    for (int i = 0; i < rank(); ++i)
      for (int j = 0; j <= i; ++j) matrix[i * n + j] += dot(tile_row(i), tile_row(j));
  });
  ++sweeps_;
  sum_vector_over_ranks(matrix, a_.comm());
  return matrix;
}

/// v ← v − Bᵀy, then returns B v.
std::vector<double> RowSpace::subtract_and_multiply(std::span<const double> y, std::span<double> v) {
  std::vector<double> products(static_cast<std::size_t>(rank()), 0.0);
  for_each_tile(static_cast<std::int64_t>(w_.size()), [&](std::int64_t begin, std::int64_t count) {
    form_tile(begin, count);
    const auto part = v.subspan(begin, count);
    for (int j = 0; j < rank(); ++j)
      if (y[j] != 0) axpy(-y[j], tile_row(j).first(count), part);
    for (int j = 0; j < rank(); ++j) products[j] += dot(tile_row(j).first(count), part);
  });
  ++sweeps_;
  sum_vector_over_ranks(products, a_.comm());
  return products;
}

std::vector<double> RowSpace::project_off(std::span<double> v) {
  return basis_.apply_transposed(project_off_basis(v));
}

std::vector<double> RowSpace::project_off_basis(std::span<double> v) {
  std::vector<double> total(static_cast<std::size_t>(rank()), 0.0);
  auto products = subtract_and_multiply(total, v);
  for (int round = 0; round < kRounds; ++round) {
    const auto y = factor_->solve(products);
    axpy(1, y, total);
    products = subtract_and_multiply(y, v);
  }
  return total;
}

void RowSpace::solve(std::span<const double> rhs, std::span<double> x) {
  std::fill(x.begin(), x.end(), 0.0);
  std::vector<double> wanted(static_cast<std::size_t>(rank()));
  for (int j = 0; j < rank(); ++j) wanted[j] = dot(basis_.row(j), rhs);
  move_to(wanted, x);
}

void RowSpace::move_to(std::span<const double> image, std::span<double> x) {
  std::vector<double> rest(image.begin(), image.end());
  for (int round = 0; round < kRounds; ++round) {
    auto y = factor_->solve(rest);
    scale(-1, y);
    rest = subtract_and_multiply(y, x);
    for (std::size_t j = 0; j < rest.size(); ++j) rest[j] = image[j] - rest[j];
  }
}

/// (A D − C B) Bᵀ, m × rank; C: m × rank, row-major.
std::vector<double> RowSpace::multiply_rest(std::span<const double> coefficients) {
  const auto n = static_cast<std::size_t>(rank()), m = static_cast<std::size_t>(a_.rows());
  std::vector<double> products(m * n, 0.0), rest(kTile);
  for_each_tile(static_cast<std::int64_t>(w_.size()), [&](std::int64_t begin, std::int64_t count) {
    form_tile(begin, count);
    for (std::size_t i = 0; i < m; ++i) {
      const double* a = row_of(a_, i, w_.size()) + begin;
      for (std::int64_t k = 0; k < count; ++k) rest[k] = a[k] * w_[begin + k];
      const auto row = std::span<double>(rest).first(count);
      for (std::size_t j = 0; j < n; ++j)
        axpy(-coefficients[i * n + j], tile_row(static_cast<int>(j)).first(count), row);
      for (std::size_t j = 0; j < n; ++j)
        products[i * n + j] += dot(tile_row(static_cast<int>(j)).first(count), row);
    }
  });
  ++sweeps_;
  sum_vector_over_ranks(products, a_.comm());
  return products;
}

std::vector<double> RowSpace::left_null() {
  const auto n = static_cast<std::size_t>(rank()), m = static_cast<std::size_t>(a_.rows());
  if (n == m) return std::vector<double>(m * m, 0.0);
  std::vector<double> c(m * n, 0.0);
  for (int round = 0; round < kRounds && n > 0; ++round) {
    const auto products = multiply_rest(c);
    for (std::size_t i = 0; i < m; ++i)
      axpy(1, factor_->solve(std::span(products).subspan(i * n, n)), std::span(c).subspan(i * n, n));
  }
  return identity_less(c);
}

/// I − C T, what is rounding in it set to 0.
std::vector<double> RowSpace::identity_less(std::span<const double> c) const {
  const auto n = static_cast<std::size_t>(rank()), m = static_cast<std::size_t>(a_.rows());
  std::vector<double> columns(m, 0.0), null(m * m, 0.0);  // Σ_l |T_lj|
  for (std::size_t l = 0; l < n; ++l)
    for (std::size_t j = 0; j < m; ++j) columns[j] += std::fabs(basis_.row(static_cast<int>(l))[j]);
  for (std::size_t i = 0; i < m; ++i) {
    const auto row = std::span(null).subspan(i * m, m);
    double length = 0;
    for (const double part : c.subspan(i * n, n)) length += std::fabs(part);
    row[i] = 1;
    axpy(-1, basis_.apply_transposed(c.subspan(i * n, n)), row);
    for (std::size_t j = 0; j < m; ++j)
      if (std::fabs(row[j]) <= kRounding * length * columns[j]) row[j] = 0;
  }
  return null;
}

}  // namespace lift
