#include "solvers/row_space.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi/collectives.hpp"
#include "solvers/shard_algebra.hpp"
#include "tests/solvers/dense_reference.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift {
namespace {

/// A shard joined with those of the other ranks.
std::vector<double> whole(const std::vector<double>& shard, const test::DistributedLp& lp) {
  const auto& a = lp.problem().a;
  std::vector<double> all(static_cast<std::size_t>(a.coordinates()));
  gather_shards(shard, all, a.layout(), a.comm());
  return all;
}

/// A D, rows × coordinates.
std::vector<double> weighted_rows(const test::DenseLp& lp) {
  auto rows = lp.a;
  for (std::size_t k = 0; k < rows.size(); ++k) rows[k] *= lp.u[k % lp.u.size()];
  return rows;
}

std::vector<double> row_of(const std::vector<double>& rows, std::size_t length, int i) {
  const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(i * length);
  return {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

double norm(const std::vector<double>& x) {
  return std::sqrt(test::dot_dense(x, x));
}

class RowSpaceCatalogue : public testing::TestWithParam<test::DenseLp> {};

TEST_P(RowSpaceCatalogue, ProjectsAsGramSchmidtDoes) {
  const auto world = Communicator::world();
  const auto& dense = GetParam();
  test::DistributedLp lp(dense, world);
  RowSpace space(lp.a(), lp.u());
  auto rest = lp.g();
  static_cast<void>(space.project_off(rest));
  const auto wanted = test::project_off_dense(weighted_rows(dense), dense.g);
  const auto found = whole(rest, lp);
  for (std::size_t k = 0; k < found.size(); ++k) EXPECT_NEAR(found[k], wanted[k], 1e-10 * norm(dense.g));
}

TEST_P(RowSpaceCatalogue, SolvesConsistentEquationsWithTheLeastNorm) {
  const auto world = Communicator::world();
  const auto& dense = GetParam();
  const std::size_t n = dense.g.size();
  test::DistributedLp lp(dense, world);
  const auto rows = weighted_rows(dense);
  std::vector<double> rhs;
  for (int i = 0; i < dense.rows; ++i) rhs.push_back(test::dot_dense(row_of(rows, n, i), dense.g));
  std::vector<double> shard(lp.size());
  RowSpace space(lp.a(), lp.u());
  space.solve(rhs, shard);
  const auto x = whole(shard, lp);
  for (int i = 0; i < dense.rows; ++i) {
    const auto row = row_of(rows, n, i);
    EXPECT_NEAR(test::dot_dense(row, x), rhs[i], 1e-12 * norm(row) * norm(dense.g));
  }
  EXPECT_LE(norm(test::project_off_dense(rows, x)), 1e-9 * norm(dense.g)) << "within the row space";
}

TEST_P(RowSpaceCatalogue, FindsTheLeftNullSpace) {
  const auto world = Communicator::world();
  const auto& dense = GetParam();
  const auto m = static_cast<std::size_t>(dense.rows);
  test::DistributedLp lp(dense, world);
  RowSpace space(lp.a(), lp.u());
  const auto null = space.left_null();
  ASSERT_EQ(null.size(), m * m);
  const auto rows = weighted_rows(dense);
  double trace = 0;
  for (std::size_t i = 0; i < m; ++i) {
    trace += null[i * m + i];
    std::vector<double> sum(dense.g.size(), 0.0);
    double size = 0;
    for (std::size_t j = 0; j < m; ++j) {
      const auto row = row_of(rows, sum.size(), static_cast<int>(j));
      axpy(null[i * m + j], row, sum);
      size += std::fabs(null[i * m + j]) * norm(row);
    }
    EXPECT_LE(norm(sum), 1e-10 * size) << "row " << i;
  }
  // N = I − C T with T C = I: a projector, whose trace is its rank.
  EXPECT_NEAR(trace, static_cast<double>(dense.rows - space.rank()), 1e-6);
}

std::string test_name(const testing::TestParamInfo<test::DenseLp>& info) {
  return "case" + std::to_string(info.index);
}

INSTANTIATE_TEST_SUITE_P(HardCases, RowSpaceCatalogue, testing::ValuesIn(test::hard_cases()), test_name);

}  // namespace
}  // namespace lift
