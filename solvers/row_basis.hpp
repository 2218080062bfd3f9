#pragma once
#include <span>
#include <vector>

namespace lift {

class SemidefiniteFactor;

/// Combinations T A of the rows of a matrix A that span the same space and are well conditioned.
///
/// Method  repeated pivoted Cholesky of the Gram matrix of the present combinations: the rows it keeps are
///         made orthonormal, what is left of the others after their part along those is scaled up to unit
///         length and goes into the next round, so that rows dependent up to single-precision rounding keep
///         what they say; what is below kDependent of a row's length is rounding, and the row is left out.
///         Where one round keeps every row, which is the rule, T only scales them.
/// Shapes  T: rank × m.
/// Test    tests/solvers/test_row_basis.cpp
class RowBasis {
 public:
  /// Squared length left of a unit row below which a round does not trust its direction.
  static constexpr double kRoundTol = 1e-8;
  /// Length left of a unit row below which it counts as a combination of the others.
  static constexpr double kDependent = 1e-10;

  /// T = diag(scale), rows of scale 0 left out.
  explicit RowBasis(std::span<const double> scale);
  /// One round: `gram` is (T A)(T A)ᵀ, rank() × rank(), row-major, lower triangle. Returns whether T is
  /// final; if not, call again with the Gram matrix of the new T.
  bool refine(std::span<const double> gram);
  /// Makes the rows orthonormal in another product, whose Gram matrix of the present combinations is `gram`,
  /// as far as one round trusts it; none is left out. Returns v' with T'ᵀv' = Tᵀv.
  std::vector<double> reweigh(std::span<const double> gram, std::span<const double> v);

  [[nodiscard]] int rank() const noexcept { return static_cast<int>(length_.size()); }
  /// Row i of T, [m].
  [[nodiscard]] std::span<const double> row(int i) const { return {t_.data() + i * m_, m_}; }
  /// Whether every row of T has one entry alone, which then stands at only(i).
  [[nodiscard]] bool diagonal() const noexcept { return !only_.empty() || rank() == 0; }
  [[nodiscard]] int only(int i) const { return only_[i]; }
  [[nodiscard]] std::vector<double> apply_transposed(std::span<const double> v) const;  ///< Tᵀ v

 private:
  void orthogonalise(std::span<const int> kept, std::span<const double> gram,
                     const SemidefiniteFactor& factor);

  std::size_t m_;
  std::vector<double> t_;       ///< rank × m
  std::vector<double> length_;  ///< what is left of the unit row that row i came from, as of the last round
  std::vector<int> only_;       ///< empty once a round has combined rows
};

}  // namespace lift
