#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "solvers/definiteness.hpp"
#include "solvers/schur_complement.hpp"
#include "solvers/spectral_density.hpp"
#include "src/search/search_state.hpp"

namespace lift {

/// What a curvature report may cost and how it is made.
struct CurvatureOptions {
  std::int64_t max_products = 200;     ///< with H22, of all parts together, ≥ 40
  int basis = 30;                      ///< Lanczos vectors held, ≥ 3
  double tol = 1e-4;                   ///< EigenOptions::tol
  double failure = 0.01;               ///< EigenOptions::failure
  std::optional<double> damping = {};  ///< μ of S; without it what makes H22 + μI positive by what was found
  int density_vectors = 2;             ///< starts of the spectral density, ≥ 0
  bool blocks = true;                  ///< each tuned block by itself too
  /// "" when valid, else as "basis = 1 violates basis >= 3".
  [[nodiscard]] std::string violation() const;
};

/// Lanczos vectors that H22's part of max_products fills at most.
[[nodiscard]] int lanczos_basis(const CurvatureOptions& options) noexcept;

/// Throws Error(usage) if options.max_products are fewer than the blocks and groups of `layout` need.
void check_budget(const TunedLayout& layout, const CurvatureOptions& options);

/// One tuned block by itself: the diagonal block of H22.
struct BlockCurvature {
  int block = -1;          ///< −1: the embeddings
  std::int64_t n = 0;      ///< its coordinates, key biases left out
  Definiteness curvature;  ///< its vector is not kept
};

/// "block 7", "embeddings" (−1).
[[nodiscard]] std::string part_name(int block);

/// What is known of the second-order premise of Proposition 2 at (λ, W). Key biases are left out of
/// all but null_directions: in their directions H22 is 2λ_i, and S would have −4‖b − c‖²/(2λ_i + μ) more.
struct CurvatureReport {
  std::int64_t n = 0;             ///< coordinates of H22, key biases left out
  std::int64_t masked = 0;        ///< key biases
  std::int64_t sequences = 0;     ///< training sequences that L_t is the mean over
  std::int64_t of_sequences = 0;  ///< that there are
  std::vector<double> lambda;     ///< [p]
  /// Coordinates that the loss does not depend on and no λ > 0 holds, key biases and unused positions: exact
  /// null directions of H22, which with any is singular for certain.
  std::int64_t null_directions = 0;
  /// η, an estimate of the error of vᵀH22v for a unit v, of rounding. What differences leave of their step is
  /// measured along each vector that they found, and in the noise of its Definiteness.
  double noise = 0;
  /// Is H22 = ∇²_W F ≻ 0, of those n? Where only a block shows that it is not, its vector is judged as one of
  /// the whole, whose bound and largest eigenvalue stay. Its inertia is at least that of each block.
  Definiteness h22;
  std::vector<BlockCurvature> blocks;  ///< in the order of W; empty unless asked for and more than one
  /// r = rank H21: as H11 = 0 the joint Hessian has the inertia (r, r, p − r) + In(ZᵀH22Z), Z a basis of
  /// null(H12): at least r negative eigenvalues, whatever H22 is. With log λ for λ, H11 is diag(λ_iR_i) and
  /// this says nothing.
  int rank_h21 = 0;
  double mu = 0;                            ///< damping of `schur`, raised where H22 + μ was not positive
  std::optional<SchurSummary> schur;        ///< S at that μ; absent where p = 0 or the budget is too small
  std::vector<SpectralQuadrature> density;  ///< of H22, one of each start
  std::int64_t products = 0;                ///< with H22, all counted
  double seconds = 0;                       ///< wall time [s], largest over the ranks
};

/// Measures the curvature of the regularised training loss F at the state's (λ, W).
///
/// Method      on the HVP sequences of round 0, by the products that options.products names: noise by the
///             asymmetry of a short Lanczos run, ten times, four roundings at least; with differences also by
///             how much vᵀH22v moves with a step twice as long; check_definite() of H22 and of each block;
///             schur_complement() with H21 in λ itself, μ being quadrupled at most three times where H22 + μ
///             shows itself indefinite; spectral_quadrature(). Of max_products some 45 % go to H22, 20 % to
///             the blocks, 20 % to S and the rest to density and noise. Random starts are pure functions of
///             options.seed, drawn whole on every rank: 8n bytes for as long as they are drawn.
/// In/out      nothing moves; with finite differences W does, and is put back to the last bit.
/// Collective  on state.comm; the same on every rank.
/// Throws      AgreedError(usage) for invalid options, fewer products than blocks and groups need, and
/// products
///             that are not H22's (identity, Gauss–Newton); AgreedError(numerical) if a product is not
///             finite.
/// Cost        at most max_products products, and one measurement more for each column of S.
/// Test        tests/src/search/test_curvature_report.cpp (dense spectra of tiny models; 1, 2, 4 ranks)
CurvatureReport measure_curvature(const SearchState& state, const SearchOptions& options,
                                  const CurvatureOptions& curvature, const SearchObserver& observer);

}  // namespace lift
