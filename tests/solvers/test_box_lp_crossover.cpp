#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mpi/collectives.hpp"
#include "solvers/box_lp.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift {
namespace {

test::LpSolution solve(const test::DenseLp& lp, const Communicator& comm, bool crossover,
                       std::span<const double> tau = {}) {
  BoxLpOptions options;
  options.crossover = crossover;
  options.least_coordinates = 10000;
  return test::solve_dealt(lp, comm, options, tau);
}

/// Coordinates of this rank that are not exactly at a bound.
std::int64_t off_bounds(const test::DenseLp& lp, const std::vector<double>& d, const Communicator& comm) {
  const ShardMap layout(lp.coordinates, comm.size());
  std::int64_t count = 0;
  for (std::size_t k = 0; k < d.size(); ++k) {
    const double u = lp.u[static_cast<std::size_t>(layout.begin(comm.rank())) + k];
    count += std::fabs(d[k]) != u ? 1 : 0;
  }
  return sum_over_ranks(count, comm);
}

void expect_vertex(const test::DenseLp& lp, const Communicator& comm) {
  SCOPED_TRACE(lp.name);
  const auto inner = solve(lp, comm, false), vertex = solve(lp, comm, true);
  const auto& s = vertex.summary;
  EXPECT_EQ(s.status, LpStatus::optimal) << s.message;
  EXPECT_LE(s.certificate.gap, 1e-9);
  EXPECT_LE(s.certificate.residual, 1e-9);
  EXPECT_EQ(s.certificate.bound_violation, 0);
  const double cost = test::cost_norm(lp);
  EXPECT_NEAR(s.certificate.objective, inner.summary.certificate.objective, 2e-9 * cost);
  ASSERT_TRUE(s.inside.has_value()) << s.message;
  EXPECT_LE(*s.inside, lp.rows);
  EXPECT_EQ(off_bounds(lp, vertex.d, comm), *s.inside);
  EXPECT_EQ(inner.summary.inside, std::nullopt);
}

TEST(BoxLpCrossover, EndsAtAVertex) {
  const auto world = Communicator::world();
  for (const int rows : {1, 5, 16}) expect_vertex(test::gaussian("gaussian", rows, 3000, 400 + rows), world);
  expect_vertex(test::gaussian("by preprocessing", 6, 30000, 420), world);
}

TEST(BoxLpCrossover, ChoosesAVertexWhereManyPointsAreOptimal) {
  // Equal costs and columns: any d with Σ d = 0 and the right cost is optimal, and the interior method ends
  // far from every bound.
  test::DenseLp lp{.name = "ties",
                   .rows = 1,
                   .coordinates = 40,
                   .a = std::vector<double>(40, 1.0),
                   .g = std::vector<double>(40, 1.0),
                   .u = std::vector<double>(40, 1.0),
                   .optimum = {}};
  const auto world = Communicator::world();
  const auto inner = solve(lp, world, false);
  EXPECT_GT(off_bounds(lp, inner.d, world), 30) << "nothing to cross over";
  expect_vertex(lp, world);
}

/// More of them than are ever purified, and by both methods.
TEST(BoxLpCrossover, LeavesWhatNeitherTheCostNorARowHoldsAtZero) {
  const auto world = Communicator::world();
  for (const auto& [coordinates, inert] : {std::pair(300, 2), {60000, 25000}}) {
    auto lp = test::gaussian("inert coordinates", 3, coordinates, 430);
    const int stride = coordinates / inert;
    for (int j = 0; j < inert; ++j) {
      lp.g[static_cast<std::size_t>(j * stride)] = 0;
      for (int i = 0; i < lp.rows; ++i) lp.a[static_cast<std::size_t>(i * coordinates + j * stride)] = 0;
    }
    for (const double tau : {0.0, 0.1}) {
      const std::vector<double> relaxed(tau > 0 ? 3 : 0, tau);
      const auto vertex = solve(lp, world, true, relaxed);
      EXPECT_EQ(vertex.summary.status, LpStatus::optimal) << vertex.summary.message;
      ASSERT_TRUE(vertex.summary.inside.has_value()) << vertex.summary.message;
      EXPECT_EQ(off_bounds(lp, vertex.d, world), *vertex.summary.inside + inert);
      EXPECT_TRUE(!world.is_root() || vertex.d.front() == 0);
    }
  }
}

TEST(BoxLpCrossover, KeepsTheAnswerOfEveryHardCase) {
  const auto world = Communicator::world();
  for (const auto& lp : test::hard_cases()) {
    SCOPED_TRACE(lp.name);
    const auto inner = solve(lp, world, false), vertex = solve(lp, world, true);
    EXPECT_EQ(vertex.summary.status, inner.summary.status);
    EXPECT_LE(vertex.summary.certificate.gap, 1e-9);
    EXPECT_LE(vertex.summary.certificate.residual, 1e-9);
    EXPECT_EQ(vertex.summary.certificate.bound_violation, 0);
    if (!vertex.summary.inside) {
      EXPECT_EQ(vertex.d, inner.d);
      EXPECT_THAT(vertex.summary.message, testing::HasSubstr("no vertex as good"));
    }
  }
}

TEST(BoxLpCrossover, CountsRelaxedRowsAtTheirBounds) {
  const auto world = Communicator::world();
  const auto lp = test::gaussian("relaxed", 4, 2000, 430);
  const test::DistributedLp distributed(lp, world);
  auto tau = row_reach(distributed.problem());
  for (double& entry : tau) entry *= 1e-3;
  const auto vertex = solve(lp, world, true, tau);
  ASSERT_TRUE(vertex.summary.inside.has_value()) << vertex.summary.message;
  EXPECT_LE(*vertex.summary.inside, 4);
  EXPECT_EQ(off_bounds(lp, vertex.d, world), *vertex.summary.inside);
  EXPECT_LE(vertex.summary.certificate.gap, 1e-9);
}

TEST(BoxLpCrossover, IsTheSameOnAnyNumberOfRanks) {
  const auto lp = test::gaussian("ranks", 7, 5000, 440);
  const auto together = solve(lp, Communicator::world(), true), alone = solve(lp, Communicator::self(), true);
  EXPECT_EQ(together.summary.inside, alone.summary.inside);
  EXPECT_NEAR(together.summary.certificate.objective, alone.summary.certificate.objective,
              1e-12 * std::fabs(alone.summary.certificate.objective));
}

}  // namespace
}  // namespace lift
