#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "solvers/box_lp.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift {
namespace {

/// Preprocessing on however few coordinates.
BoxLpOptions always() {
  BoxLpOptions options;
  options.least_coordinates = 0;
  return options;
}

BoxLpOptions mehrotra() {
  BoxLpOptions options;
  options.method = LpMethod::mehrotra;
  return options;
}

test::LpSolution solve(const test::DenseLp& lp, const Communicator& comm,
                       const BoxLpOptions& options = always()) {
  return test::solve_dealt(lp, comm, options);
}

/// As of the LP benchmark: columns and costs over many orders of magnitude.
test::DenseLp heavy_tailed(int rows, std::int64_t coordinates, std::uint64_t seed) {
  auto lp = test::gaussian("heavy-tailed", rows, coordinates, seed);
  const Philox philox(seed, RandomStream::test);
  const auto cauchy = [&](std::uint64_t sequence, std::int64_t k) {
    return std::tan(M_PI * (philox.uniform(sequence, static_cast<std::uint64_t>(k)) - 0.5));
  };
  for (std::int64_t k = 0; k < coordinates; ++k) {
    const double scale = std::fabs(cauchy(101, k));
    for (int i = 0; i < rows; ++i) lp.a[static_cast<std::size_t>(i * coordinates + k)] *= scale;
    lp.g[static_cast<std::size_t>(k)] = cauchy(102, k) * cauchy(103, k);
  }
  return lp;
}

std::vector<test::DenseLp> large_instances() {
  std::vector<test::DenseLp> all;
  for (const int rows : {1, 4, 16}) {
    all.push_back(test::gaussian(fmt::format("gaussian {}", rows), rows, 30000, 70 + rows));
    all.push_back(heavy_tailed(rows, 30000, 80 + rows));
    all.back().name += fmt::format(" {}", rows);
  }
  return all;
}

class Preprocessing : public testing::TestWithParam<test::DenseLp> {};

TEST_P(Preprocessing, AgreesWithMehrotraOnTheWhole) {
  const auto world = Communicator::world();
  const auto& lp = GetParam();
  const auto reduced = solve(lp, world), whole = solve(lp, world, mehrotra());
  const auto& certificate = reduced.summary.certificate;
  EXPECT_EQ(reduced.summary.status, LpStatus::optimal) << reduced.summary.message;
  EXPECT_LE(certificate.gap, 1e-9);
  EXPECT_LE(certificate.residual, 1e-9);
  EXPECT_EQ(certificate.bound_violation, 0);
  EXPECT_NEAR(certificate.objective, whole.summary.certificate.objective, 2e-9 * test::cost_norm(lp));
  EXPECT_EQ(whole.summary.reduction.pilot, 0);
}

TEST_P(Preprocessing, GivesTheSameObjectiveOnAnyNumberOfRanks) {
  const auto& lp = GetParam();
  const double together = solve(lp, Communicator::world()).summary.certificate.objective;
  const double alone = solve(lp, Communicator::self()).summary.certificate.objective;
  EXPECT_NEAR(together, alone, 1e-10 * std::max(std::fabs(alone), 1e-3 * test::cost_norm(lp)));
}

std::string test_name(const testing::TestParamInfo<test::DenseLp>& info) {
  return test::name_of_test(info.index, info.param);
}

INSTANTIATE_TEST_SUITE_P(ClosedForms, Preprocessing, testing::ValuesIn(test::closed_forms()), test_name);
INSTANTIATE_TEST_SUITE_P(HardCases, Preprocessing, testing::ValuesIn(test::hard_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Large, Preprocessing, testing::ValuesIn(large_instances()), test_name);

TEST(BoxLpPreprocessing, LeavesFewCoordinatesInDoubtAndReadsAllOfAFewTimes) {
  for (const auto& lp : large_instances()) {
    const auto s = solve(lp, Communicator::world()).summary;
    EXPECT_GT(s.reduction.pilot, 100) << lp.name;
    EXPECT_LE(s.reduction.pilot, lp.coordinates / 5) << lp.name;
    EXPECT_LE(s.reduction.reduced, lp.coordinates / 4) << lp.name;
    EXPECT_GE(s.reduction.rounds, 1) << lp.name;
    EXPECT_FALSE(s.reduction.whole) << lp.name;
    EXPECT_EQ(s.sweeps, 2 + 2 * s.reduction.rounds) << lp.name;
    EXPECT_THAT(s.message, testing::HasSubstr("in doubt after a pilot of")) << lp.name;
  }
}

TEST(BoxLpPreprocessing, DrawsTheSamePilotOnAnyNumberOfRanks) {
  const auto lp = heavy_tailed(8, 20000, 91);
  EXPECT_NEAR(static_cast<double>(solve(lp, Communicator::world()).summary.reduction.pilot),
              static_cast<double>(solve(lp, Communicator::self()).summary.reduction.pilot), 1);
}

TEST(BoxLpPreprocessing, FindsSignsThatBadMultipliersGotWrong) {
  const auto world = Communicator::world();
  const auto lp = test::gaussian("wrong start", 6, 30000, 92);
  const auto right = solve(lp, world);
  auto options = always();
  options.start = right.summary.y;
  for (std::size_t i = 0; i < options.start.size(); ++i) options.start[i] += i % 2 == 0 ? 0.03 : -0.03;
  const auto corrected = solve(lp, world, options);
  EXPECT_EQ(corrected.summary.status, LpStatus::optimal) << corrected.summary.message;
  EXPECT_GE(corrected.summary.reduction.rounds, 2) << "no sign was wrong: nothing was tested";
  EXPECT_FALSE(corrected.summary.reduction.whole);
  EXPECT_NEAR(corrected.summary.certificate.objective, right.summary.certificate.objective,
              2e-9 * test::cost_norm(lp));
}

TEST(BoxLpPreprocessing, SolvesTheWholeWhereMultipliersSayNothing) {
  const auto world = Communicator::world();
  const auto lp = test::gaussian("hopeless start", 6, 30000, 98);
  auto options = always();
  options.start.assign(6, 50.0);
  const auto s = solve(lp, world, options).summary;
  EXPECT_EQ(s.status, LpStatus::optimal) << s.message;
  EXPECT_TRUE(s.reduction.whole);
  EXPECT_THAT(s.message, testing::HasSubstr("then all of them solved at once"));
  EXPECT_NEAR(s.certificate.objective, solve(lp, world, mehrotra()).summary.certificate.objective,
              2e-9 * test::cost_norm(lp));
}

TEST(BoxLpPreprocessing, StartsFromTheMultipliersOfASolveBefore) {
  const auto world = Communicator::world();
  const auto lp = test::gaussian("warm", 8, 30000, 93);
  const auto cold = solve(lp, world);
  std::map<std::string, int> stages;
  auto options = always();
  options.start = cold.summary.y;
  options.on_iteration = [&](const LpIteration& step) { ++stages[step.stage]; };
  const auto warm = solve(lp, world, options);
  EXPECT_EQ(warm.summary.status, LpStatus::optimal);
  EXPECT_EQ(stages.count("pilot"), 0U);
  EXPECT_EQ(stages["reduced"], warm.summary.iterations);
  EXPECT_LT(warm.summary.iterations, cold.summary.iterations);
}

TEST(BoxLpPreprocessing, LeavesFewCoordinatesToMehrotra) {
  const auto s = solve(test::gaussian("few", 4, 3000, 94), Communicator::world(), BoxLpOptions{}).summary;
  EXPECT_EQ(s.status, LpStatus::optimal);
  EXPECT_EQ(s.reduction.pilot, 0);
  EXPECT_EQ(s.reduction.rounds, 0);
}

TEST(BoxLpPreprocessing, StopsAtItsTimeLimitWithAFeasibleDirection) {
  auto options = always();
  options.max_seconds = 1e-9;
  const auto s = solve(test::gaussian("late", 8, 30000, 95), Communicator::world(), options).summary;
  EXPECT_EQ(s.status, LpStatus::time_limit);
  EXPECT_EQ(s.certificate.bound_violation, 0);
  EXPECT_LE(s.certificate.residual, 1e-9);
}

TEST(BoxLpPreprocessing, RepeatsItselfToTheLastBit) {
  const auto world = Communicator::world();
  const auto lp = heavy_tailed(8, 20000, 96);
  const auto first = solve(lp, world), second = solve(lp, world);
  EXPECT_EQ(first.d, second.d);
  EXPECT_EQ(first.summary.y, second.summary.y);
}

TEST(BoxLpPreprocessing, RefusesAStartOfAnotherLength) {
  auto options = always();
  options.start = {1, 2};
  EXPECT_THROW(static_cast<void>(solve(test::gaussian("start", 3, 400, 97), Communicator::world(), options)),
               AgreedError);
}

}  // namespace
}  // namespace lift
