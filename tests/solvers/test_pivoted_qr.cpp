#include "solvers/pivoted_qr.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi/philox.hpp"
#include "tests/solvers/dense_reference.hpp"

namespace lift {
namespace {

std::vector<double> random(std::size_t size, std::uint64_t seed) {
  std::vector<double> v(size);
  Philox(seed, RandomStream::test).normals(0, 0, v);
  return v;
}

std::vector<double> column(const std::vector<double>& matrix, std::size_t j, std::size_t length) {
  const auto begin = matrix.begin() + static_cast<std::ptrdiff_t>(j * length);
  return {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

void expect_orthonormal_and_orthogonal_to(const std::vector<double>& basis,
                                          const std::vector<double>& columns, std::size_t length) {
  const std::size_t size = basis.size() / length;
  for (std::size_t i = 0; i < size; ++i) {
    const auto n = column(basis, i, length);
    for (std::size_t j = 0; j < size; ++j)
      EXPECT_NEAR(test::dot_dense(n, column(basis, j, length)), i == j ? 1 : 0, 1e-14);
    for (std::size_t j = 0; j < columns.size() / length; ++j)
      EXPECT_NEAR(test::dot_dense(n, column(columns, j, length)), 0, 1e-13);
  }
}

TEST(PivotedQr, GivesWhatIsOrthogonalToAllColumns) {
  const std::size_t length = 12;
  auto columns = random(5 * length, 1);
  for (std::size_t k = 0; k < length; ++k) columns[3 * length + k] = columns[k] - 2 * columns[length + k];
  const PivotedQr qr(columns, length);
  EXPECT_EQ(qr.rank(), 4U);
  const auto basis = qr.null_basis();
  EXPECT_EQ(basis.size(), 8 * length);
  expect_orthonormal_and_orthogonal_to(basis, columns, length);
}

TEST(PivotedQr, SolvesLeastSquaresOfDependentColumns) {
  const std::size_t length = 9;
  auto columns = random(4 * length, 2);
  for (std::size_t k = 0; k < length; ++k) columns[2 * length + k] = columns[k] + columns[length + k];
  const auto b = random(length, 3);
  const auto x = PivotedQr(columns, length).solve(b);
  auto rest = b;
  for (std::size_t j = 0; j < 4; ++j)
    for (std::size_t k = 0; k < length; ++k) rest[k] -= x[j] * columns[j * length + k];
  const auto nearest = test::project_off_dense(columns, b);
  for (std::size_t k = 0; k < length; ++k) EXPECT_NEAR(rest[k], nearest[k], 1e-13);
}

TEST(PivotedQr, AnswersAtTheEdges) {
  const PivotedQr none({}, 3);
  EXPECT_EQ(none.rank(), 0U);
  EXPECT_EQ(none.null_basis(), (std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 1}));
  EXPECT_TRUE(none.solve(std::vector<double>{1, 2, 3}).empty());
  const PivotedQr empty({}, 0);
  EXPECT_TRUE(empty.null_basis().empty());
  const PivotedQr zero({0, 0, 0}, 3);
  EXPECT_EQ(zero.rank(), 0U);
  EXPECT_EQ(zero.solve(std::vector<double>{1, 2, 3}), std::vector<double>{0});
  const PivotedQr wide({1, 0, 3, 4, 1, 1}, 2);
  EXPECT_EQ(wide.rank(), 2U);
  EXPECT_TRUE(wide.null_basis().empty());
}

TEST(PivotedQr, DoesNotTakeNearlyDependentColumnsForDependent) {
  const double small = 1e-9;
  const std::vector<double> columns{1, 0, 0, 1, small, 0};
  const PivotedQr qr(columns, 3);
  EXPECT_EQ(qr.rank(), 2U);
  const auto x = qr.solve(std::vector<double>{1, 2 * small, 5});
  EXPECT_NEAR(x[0], -1, 1e-6);
  EXPECT_NEAR(x[1], 2, 1e-6);
}

}  // namespace
}  // namespace lift
