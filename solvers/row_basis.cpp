#include "solvers/row_basis.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "solvers/semidefinite_factor.hpp"

namespace lift {

namespace {

/// What a row is divided by: its length, or 1 where that is 0.
double length_of(double square) {
  return square > 0 ? std::sqrt(square) : 1;
}

}  // namespace

RowBasis::RowBasis(std::span<const double> scale) : m_(scale.size()) {
  for (std::size_t i = 0; i < m_; ++i) {
    if (scale[i] == 0) continue;
    only_.push_back(static_cast<int>(i));
    t_.resize(t_.size() + m_, 0.0);
    t_[t_.size() - m_ + i] = scale[i];
  }
  length_.assign(only_.size(), 1.0);
}

bool RowBasis::refine(std::span<const double> gram) {
  const auto n = static_cast<std::size_t>(rank());
  std::vector<int> kept;
  for (std::size_t i = 0; i < n; ++i) {
    const double length = diagonal() ? 1 : length_[i] * std::sqrt(std::max(gram[i * n + i], 0.0));
    if (gram[i * n + i] > 0 && length > kDependent) kept.push_back(static_cast<int>(i));
  }
  std::vector<double> kept_gram;
  for (const int i : kept) {
    for (const int j : kept) kept_gram.push_back(gram[i >= j ? i * n + j : j * n + i]);
  }
  const SemidefiniteFactor factor(kept_gram, static_cast<int>(kept.size()), kRoundTol);
  if (kept.size() == n && factor.rank() == rank()) return true;
  orthogonalise(kept, kept_gram, factor);
  return false;
}

std::vector<double> RowBasis::reweigh(std::span<const double> gram, std::span<const double> v) {
  const int n = rank();
  const SemidefiniteFactor factor(gram, n, kRoundTol);
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  std::vector<double> out(all.size(), 0.0);
  for (int i = 0; i < n; ++i) {
    const int from = factor.original(i);
    const double part = v[from] * length_of(gram[static_cast<std::size_t>(from) * n + from]);
    for (int j = 0; j < std::min(i + 1, factor.rank()); ++j) out[j] += part * factor.lower(i, j);
    if (i >= factor.rank()) out[i] += part;
  }
  orthogonalise(all, gram, factor);
  return out;
}

void RowBasis::orthogonalise(std::span<const int> kept, std::span<const double> gram,
                             const SemidefiniteFactor& factor) {
  const std::size_t n = kept.size();
  std::vector<double> t, length;
  for (std::size_t i = 0; i < n; ++i) {
    const int from = factor.original(static_cast<int>(i));
    const double norm = length_of(gram[from * n + from]);
    std::vector<double> next(row(kept[from]).begin(), row(kept[from]).end());
    for (double& entry : next) entry /= norm;
    const auto rank = static_cast<std::size_t>(factor.rank());
    for (std::size_t j = 0; j < std::min(i, rank); ++j) {
      const double part = factor.lower(static_cast<int>(i), static_cast<int>(j));
      for (std::size_t k = 0; k < m_; ++k) next[k] -= part * t[j * m_ + k];
    }
    if (i < rank) {
      for (double& entry : next) entry /= factor.lower(static_cast<int>(i), static_cast<int>(i));
    }
    t.insert(t.end(), next.begin(), next.end());
    length.push_back(diagonal() ? 1 : length_[kept[from]] * norm);
  }
  t_ = std::move(t);
  length_ = std::move(length);
  only_.clear();
}

std::vector<double> RowBasis::apply_transposed(std::span<const double> v) const {
  std::vector<double> out(m_, 0.0);
  for (int i = 0; i < rank(); ++i) {
    for (std::size_t k = 0; k < m_; ++k) out[k] += v[i] * row(i)[k];
  }
  return out;
}

}  // namespace lift
