#include "solvers/semidefinite_factor.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi/philox.hpp"

namespace lift {
namespace {

/// V Vᵀ for a random m × r matrix V: semidefinite of rank min(m, r).
std::vector<double> random_gram(int m, int r, std::uint64_t seed) {
  std::vector<double> v(static_cast<std::size_t>(m * r));
  Philox(seed, RandomStream::test).normals(0, 0, std::span<double>(v));
  std::vector<double> gram(static_cast<std::size_t>(m * m), 0.0);
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < m; ++j) {
      for (int k = 0; k < r; ++k) gram[i * m + j] += v[i * r + k] * v[j * r + k];
    }
  }
  return gram;
}

std::vector<double> product(const std::vector<double>& matrix, const std::vector<double>& x) {
  std::vector<double> out(x.size(), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) out[i] += matrix[i * x.size() + j] * x[j];
  }
  return out;
}

TEST(SemidefiniteFactor, SolvesDefiniteSystemsOfAnyOrder) {
  for (const int m : {1, 2, 3, 7, 16, 64}) {
    const auto matrix = random_gram(m, 3 * m + 2, m);
    std::vector<double> x(m);
    for (int i = 0; i < m; ++i) x[i] = std::sin(i + 1);
    const SemidefiniteFactor factor(matrix, m);
    EXPECT_EQ(factor.rank(), m);
    const auto solution = factor.solve(product(matrix, x));
    for (int i = 0; i < m; ++i) EXPECT_NEAR(solution[i], x[i], 1e-11) << "m = " << m;
  }
}

TEST(SemidefiniteFactor, FindsTheRankAndSolvesConsistentSystems) {
  for (const int rank : {0, 1, 3, 5}) {
    const int m = 8;
    const auto matrix = random_gram(m, rank, 100 + rank);
    const SemidefiniteFactor factor(matrix, m);
    ASSERT_EQ(factor.rank(), rank);
    const auto rhs = product(matrix, {1, -2, 3, -4, 5, -6, 7, -8});
    const auto again = product(matrix, factor.solve(rhs));
    for (int i = 0; i < m; ++i) EXPECT_NEAR(again[i], rhs[i], 1e-10 * (1 + std::fabs(rhs[i])));
  }
}

TEST(SemidefiniteFactor, IsNotTroubledByScaling) {
  const int m = 6;
  auto matrix = random_gram(m, 12, 5);
  const double scale[m] = {1e-12, 1e9, 1, 1e-3, 1e12, 1e5};
  std::vector<double> x(m);
  for (int i = 0; i < m; ++i) {
    x[i] = (i - 2.5) / scale[i];
    for (int j = 0; j < m; ++j) matrix[i * m + j] *= scale[i] * scale[j];
  }
  const SemidefiniteFactor factor(matrix, m);
  ASSERT_EQ(factor.rank(), m);
  const auto solution = factor.solve(product(matrix, x));
  for (int i = 0; i < m; ++i) EXPECT_NEAR(solution[i] / x[i], 1, 1e-11);
}

TEST(SemidefiniteFactor, GivesZerosForZeroRows) {
  const std::vector<double> matrix{4, 0, 2, 0, 0, 0, 2, 0, 3};
  const SemidefiniteFactor factor(matrix, 3);
  EXPECT_EQ(factor.rank(), 2);
  const auto x = factor.solve(std::vector<double>{10, 0, 9});
  EXPECT_NEAR(x[0], 1.5, 1e-14);
  EXPECT_EQ(x[1], 0);
  EXPECT_NEAR(x[2], 2, 1e-14);
}

}  // namespace
}  // namespace lift
