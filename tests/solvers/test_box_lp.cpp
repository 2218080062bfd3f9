#include "solvers/box_lp.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "tests/solvers/highs_peer.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift {
namespace {

using test::cost_norm;
using Solution = test::LpSolution;

Solution solve(const test::DistributedLp& lp, const BoxLpOptions& options = {}) {
  Solution solution{{}, std::vector<double>(lp.size())};
  solution.summary = solve_box_lp(lp.problem(), options, solution.d);
  return solution;
}

Solution solve(const test::DenseLp& lp, const Communicator& comm) {
  return test::solve_dealt(lp, comm);
}

void expect_solved(const Solution& solution) {
  const auto& s = solution.summary;
  EXPECT_EQ(s.status, LpStatus::optimal) << s.message;
  EXPECT_LE(s.certificate.gap, 1e-9);
  EXPECT_GE(s.certificate.gap, -1e-15);
  EXPECT_LE(s.certificate.residual, 1e-9);
  EXPECT_EQ(s.certificate.bound_violation, 0);
  EXPECT_LE(s.iterations, 40);
}

class Catalogue : public testing::TestWithParam<test::DenseLp> {};

TEST_P(Catalogue, IsSolvedAndCertified) {
  const auto world = Communicator::world();
  const auto& lp = GetParam();
  const auto solution = solve(lp, world);
  expect_solved(solution);
  const double objective = solution.summary.certificate.objective;
  EXPECT_LE(objective, 1e-12 * cost_norm(lp)) << "d = 0 is feasible";
  if (lp.optimum) {
    EXPECT_NEAR(objective, *lp.optimum, 1e-9 * cost_norm(lp));
  }
}

TEST_P(Catalogue, GivesTheSameObjectiveOnAnyNumberOfRanks) {
  const auto world = Communicator::world();
  const auto& lp = GetParam();
  const double together = solve(lp, world).summary.certificate.objective;
  const double pairs = solve(lp, world.split(world.rank() / 2, world.rank())).summary.certificate.objective;
  const double alone = solve(lp, Communicator::self()).summary.certificate.objective;
  const double scale = 1e-10 * std::max(std::fabs(alone), 1e-3 * cost_norm(lp));
  EXPECT_NEAR(together, alone, scale);
  EXPECT_NEAR(pairs, alone, scale);
}

TEST_P(Catalogue, AgreesWithHighs) {
  if (!test::has_highs()) GTEST_SKIP() << "built without HiGHS (wheel highsbox)";
  const auto world = Communicator::world();
  const auto& lp = GetParam();
  const double objective = solve(lp, world).summary.certificate.objective;
  if (world.is_root()) {
    const auto highs =
        test::solve_with_highs(lp.a, lp.g, lp.u, lp.rows, {.solver = "simplex", .max_seconds = 60});
    ASSERT_TRUE(highs->optimal);
    EXPECT_NEAR(objective, highs->objective,
                1e-7 * std::max(std::fabs(highs->objective), 1e-3 * cost_norm(lp)));
  }
}

std::string test_name(const testing::TestParamInfo<test::DenseLp>& info) {
  return test::name_of_test(info.index, info.param);
}

INSTANTIATE_TEST_SUITE_P(ClosedForms, Catalogue, testing::ValuesIn(test::closed_forms()), test_name);
INSTANTIATE_TEST_SUITE_P(HardCases, Catalogue, testing::ValuesIn(test::hard_cases()), test_name);

TEST(BoxLp, FindsTheDirectionOfTheAnalyticAnchor) {
  const auto world = Communicator::world();
  const auto lp = test::closed_forms()[1];  // A1: dλ = +1, dW = −25/9
  const auto solution = solve(lp, Communicator::self());
  EXPECT_NEAR(solution.d[0], 1, 1e-7);
  EXPECT_NEAR(solution.d[1], -25.0 / 9, 1e-7);
  EXPECT_NEAR(solution.summary.certificate.objective, -50.0 / 27, 1e-7);
}

TEST(BoxLp, AgreesWithEnumerationOnTinyInstances) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const int rows = 1 + static_cast<int>(seed % 3);
    auto lp = test::gaussian("tiny", rows, rows + 1 + static_cast<std::int64_t>(seed % 5), 500 + seed);
    for (std::size_t k = 0; k < lp.u.size(); ++k)
      lp.u[k] = std::exp(std::sin(3.0 * static_cast<double>(seed + k)));
    const auto solution = solve(lp, Communicator::self());
    expect_solved(solution);
    EXPECT_NEAR(solution.summary.certificate.objective, test::optimum_by_enumeration(lp),
                1e-9 * cost_norm(lp));
  }
}

TEST(BoxLp, EndsAtAVertexOfSignsInAllButTheRankManyCoordinates) {
  const auto solution = solve(test::gaussian("vertex", 5, 2000, 41), Communicator::self());
  int inside = 0;
  for (const double d : solution.d) inside += std::fabs(d) < 1 - 1e-6 ? 1 : 0;
  EXPECT_LE(inside, 5);
}

TEST(BoxLp, RepeatsItselfToTheLastBit) {
  const auto world = Communicator::world();
  const test::DistributedLp lp(test::hard_cases()[17], world);
  const auto first = solve(lp), second = solve(lp);
  EXPECT_EQ(first.d, second.d);
  EXPECT_EQ(first.summary.y, second.summary.y);
  EXPECT_EQ(first.summary.certificate.gap, second.summary.certificate.gap);
}

TEST(BoxLp, GivesEveryRankTheSameSummary) {
  const auto world = Communicator::world();
  const auto solution = solve(test::gaussian("same", 7, 900, 42), world);
  const auto& s = solution.summary;
  std::vector<double> mine = s.y;
  mine.insert(mine.end(), {s.certificate.objective, s.certificate.dual_objective, s.certificate.gap,
                           s.certificate.residual, s.certificate.bound_violation, s.seconds,
                           static_cast<double>(s.iterations), static_cast<double>(s.sweeps)});
  auto root = mine;
  broadcast(host_buffer(std::span<double>(root)), 0, world);
  EXPECT_EQ(mine, root);
  EXPECT_EQ(gather_texts(s.message, world), std::vector<std::string>(world.size(), s.message));
}

TEST(BoxLp, ReportsEveryStepAndCountsItsSweeps) {
  std::vector<double> gaps;
  BoxLpOptions options;
  options.on_iteration = [&](const LpIteration& step) {
    EXPECT_STREQ(step.stage, "whole");
    EXPECT_EQ(step.iteration, static_cast<int>(gaps.size()) + 1);
    gaps.push_back(step.gap);
  };
  const auto summary =
      solve(test::DistributedLp(test::gaussian("steps", 8, 3000, 43), Communicator::world()), options)
          .summary;
  ASSERT_EQ(static_cast<int>(gaps.size()), summary.iterations);
  EXPECT_NEAR(gaps.back(), summary.certificate.gap, 1e-12);
  // Three a step; scaling, basis, its norms, first residual, first assembly and certificate beside.
  EXPECT_EQ(summary.sweeps, 3 * summary.iterations + 6);
  EXPECT_THAT(summary.message, testing::HasSubstr("solved after"));
}

TEST(BoxLp, StopsAtItsLimitsWithAUsableDirection) {
  const auto world = Communicator::world();
  const test::DistributedLp lp(test::gaussian("limits", 8, 3000, 44), world);
  BoxLpOptions few;
  few.max_iterations = 4;
  const auto stopped = solve(lp, few);
  EXPECT_EQ(stopped.summary.status, LpStatus::iteration_limit);
  EXPECT_EQ(stopped.summary.iterations, 4);
  EXPECT_EQ(stopped.summary.certificate.bound_violation, 0);
  EXPECT_LE(stopped.summary.certificate.residual, 1e-9);
  EXPECT_LT(stopped.summary.certificate.objective, 0);
  EXPECT_GT(stopped.summary.certificate.gap, 1e-9);

  BoxLpOptions hurried;
  hurried.max_seconds = 1e-9;
  const auto late = solve(lp, hurried);
  EXPECT_EQ(late.summary.status, LpStatus::time_limit);
  EXPECT_EQ(late.summary.certificate.bound_violation, 0);
}

TEST(BoxLp, StallsRatherThanRunOnWhenToleranceIsOutOfReach) {
  BoxLpOptions options;
  options.gap_tol = options.residual_tol = 1e-30;
  const auto summary =
      solve(test::DistributedLp(test::gaussian("out of reach", 8, 3000, 45), Communicator::world()), options)
          .summary;
  EXPECT_EQ(summary.status, LpStatus::stalled);
  EXPECT_LE(summary.certificate.gap, 1e-12);
  EXPECT_FALSE(answered(summary.status));
  EXPECT_FALSE(failed(summary.status));
}

TEST(BoxLp, RefusesInvalidOptionsOnEveryRank) {
  const auto world = Communicator::world();
  const test::DistributedLp lp(test::closed_forms()[0], world);
  const auto refused = [&](auto change, const std::string& text) {
    BoxLpOptions options;
    change(options);
    EXPECT_EQ(options.violation(), text);
    // Wrong on the last rank alone.
    EXPECT_THROW(solve(lp, world.rank() == world.size() - 1 ? options : BoxLpOptions{}), AgreedError);
  };
  refused([](auto& o) { o.gap_tol = -1; }, "gap_tol = -1 violates gap_tol > 0");
  refused([](auto& o) { o.residual_tol = std::nan(""); }, "residual_tol = nan violates residual_tol > 0");
  refused([](auto& o) { o.max_iterations = 0; }, "max_iterations = 0 violates max_iterations >= 1");
  refused([](auto& o) { o.max_seconds = 0; }, "max_seconds = 0 violates max_seconds > 0");
  EXPECT_EQ(BoxLpOptions{}.violation(), "");
}

TEST(BoxLp, RefusesWrongShapesAndEntriesOnEveryRank) {
  const auto world = Communicator::world();
  const bool last = world.rank() == world.size() - 1;
  const auto whole = test::gaussian("wrong", 3, 40, 46);
  const auto refused = [&](auto damage, const std::string& text) {
    test::DistributedLp lp(whole, world);
    if (last) damage(lp);
    try {
      solve(lp);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), ExitCode::internal);
      EXPECT_THAT(error.what(), testing::HasSubstr(text));
    }
  };
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  refused([](auto& lp) { lp.u().back() = -1; }, "u[39] = -1, expected finite and >= 0");
  refused([=](auto& lp) { lp.u().back() = nan; }, "u[39] = nan");
  refused([=](auto& lp) { lp.u().back() = infinity; }, "u[39] = inf");
  refused([=](auto& lp) { lp.g().back() = nan; }, "g[39] = nan is not finite");
  refused([=](auto& lp) { lp.a().local().back() = infinity; }, "row 2 of A");
  refused([=](auto& lp) { lp.a().local().front() = nan; }, "row 0 of A");
  refused([](auto& lp) { lp.u().pop_back(); }, "the shard of u has");

  const test::DistributedLp lp(whole, world);
  std::vector<double> d(lp.size() + (last ? 1 : 0));
  EXPECT_THROW(solve_box_lp(lp.problem(), {}, d), AgreedError);
}

TEST(BoxLp, NamesItsStatuses) {
  EXPECT_STREQ(to_string(LpStatus::optimal), "optimal");
  EXPECT_STREQ(to_string(LpStatus::iteration_limit), "iteration_limit");
  EXPECT_STREQ(to_string(LpStatus::time_limit), "time_limit");
  EXPECT_STREQ(to_string(LpStatus::stalled), "stalled");
  EXPECT_STREQ(to_string(LpStatus::not_finite), "not_finite");
  EXPECT_TRUE(answered(LpStatus::optimal));
  EXPECT_TRUE(failed(LpStatus::not_finite));
}

}  // namespace
}  // namespace lift
