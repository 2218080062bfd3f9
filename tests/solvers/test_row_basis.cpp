#include "solvers/row_basis.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi/philox.hpp"
#include "solvers/semidefinite_factor.hpp"

namespace lift {
namespace {

using Rows = std::vector<std::vector<double>>;

Rows gaussian_rows(int m, int n, std::uint64_t seed) {
  Rows rows(m, std::vector<double>(n));
  for (int i = 0; i < m; ++i) Philox(seed, RandomStream::test).normals(i, 0, std::span<double>(rows[i]));
  return rows;
}

/// The rows T A.
Rows combined(const RowBasis& basis, const Rows& a) {
  Rows out;
  for (int i = 0; i < basis.rank(); ++i) {
    std::vector<double> row(a[0].size(), 0.0);
    for (std::size_t j = 0; j < a.size(); ++j) {
      for (std::size_t k = 0; k < row.size(); ++k) row[k] += basis.row(i)[j] * a[j][k];
    }
    out.push_back(row);
  }
  return out;
}

std::vector<double> gram(const Rows& rows) {
  std::vector<double> out;
  for (const auto& left : rows) {
    for (const auto& right : rows) {
      double sum = 0;
      for (std::size_t k = 0; k < left.size(); ++k) sum += left[k] * right[k];
      out.push_back(sum);
    }
  }
  return out;
}

RowBasis settle(const Rows& a, std::vector<double> scale) {
  RowBasis basis(scale);
  for (int round = 0; round < 20; ++round) {
    if (basis.refine(gram(combined(basis, a)))) return basis;
  }
  ADD_FAILURE() << "the basis did not settle";
  return basis;
}

/// Two columns weigh 1e12 times what the others do: three rows span what two cannot see of each other.
TEST(RowBasis, ReweighsWithoutLosingARow) {
  const Rows a = gaussian_rows(3, 40, 9);
  const auto weighted = [&](const RowBasis& basis) {
    Rows rows = combined(basis, a);
    for (auto& row : rows) {
      row[7] *= 1e12;
      row[20] *= 1e12;
    }
    return gram(rows);
  };
  auto basis = settle(a, {1, 2, 3});
  const std::vector<double> v{0.3, -2, 1};
  const auto before = basis.apply_transposed(v);
  ASSERT_LT(SemidefiniteFactor(weighted(basis), 3).rank(), 3) << "nothing is lost";
  auto moved = basis.reweigh(weighted(basis), v);
  for (int round = 0; round < 3 && SemidefiniteFactor(weighted(basis), 3, 1e-10).rank() < 3; ++round)
    moved = basis.reweigh(weighted(basis), moved);
  ASSERT_EQ(basis.rank(), 3);
  EXPECT_EQ(SemidefiniteFactor(weighted(basis), 3, 1e-10).rank(), 3);
  const auto after = basis.apply_transposed(moved);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i], before[i], 1e-9);
}

TEST(RowBasis, KeepsWellConditionedRowsAsTheyAre) {
  const auto basis = settle(gaussian_rows(5, 40, 1), {1, 2, 3, 4, 5});
  ASSERT_TRUE(basis.diagonal());
  ASSERT_EQ(basis.rank(), 5);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(basis.only(i), i);
    EXPECT_EQ(basis.row(i)[i], i + 1);
  }
}

TEST(RowBasis, LeavesRowsOfScaleZeroOut) {
  auto rows = gaussian_rows(3, 20, 2);
  rows[1].assign(20, 0.0);
  const auto basis = settle(rows, {1, 0, 1});
  ASSERT_EQ(basis.rank(), 2);
  EXPECT_EQ(basis.only(1), 2);
}

TEST(RowBasis, LeavesExactlyDependentRowsOut) {
  auto rows = gaussian_rows(6, 50, 3);
  for (int k = 0; k < 50; ++k) {
    rows[3][k] = rows[0][k];
    rows[5][k] = 2 * rows[1][k] - rows[2][k] + 1e3 * rows[4][k];
  }
  const auto basis = settle(rows, {1, 1, 1, 1, 1, 1});
  EXPECT_EQ(basis.rank(), 4);
}

TEST(RowBasis, KeepsWhatSinglePrecisionRoundingAdds) {
  auto rows = gaussian_rows(4, 60, 4);
  for (int k = 0; k < 60; ++k) rows[3][k] = static_cast<float>(rows[0][k] + rows[1][k]);
  const auto basis = settle(rows, {1, 1, 1, 1});
  ASSERT_EQ(basis.rank(), 4);
  // Unit rows whose angles are far from zero.
  const auto products = gram(combined(basis, rows));
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < i; ++j) {
      EXPECT_LT(std::fabs(products[i * 4 + j]) / std::sqrt(products[i * 5] * products[j * 5]), 0.1);
    }
  }
}

TEST(RowBasis, TransposedProductIsTheCombinationOfItsRows) {
  auto rows = gaussian_rows(3, 30, 5);
  for (int k = 0; k < 30; ++k) rows[2][k] = rows[0][k] - rows[1][k];
  const auto basis = settle(rows, {1, 1, 1});
  ASSERT_EQ(basis.rank(), 2);
  const auto y = basis.apply_transposed(std::vector<double>{2, -3});
  for (int j = 0; j < 3; ++j) EXPECT_EQ(y[j], 2 * basis.row(0)[j] - 3 * basis.row(1)[j]);
}

}  // namespace
}  // namespace lift
