#pragma once
#include <span>

#include "solvers/least_eigenvalue.hpp"

namespace lift {

/// A symmetric H has at least so many negative and so many positive eigenvalues, multiplicities counted.
struct InertiaBound {
  int negative = 0;
  int positive = 0;
};

/// What the eigenvalues of an m × m matrix M say of H, every entry of M being some x_iᵀHx_j of unit vectors
/// but for an error of at most η.
///
/// Method      the errors make a symmetric matrix of norm ≤ mη. On the span of the eigenvectors of M below
///             −mη, cᵀ(XᵀHX)c < 0 for every c ≠ 0: so Xc ≠ 0, the images have the same dimension, and H is
///             negative on them (Courant–Fischer; solvers/README.md, Curvature). No x need be orthogonal to
///             another, nor independent of it.
/// Shapes      eigenvalues: [m], all of M.
/// Limits      0 counts nowhere: the two add up to the order of H only where its inertia is known in full.
/// Test        tests/solvers/test_inertia.cpp (dense spectra, products whose errors conspire; 1, 2, 4 ranks)
[[nodiscard]] InertiaBound inertia_bound(std::span<const double> eigenvalues, double noise) noexcept;

/// The same of a search for the least eigenvalue, at no further product: T of its first Lanczos steps is such
/// a matrix (EigenSummary::ritz_values), and the vector found is another, by its own product.
[[nodiscard]] InertiaBound inertia_bound(const EigenSummary& found, double noise) noexcept;

/// The larger of each: both hold.
[[nodiscard]] InertiaBound joined(const InertiaBound& a, const InertiaBound& b) noexcept;

/// Negative eigenvalues of [0 H12; H21 H22] at least, with r = rank H21 and k of H22: r + max(0, k − r), by
/// In = (r, r, p − r) + In(ZᵀH22Z) with Z a basis of null(H12), of codimension r.
[[nodiscard]] int joint_negative(int rank_h21, int negative_of_h22) noexcept;

}  // namespace lift
