#pragma once
#include <span>
#include <string>
#include <vector>

#include "solvers/inertia.hpp"
#include "solvers/lanczos.hpp"

namespace lift {

/// What the products of a symmetric H with a few vectors, made for something else, say of its spectrum.
struct RestrictedForm {
  int vectors = 0;  ///< m
  /// Ascending, of the part of V that is independent: λ_min(H) ≤ the first, and the last ≤ λ_max(H), but for
  /// the noise.
  std::vector<double> ritz_values;
  double asymmetry = 0;  ///< max |v_iᵀHv_j − v_jᵀHv_i|: 0 up to rounding if H is symmetric, else its noise
  double noise = 0;      ///< product_noise()
  InertiaBound inertia;  ///< at least, by the m × m matrix and that noise
  std::string message;   ///< one sentence for the log
};

/// An estimate of η by which v_iᵀHv_j of unit vectors may be wrong: ten times the asymmetry that a few show,
/// and four roundings (`eps` of the products' type) of the largest curvature at least.
[[nodiscard]] double product_noise(double asymmetry, double eps, double largest) noexcept;

/// Rayleigh–Ritz on any vectors, and the count of inertia_bound().
///
/// Method      M = (form + formᵀ)/2 relative to the Gram matrix G: eigenvalues of L⁻¹ M L⁻ᵀ, G = LLᵀ on the
///             vectors that are independent (SemidefiniteFactor; what has less than 1e-4 of its length left
///             is not). The count is by the eigenvalues of M itself, and asks nothing of G.
///             symmetric_eigen(), so that equal input gives equal bits on every rank.
/// Shapes      gram, form: m × m, row-major, of vectors of any length > 0; form_ij = v_iᵀ(Hv_j). Both are
///             scaled to unit vectors.
/// Local.      Cost about 20 m³ flops.
/// Limits      nothing is known of m = 1's asymmetry.
/// Test        tests/solvers/test_restricted_form.cpp (dense spectra)
[[nodiscard]] RestrictedForm restricted_form(std::span<const double> gram, std::span<const double> form,
                                             double eps);

/// The same of a Lanczos run, where V is orthonormal and the matrix its T.
[[nodiscard]] RestrictedForm restricted_form(const LanczosSummary& found, double eps);

}  // namespace lift
