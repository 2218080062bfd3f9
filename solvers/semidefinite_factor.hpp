#pragma once
#include <span>
#include <vector>

namespace lift {

/// Cholesky factor of a small symmetric positive semidefinite matrix that may be singular.
///
/// Method  the matrix is scaled to unit diagonal and factored with diagonal pivoting (Higham 1990, "Analysis
///         of the Cholesky decomposition of a semi-definite matrix"); pivots at or below `tol` end the
///         factorisation, and the rows left over, dependent on the others or zero, get a zero in the
///         solution. Its own loops rather than LAPACK's, so that equal input gives equal bits on every rank.
/// Shapes  matrix: m × m, row-major, only the lower triangle is read.
/// Cost    m³/3 flops to factor, 2 m² to solve; m is at most a few hundred here.
/// Test    tests/solvers/test_semidefinite_factor.cpp
class SemidefiniteFactor {
 public:
  /// Pivot of the unit-diagonal matrix below which a row counts as dependent on the rows before it.
  static constexpr double kRankTol = 1e-14;

  SemidefiniteFactor(std::span<const double> matrix, int m, double tol = kRankTol);
  [[nodiscard]] int rank() const noexcept { return rank_; }
  /// The row of the matrix that pivoting brought to place i.
  [[nodiscard]] int original(int i) const { return order_[i]; }
  /// Entry of the factor L of the scaled and reordered matrix, j ≤ i and j < rank().
  [[nodiscard]] double lower(int i, int j) const { return at(i, j); }
  /// K, m × m, row-major, with K Kᵀ = matrix where rank() is m; else zeros beyond rank() columns.
  [[nodiscard]] std::vector<double> root() const;
  /// x with matrix · x = rhs on the rows kept and zeros on the others; exact for a consistent system.
  [[nodiscard]] std::vector<double> solve(std::span<const double> rhs) const;

 private:
  [[nodiscard]] double& at(int i, int j) { return factor_[static_cast<std::size_t>(i) * m_ + j]; }
  [[nodiscard]] double at(int i, int j) const { return factor_[static_cast<std::size_t>(i) * m_ + j]; }
  void swap_rows(int i, int j);
  void eliminate(int pivot);

  int m_;
  int rank_ = 0;
  std::vector<double> scale_;   ///< 1/√diagonal, 0 for a zero row; in the original order
  std::vector<int> order_;      ///< order_[i]: the original row that stands at i
  std::vector<double> factor_;  ///< m × m, lower triangle
};

}  // namespace lift
