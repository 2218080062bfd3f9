#include "solvers/symmetric_eigen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/solvers/dense_reference.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift::test {
namespace {

/// The eigenpairs are those of the matrix, and the vectors orthonormal.
void expect_eigenpairs(const DenseMatrix& matrix, const SymmetricEigen& eigen, double tol) {
  const auto k = static_cast<std::size_t>(matrix.size);
  ASSERT_EQ(eigen.values.size(), k);
  const auto vector = [&](std::size_t i) {
    return std::vector<double>(eigen.vectors.begin() + static_cast<std::ptrdiff_t>(i * k),
                               eigen.vectors.begin() + static_cast<std::ptrdiff_t>((i + 1) * k));
  };
  for (std::size_t i = 0; i < k; ++i) {
    const auto v = vector(i), product = matrix.times(v);
    for (std::size_t j = 0; j < k; ++j) {
      EXPECT_NEAR(product[j], eigen.values[i] * v[j], tol);
      EXPECT_NEAR(dot_dense(v, vector(j)), i == j ? 1 : 0, tol);
    }
  }
}

TEST(SymmetricEigen, HasTheSpectrumThatTheMatrixWasMadeOf) {
  std::vector<double> values = geometric(20, 1e-6, 1);
  for (const double value : geometric(10, 1e-3, 2)) values.insert(values.begin(), -value);
  values.insert(values.begin() + 10, {0.0, 0.0});
  const auto matrix = with_spectrum(values, 3);
  const auto eigen = symmetric_eigen(matrix.entries, 32);
  expect_eigenpairs(matrix, eigen, 1e-13);
  std::ranges::sort(values);
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(eigen.values[i], values[i], 1e-14);
}

TEST(SymmetricEigen, TakesWhatIsTridiagonalDiagonalOrSmallAlready) {
  const DenseMatrix chain{4, {2, -1, 0, 0, -1, 2, -1, 0, 0, -1, 2, -1, 0, 0, -1, 2}};
  const auto found = symmetric_eigen(chain.entries, 4);
  expect_eigenpairs(chain, found, 1e-14);
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(found.values[i], 2 - 2 * std::cos((i + 1) * M_PI / 5), 1e-14);
  const DenseMatrix diagonal{3, {3, 0, 0, 0, -1, 0, 0, 0, 2}};
  EXPECT_EQ(symmetric_eigen(diagonal.entries, 3).values, (std::vector<double>{-1, 2, 3}));
  EXPECT_EQ(symmetric_eigen({5}, 1).values, std::vector<double>{5});
  EXPECT_TRUE(symmetric_eigen({}, 0).values.empty());
  expect_eigenpairs({2, {0, 1, 1, 0}}, symmetric_eigen({0, 1, 1, 0}, 2), 1e-15);
}

TEST(SymmetricEigen, SaysNanWhereTheMatrixIsNotFinite) {
  const auto eigen = symmetric_eigen({1, NAN, 0, NAN, 1, 2, 0, 2, 1}, 3);
  for (const double value : eigen.values) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace lift::test
