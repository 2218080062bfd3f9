#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace lift {

/// QR factorisation of a small dense matrix C that may have dependent columns: orthonormal basis of what is
/// orthogonal to all of them, and least squares.
///
/// Method  Householder reflections with column pivoting (Businger and Golub 1965, "Linear least squares
///         solutions by Householder transformations"); what is left of every column at or below
///         `kDependent` of the longest ends the factorisation. Its own loops rather than LAPACK's, so that
///         equal input gives equal bits on every rank.
/// Shapes  C: length × count, column after column.
/// Cost    O(length · count · rank) to factor, O(length² · rank) for the basis.
/// Test    tests/solvers/test_pivoted_qr.cpp
class PivotedQr {
 public:
  /// Part of the longest column below which what is left of a column is rounding.
  static constexpr double kDependent = 1e-12;

  PivotedQr(std::vector<double> columns, std::size_t length);
  [[nodiscard]] std::size_t rank() const noexcept { return diagonal_.size(); }
  /// length − rank orthonormal columns N with NᵀC = 0, one after the other.
  [[nodiscard]] std::vector<double> null_basis() const;
  /// x with C x nearest to b, zeros for columns left out.
  [[nodiscard]] std::vector<double> solve(std::span<const double> b) const;

 private:
  [[nodiscard]] std::span<double> column(std::size_t j) {
    return std::span(columns_).subspan(j * length_, length_);
  }
  [[nodiscard]] std::span<const double> column(std::size_t j) const {
    return std::span(columns_).subspan(j * length_, length_);
  }
  [[nodiscard]] double length_left(std::size_t j) const;
  void bring_longest(std::size_t step);
  void eliminate(std::size_t step, double length);
  /// v ← (I − h hᵀ) v with the vector h of a step, of length √2.
  void reflect(std::size_t step, std::span<double> v) const;

  std::size_t length_, count_;
  std::vector<double> columns_;   ///< above the diagonal R, on it and below the vectors of the reflections
  std::vector<double> diagonal_;  ///< of R
  std::vector<std::size_t> order_;
};

}  // namespace lift
