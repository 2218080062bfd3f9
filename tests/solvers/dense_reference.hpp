#pragma once
#include <cstdint>
#include <vector>

namespace lift::test {

/// A small dense symmetric matrix, row-major, and what the tests of the solvers compare with.
struct DenseMatrix {
  std::int64_t size = 0;
  std::vector<double> entries;
  [[nodiscard]] double at(std::int64_t i, std::int64_t j) const { return entries[i * size + j]; }
  [[nodiscard]] std::vector<double> times(const std::vector<double>& x) const;
};

/// Q diag(eigenvalues) Qᵀ with a random orthogonal Q; `seed` names it.
DenseMatrix with_spectrum(const std::vector<double>& eigenvalues, std::uint64_t seed);
/// Solves (matrix + mu I) x = b by Gaussian elimination with pivoting, in long double.
std::vector<double> solve_dense(const DenseMatrix& matrix, double mu, const std::vector<double>& b);
/// v less its part in the span of `rows` (rows × v.size(), row-major), by modified Gram–Schmidt, twice,
/// in long double; of unit rows, what has less than 1e-10 left counts as dependent.
std::vector<double> project_off_dense(const std::vector<double>& rows, std::vector<double> v);
double dot_dense(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace lift::test
