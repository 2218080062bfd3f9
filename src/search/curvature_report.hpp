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

/// One tuned block by itself: the diagonal block of H22.
struct BlockCurvature {
  int block = -1;      ///< −1: the embeddings
  std::int64_t n = 0;  ///< its coordinates, key biases left out
  Definiteness curvature;
};

/// What is known of the second-order premises of Propositions 1 and 2 at (λ, W).
struct CurvatureReport {
  /// Key biases that no λ > 0 holds: exact null directions of H22, which with any is singular for certain.
  /// The rest of the report leaves all key biases out.
  std::int64_t null_directions = 0;
  double noise = 0;                    ///< η, by how much vᵀH22v of a unit vector may be wrong
  Definiteness h22;                    ///< is H22 = ∇²_W F ≻ 0?
  std::vector<BlockCurvature> blocks;  ///< in the order of W; empty unless asked for
  /// r = rank H21: as H11 = 0 the joint Hessian has the inertia (r, r, p − r) + In(ZᵀH22Z), Z a basis of
  /// null(H12): at least r negative eigenvalues, whatever H22 is. With log λ for λ, H11 is diag(λ_iR_i) and
  /// this says nothing.
  int rank_h21 = 0;
  double mu = 0;                            ///< damping of `schur`
  std::optional<SchurSummary> schur;        ///< S at that μ; absent where p = 0
  std::vector<SpectralQuadrature> density;  ///< of H22, one of each start
  std::int64_t products = 0;                ///< with H22, all counted
  double seconds = 0;                       ///< wall time [s], largest over the ranks
};

/// Measures the curvature of the regularised training loss F at the state's (λ, W).
///
/// Method      on the HVP sequences of round 0, by the products that options.products names: noise by the
///             asymmetry of a short Lanczos run, ten times; check_definite() of H22 and of each block;
///             schur_complement() with H21 in λ itself; spectral_quadrature(). Of max_products some 45 % go
///             to H22, 20 % to the blocks, 20 % to S and the rest to density and noise. Random starts are
///             pure functions of options.seed.
/// In/out      nothing moves; with finite differences W does, and is put back to the last bit.
/// Collective  on state.comm; the same on every rank.
/// Throws      AgreedError(usage) for invalid options, and for products of ProductKind::identity;
///             AgreedError(numerical) if a product is not finite.
/// Test        tests/src/search/test_curvature_report.cpp (dense spectra of tiny models; 1, 2, 3, 4 ranks)
CurvatureReport measure_curvature(const SearchState& state, const SearchOptions& options,
                                  const CurvatureOptions& curvature, const SearchObserver& observer);

}  // namespace lift
