#include "solvers/semidefinite_factor.hpp"

#include <cmath>
#include <limits>
#include <numeric>

namespace lift {

SemidefiniteFactor::SemidefiniteFactor(std::span<const double> matrix, int m, double tol)
    : m_(m), scale_(m), order_(m), factor_(static_cast<std::size_t>(m) * m) {
  std::iota(order_.begin(), order_.end(), 0);
  for (int i = 0; i < m; ++i) {
    const double diagonal = matrix[static_cast<std::size_t>(i) * m + i];
    scale_[i] = diagonal >= std::numeric_limits<double>::min() ? 1 / std::sqrt(diagonal) : 0;
  }
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j <= i; ++j) {
      at(i, j) = (matrix[static_cast<std::size_t>(i) * m + j] * scale_[i]) * scale_[j];
    }
  }
  for (; rank_ < m; ++rank_) {
    int largest = rank_;
    for (int i = rank_ + 1; i < m; ++i) {
      if (at(i, i) > at(largest, largest)) largest = i;
    }
    if (!(at(largest, largest) > tol)) break;
    swap_rows(rank_, largest);
    eliminate(rank_);
  }
}

void SemidefiniteFactor::swap_rows(int i, int j) {
  if (i == j) return;
  std::swap(order_[i], order_[j]);
  for (int k = 0; k < i; ++k) std::swap(at(i, k), at(j, k));
  std::swap(at(i, i), at(j, j));
  for (int k = i + 1; k < j; ++k) std::swap(at(k, i), at(j, k));
  for (int k = j + 1; k < m_; ++k) std::swap(at(k, i), at(k, j));
}

void SemidefiniteFactor::eliminate(int pivot) {
  const double root = std::sqrt(at(pivot, pivot));
  at(pivot, pivot) = root;
  for (int i = pivot + 1; i < m_; ++i) at(i, pivot) /= root;
  for (int i = pivot + 1; i < m_; ++i) {
    const double factor = at(i, pivot);
    for (int j = pivot + 1; j <= i; ++j) at(i, j) -= factor * at(j, pivot);
  }
}

std::vector<double> SemidefiniteFactor::root() const {
  const auto m = static_cast<std::size_t>(m_);
  std::vector<double> k(m * m, 0.0);
  for (int i = 0; i < m_; ++i) {
    if (scale_[order_[i]] == 0) continue;
    for (int j = 0; j <= i && j < rank_; ++j) k[order_[i] * m + j] = at(i, j) / scale_[order_[i]];
  }
  return k;
}

std::vector<double> SemidefiniteFactor::solve(std::span<const double> rhs) const {
  std::vector<double> z(rank_);
  for (int i = 0; i < rank_; ++i) {
    double sum = rhs[order_[i]] * scale_[order_[i]];
    for (int j = 0; j < i; ++j) sum -= at(i, j) * z[j];
    z[i] = sum / at(i, i);
  }
  for (int i = rank_ - 1; i >= 0; --i) {
    for (int j = i + 1; j < rank_; ++j) z[i] -= at(j, i) * z[j];
    z[i] /= at(i, i);
  }
  std::vector<double> x(m_, 0.0);
  for (int i = 0; i < rank_; ++i) x[order_[i]] = z[i] * scale_[order_[i]];
  return x;
}

}  // namespace lift
