#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "solvers/probe_matrix.hpp"
#include "solvers/row_basis.hpp"
#include "solvers/semidefinite_factor.hpp"

namespace lift {

/// The row space of A D, D = diag(w): projection off it, and minimum-norm solutions within it.
///
/// Method      B = T A D with T from RowBasis, and the Cholesky factor of B Bᵀ, summed over ranks and
///             factored on every one. Every projection and solution is refined once by the same factor,
///             so that its residual is at rounding level although the Gram matrix has squared the
///             condition of B (Björck 1996, "Numerical Methods for Least Squares Problems", §2.9).
/// Shapes      w and every vector over coordinates: this rank's shard of p + n, as a.layout().
/// Types       float64; A and w are read in place, 256 coordinates at a time, and must outlive this.
/// Collective  constructor, and all that is not const, on a.comm(); what they return is the same
///             on every rank, to the last bit.
/// Cost        two passes over A to construct as a rule, three a call; O(m² (p+n)).
/// Limits      rows that depend on the others up to 1e-10 of their length are left out (RowBasis).
/// Test        tests/solvers/test_row_space.cpp
class RowSpace {
 public:
  RowSpace(const ProbeMatrix& a, std::span<const double> w);
  [[nodiscard]] int rank() const noexcept { return basis_.rank(); }
  /// Passes over A so far.
  [[nodiscard]] std::int64_t sweeps() const noexcept { return sweeps_; }

  /// v ← v − D Aᵀy with y = argmin ‖v − D Aᵀy‖₂; returns y, [m], zeros for rows left out.
  std::vector<double> project_off(std::span<double> v);
  /// x = the minimum-norm solution of A D x = rhs, rhs [m]; of rows left out the equation is not looked
  /// at.
  void solve(std::span<const double> rhs, std::span<double> x);
  /// As project_off, but returns the multipliers of the rows of B, [rank].
  std::vector<double> project_off_basis(std::span<double> v);
  /// Moves x, with B x = 0, by the shortest way to B x = image, [rank].
  void move_to(std::span<const double> image, std::span<double> x);
  /// T.
  [[nodiscard]] const RowBasis& basis() const noexcept { return basis_; }
  /// K, rank × rank, row-major, with K Kᵀ = B Bᵀ.
  [[nodiscard]] std::vector<double> gram_root() const { return factor_->root(); }
  /// N, m × m, row-major: N A D = 0 up to rounding, and its rows, of which many may be zero, span the
  /// left null space of A D.
  std::vector<double> left_null();

 private:
  [[nodiscard]] std::vector<double> row_scales();
  [[nodiscard]] std::vector<double> gram();
  void form_tile(std::int64_t begin, std::int64_t count);
  [[nodiscard]] std::span<double> tile_row(int j);
  std::vector<double> subtract_and_multiply(std::span<const double> y, std::span<double> v);
  std::vector<double> multiply_rest(std::span<const double> coefficients);
  [[nodiscard]] std::vector<double> identity_less(std::span<const double> c) const;

  const ProbeMatrix& a_;
  std::span<const double> w_;
  std::int64_t sweeps_ = 0;
  RowBasis basis_;
  std::optional<SemidefiniteFactor> factor_;  ///< of B Bᵀ
  std::vector<double> tile_;                  ///< B on the present tile, rank × kTile
};

}  // namespace lift
