#pragma once
#include <span>
#include <vector>

namespace lift {

struct TridiagonalEigen {
  std::vector<double> values;   ///< [k], ascending; NaN throughout if the iteration did not converge
  std::vector<double> vectors;  ///< [k × k], row i: the unit eigenvector of values[i]
};

/// Eigenpairs of a symmetric tridiagonal matrix.
///
/// Method  implicit QL with Wilkinson's shift (Parlett 1998, "The Symmetric Eigenvalue Problem", §8.9).
///         Its own loops rather than LAPACK's, so that equal input gives equal bits on every rank.
/// Shapes  diagonal: [k]; below: the k − 1 entries below it, any further ones are not read.
/// Cost    about 6 k³ flops.
/// Test    tests/solvers/test_lanczos.cpp
TridiagonalEigen symmetric_tridiagonal_eigen(std::span<const double> diagonal, std::span<const double> below);

}  // namespace lift
