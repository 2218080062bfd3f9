#pragma once
#include <vector>

namespace lift {

/// Eigenpairs of a small dense symmetric matrix.
struct SymmetricEigen {
  std::vector<double> values;   ///< [k], ascending; NaN throughout where the matrix is not finite
  std::vector<double> vectors;  ///< [k × k], row i: the unit eigenvector of values[i]
};

/// Eigenpairs of a dense symmetric matrix, k × k with k of at most a few hundred.
///
/// Method  Householder's reduction to tridiagonal form (Golub and Van Loan 2013, §8.3.1), then
///         symmetric_tridiagonal_eigen(). Its own loops rather than LAPACK's, so that equal input gives equal
///         bits on every rank.
/// Shapes  matrix: k × k, row-major, both triangles read.
/// Cost    about 9 k³ flops.
/// Test    tests/solvers/test_symmetric_eigen.cpp
SymmetricEigen symmetric_eigen(std::vector<double> matrix, int k);

}  // namespace lift
