// Programs so large that preprocessing solves its pilots and reduced programs by preprocessing too.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <string>

#include "mpi/error.hpp"
#include "solvers/box_lp.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

constexpr int kRows = 16;
constexpr std::int64_t kCoordinates = 240'000;

test::LpSolution solve(const test::DenseLp& lp, const Communicator& comm, const BoxLpOptions& options = {},
                       std::span<const double> tau = {}) {
  return test::solve_dealt(lp, comm, options, tau);
}

double optimum(const test::DenseLp& lp, std::span<const double> tau = {}) {
  BoxLpOptions options;
  options.method = LpMethod::mehrotra;
  const auto whole = solve(lp, Communicator::world(), options, tau);
  EXPECT_EQ(whole.summary.status, LpStatus::optimal) << whole.summary.message;
  return whole.summary.certificate.objective;
}

void expect_settled(const test::DenseLp& lp, const BoxLpSummary& summary, double objective) {
  EXPECT_EQ(summary.status, LpStatus::optimal) << lp.name << ": " << summary.message;
  EXPECT_LE(summary.certificate.gap, 1e-9);
  EXPECT_LE(summary.certificate.residual, 1e-9);
  EXPECT_EQ(summary.certificate.bound_violation, 0);
  EXPECT_FALSE(summary.reduction.whole) << summary.message;
  EXPECT_NEAR(summary.certificate.objective, objective, 2e-9 * test::cost_norm(lp)) << lp.name;
}

TEST(NestedBoxLp, LeavesFewCoordinatesToMehrotra) {
  for (const auto& lp : {test::gaussian("gaussian", kRows, kCoordinates, 99),
                         test::heavy_tailed("heavy-tailed", kRows, kCoordinates, 100)}) {
    const auto world = solve(lp, Communicator::world()), again = solve(lp, Communicator::world());
    const auto& s = world.summary;
    expect_settled(lp, s, optimum(lp));
    EXPECT_GT(s.reduction.reduced, 20'000) << "too few for another level";
    EXPECT_LT(s.reduction.at_once, s.reduction.reduced) << s.message;
    EXPECT_EQ(s.sweeps, 1 + 2 * s.reduction.rounds) << "first norms are of a part of A";
    EXPECT_EQ(world.d, again.d) << "a rerun has other bits";
    EXPECT_EQ(s.y, again.summary.y);
    EXPECT_NEAR(s.certificate.objective, solve(lp, Communicator::self()).summary.certificate.objective,
                1e-10 * test::cost_norm(lp));
  }
}

TEST(NestedBoxLp, RelaxesRows) {
  const auto lp = test::gaussian("relaxed", kRows, kCoordinates, 102);
  const auto self = Communicator::self();
  const test::DistributedLp distributed(lp, self);
  std::vector<double> tau = row_reach(distributed.problem());
  for (double& entry : tau) entry *= 1e-3;
  const auto s = solve(lp, Communicator::world(), {}, tau).summary;
  expect_settled(lp, s, optimum(lp, tau));
  EXPECT_LT(s.reduction.at_once, s.reduction.reduced);
}

/// One rank has all that is drawn and in doubt, the others none.
TEST(NestedBoxLp, TakesCoordinatesThatAreAllOfOneRank) {
  auto lp = test::gaussian("all at one end", kRows, kCoordinates, 103);
  std::fill(lp.u.begin() + kCoordinates / 5, lp.u.end(), 0.0);
  const auto s = solve(lp, Communicator::world()).summary;
  EXPECT_EQ(s.status, LpStatus::optimal) << s.message;
  EXPECT_NEAR(s.certificate.objective, optimum(lp), 2e-9 * test::cost_norm(lp));
}

/// Rows whose first norms, of a part of the coordinates, are 0 or far too small: a draw by these would be
/// most of A.
TEST(NestedBoxLp, WeighsRowsAgainThatFewBlocksDoNotShow) {
  auto lp = test::gaussian("local rows", 4, kCoordinates, 101);
  const auto row = [&](int i) { return lp.a.begin() + i * lp.coordinates; };
  for (std::int64_t k = 0; k < lp.coordinates; ++k) {
    const bool local = k >= 30'000 && k < 30'012;
    row(0)[k] *= local ? 1 : 0;
    row(1)[k] *= local ? 1e7 : 1e-3;
  }
  const auto s = solve(lp, Communicator::world()).summary;
  expect_settled(lp, s, optimum(lp));
  EXPECT_EQ(s.sweeps, 2 + 2 * s.reduction.rounds) << "one more, by the norms of all";
  EXPECT_LE(s.reduction.pilot, lp.coordinates / 5);
}

TEST(NestedBoxLp, StartsFromMultipliersAndSurvivesBadOnes) {
  const auto lp = test::gaussian("start", kRows, kCoordinates, 104);
  const auto world = Communicator::world();
  const auto cold = solve(lp, world);
  const double objective = cold.summary.certificate.objective;
  BoxLpOptions options;
  options.start = cold.summary.y;
  const auto warm = solve(lp, world, options).summary;
  expect_settled(lp, warm, objective);
  EXPECT_LT(warm.iterations, cold.summary.iterations);
  for (const double shift : {0.05, 50.0}) {
    for (std::size_t i = 0; i < options.start.size(); ++i)
      options.start[i] = cold.summary.y[i] + (i % 2 == 0 ? shift : -shift);
    const auto s = solve(lp, world, options).summary;
    EXPECT_EQ(s.status, LpStatus::optimal) << shift << ": " << s.message;
    EXPECT_NEAR(s.certificate.objective, objective, 2e-9 * test::cost_norm(lp)) << shift;
  }
  options.start[1] = std::numeric_limits<double>::quiet_NaN();
  try {
    static_cast<void>(solve(lp, world, options));
    FAIL() << "multipliers that are not finite were taken";
  } catch (const AgreedError& error) {
    EXPECT_THAT(error.what(), HasSubstr("start holds nan"));
  }
}

TEST(NestedBoxLp, StopsAtItsLimitsWithAFeasibleDirection) {
  const auto lp = test::heavy_tailed("limits", kRows, kCoordinates, 105);
  BoxLpOptions late;
  late.max_seconds = 1e-9;
  const auto timed = solve(lp, Communicator::world(), late).summary;
  EXPECT_EQ(timed.status, LpStatus::time_limit) << timed.message;
  EXPECT_EQ(timed.certificate.bound_violation, 0);
  EXPECT_LE(timed.certificate.residual, 1e-9);
  BoxLpOptions short_of_steps;
  short_of_steps.max_iterations = 2;
  const auto cut = solve(lp, Communicator::world(), short_of_steps).summary;
  EXPECT_FALSE(answered(cut.status)) << cut.message;
  EXPECT_EQ(cut.certificate.bound_violation, 0);
}

}  // namespace
}  // namespace lift
