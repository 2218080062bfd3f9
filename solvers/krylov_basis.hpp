#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "solvers/lanczos.hpp"
#include "solvers/symmetric_eigen.hpp"

namespace lift {

/// y_j = H x_j for several vectors at once, so that what products with one H share is done once; all are this
/// rank's shards, and none overlap. Collective as a SymmetricOperator.
using BlockOperator =
    std::function<void(std::span<const std::span<const double>> x, std::span<const std::span<double>> y)>;

/// An orthonormal basis U that grows by the Lanczos method from one or several vectors b_c, with T = UᵀHU:
/// what its products have told of H serves any function of H, any shift and any right-hand side.
///
/// A chain begins with the part of b_c that is new. Growing it normalises its head, which joins U, and takes
/// the product with that: the part outside U is the next head. So H U = U T + Σ_c h_c e_cᵀ, with h_c the head
/// of chain c and e_c the place of its last vector, and no product need be stored.
///
/// Method      Lanczos 1950, from several vectors Golub and Underwood 1977; every head is made orthogonal to
///             all of U by classical Gram–Schmidt, twice. Eigenpairs of T by symmetric_eigen().
/// Types       float64; memory of a vector of the shard's length for each of U and each chain.
/// Ownership   keeps references; `h`, `layout` and `comm` must outlive it.
/// Collective  start(), grow() and residual() on `comm`, with layout.parts() = comm.size(). All but the
///             vectors is the same on every rank, to the last bit.
/// Cost        grow(): a product, O(k n) and O(k³) beside, k = size().
/// Test        tests/solvers/test_krylov_basis.cpp (dense matrices; 1, 2, 4 ranks)
class KrylovBasis {
 public:
  KrylovBasis(const BlockOperator& h, const ShardMap& layout, const Communicator& comm);

  /// Begins a chain at b, this rank's shard, and returns its number.
  int start(std::span<const double> b);
  /// Grows each of the chains by a vector, if it is not closed, by one call of H for all of them; false where
  /// a product is not finite, after which the basis is of no use.
  [[nodiscard]] bool grow(std::span<const int> chains);

  [[nodiscard]] int size() const noexcept { return static_cast<int>(u_.size()); }
  /// Whether the chain has nothing new to give.
  [[nodiscard]] bool closed(int chain) const { return chains_[chain].norm == 0; }
  [[nodiscard]] std::int64_t products() const noexcept { return products_; }
  /// Of T: values are the Ritz values.
  [[nodiscard]] const SymmetricEigen& ritz() const noexcept { return ritz_; }
  /// ‖(H − θ_i)x_i‖₂ of Ritz vector x_i: an eigenvalue of H lies that near to its θ_i. Local.
  [[nodiscard]] double ritz_residual(int i) const;
  /// ‖b_c‖.
  [[nodiscard]] double length(int chain) const { return chains_[chain].length; }

  /// y = f(T) Uᵀb_c, [size]: U y is what the basis knows of f(H) b_c.
  [[nodiscard]] std::vector<double> function(const std::function<double(double)>& f, int chain) const;
  /// ‖b_c − (H + μ) U y‖₂ of y = (T + μ)⁻¹Uᵀb_c. Local.
  [[nodiscard]] double residual(std::span<const double> y, int chain) const;
  /// The open chain whose growth takes most off that residual; −1 where there is none.
  [[nodiscard]] int largest_part(std::span<const double> y, int chain) const;
  /// That residual's vector, this rank's shard.
  [[nodiscard]] std::vector<double> residual_vector(std::span<const double> y, int chain) const;
  /// U y, this rank's shard.
  [[nodiscard]] std::vector<double> expand(std::span<const double> y) const;

  /// z = Pᵀ P r + Q r with Q = U(T + μ)⁻¹Uᵀ and P = I − (H + μ)Q, symmetric and positive definite: a
  /// preconditioner of H + μ that solves its part in U and makes all else conjugate to it (balancing, Mandel
  /// 1993). Collective, one small reduction; `mu` such that T + μ is positive definite.
  void deflate(double mu, std::span<const double> r, std::span<double> z) const;

 private:
  struct Chain {
    std::vector<double> head;  ///< ⊥ U
    std::vector<double> b;     ///< Uᵀb, [size]
    double norm = 0;           ///< ‖head‖, 0 once closed
    double length = 0;         ///< ‖b‖
    int end = -1;              ///< place in U of its last vector; −1 before the first: head is b's own rest
  };
  bool join(int chain);
  void add_column(int at, int together, std::span<const double> column);
  void refresh();
  [[nodiscard]] std::vector<double> head_weights(std::span<const double> y, int chain) const;
  [[nodiscard]] std::vector<double> solve_projected(double mu, std::span<const double> b) const;
  [[nodiscard]] double entry(int i, int j) const { return i < j ? t_[j][i] : t_[i][j]; }

  const BlockOperator& h_;
  const ShardMap& layout_;
  const Communicator& comm_;
  std::vector<std::vector<double>> u_;
  std::vector<Chain> chains_;
  std::vector<std::vector<double>> t_;  ///< row i of T, up to its diagonal
  std::vector<double> gram_;            ///< of the heads, chains × chains
  SymmetricEigen ritz_;
  double scale_ = 0;  ///< largest entry of T and norm of a head so far
  std::int64_t products_ = 0;
};

/// `h`, one vector after the other. Keeps a reference to it.
[[nodiscard]] BlockOperator one_by_one(const SymmetricOperator& h);

}  // namespace lift
