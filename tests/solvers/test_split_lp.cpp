#include "solvers/split_lp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "mpi/error.hpp"
#include "solvers/ball_lp.hpp"
#include "tests/solvers/free_lp_instances.hpp"
#include "tests/solvers/split_lp_instances.hpp"

namespace lift {
namespace {

constexpr LambdaSet kSets[] = {LambdaSet::box, LambdaSet::ball};

const char* name_of(LambdaSet set) {
  return set == LambdaSet::box ? "box" : "ball";
}

void expect_solved(const SplitLpSummary& s) {
  EXPECT_EQ(s.status, LpStatus::optimal) << s.message;
  EXPECT_LE(s.certificate.gap, 1e-9);
  EXPECT_GE(s.certificate.gap, -1e-12);
  EXPECT_LE(s.certificate.residual, 1e-11);
  EXPECT_LE(s.certificate.lambda_violation, 1e-12);
  EXPECT_LE(s.certificate.weight_violation, 1e-12);
}

/// The largest value of a concave function on the line, by golden section.
double largest(const std::function<long double(double)>& value, double reach) {
  const double ratio = 0.6180339887498949;
  double low = -reach, high = reach;
  double left = high - ratio * (high - low), right = low + ratio * (high - low);
  long double at_left = value(left), at_right = value(right);
  for (int step = 0; step < 90; ++step) {
    if (at_left < at_right) {
      low = left;
      left = right;
      at_left = at_right;
      at_right = value(right = low + ratio * (high - low));
    } else {
      high = right;
      right = left;
      at_right = at_left;
      at_left = value(left = high - ratio * (high - low));
    }
  }
  return static_cast<double>(std::max(at_left, at_right));
}

/// The optimum of a program of one row or two, by searching its dual.
double optimum_by_search(const test::DenseLp& lp, std::int64_t p, LambdaSet set) {
  constexpr double kFar = 64;
  if (lp.rows == 1) return largest([&](double y) { return test::split_dual(lp, p, set, {y}); }, kFar);
  return largest(
      [&](double y0) {
        return largest([&](double y1) { return test::split_dual(lp, p, set, {y0, y1}); }, kFar);
      },
      kFar);
}

/// The catalogue, with a number of λ that leaves the weights some coordinates or, at the far end, none.
class SplitCatalogue : public testing::TestWithParam<test::DenseLp> {};

TEST_P(SplitCatalogue, IsSolvedAndCertifiedForBothSetsWhateverIsLambda) {
  const auto& lp = GetParam();
  const auto world = Communicator::world();
  const test::DistributedLp dealt(lp, world);
  for (const auto set : kSets) {
    for (const std::int64_t p : {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, std::int64_t{7},
                                 std::int64_t{30}, std::min<std::int64_t>(lp.coordinates, 64)}) {
      if (p > lp.coordinates) continue;
      SCOPED_TRACE(testing::Message() << lp.name << ", p = " << p << ", lambda in a " << name_of(set));
      const auto solution = test::solve_split(dealt, p, set);
      expect_solved(solution.summary);
      const double alone = test::solve_split(lp, p, set, Communicator::self()).summary.certificate.objective;
      EXPECT_NEAR(solution.summary.certificate.objective, alone, 1e-9 * test::split_cost(lp, p, set));
    }
  }
}

std::string test_name(const testing::TestParamInfo<test::DenseLp>& info) {
  return test::name_of_test(info.index, info.param);
}

INSTANTIATE_TEST_SUITE_P(ClosedForms, SplitCatalogue, testing::ValuesIn(test::closed_forms()), test_name);
INSTANTIATE_TEST_SUITE_P(HardCases, SplitCatalogue, testing::ValuesIn(test::hard_cases()), test_name);

class SplitLp : public testing::TestWithParam<LambdaSet> {};
INSTANTIATE_TEST_SUITE_P(Sets, SplitLp, testing::ValuesIn(kSets),
                         [](const auto& info) { return name_of(info.param); });

TEST_P(SplitLp, IsTheBallProgramWithoutLambda) {
  for (const auto& lp : test::hard_cases()) {
    const auto world = Communicator::world();
    const test::DistributedLp dealt(lp, world);
    const auto box = dealt.problem();
    std::vector<double> d(dealt.size());
    const auto ball = solve_ball_lp({box.a, box.g, box.u}, {}, d);
    const auto split = test::solve_split(dealt, 0, GetParam()).summary;
    EXPECT_NEAR(split.certificate.objective, ball.certificate.objective,
                1e-10 * test::split_cost(lp, 0, GetParam()))
        << lp.name;
  }
}

TEST_P(SplitLp, IsTheProgramOfLambdaAloneWithoutWeights) {
  const auto world = Communicator::world();
  int compared = 0;
  for (const auto& lp : test::hard_cases()) {
    if (lp.coordinates > 300) continue;
    SCOPED_TRACE(lp.name);
    const test::DistributedLp dealt(lp, world);
    const auto problem = dealt.problem();
    std::vector<double> d(dealt.size());
    const double cost = test::split_cost(lp, lp.coordinates, GetParam());
    const double alone = GetParam() == LambdaSet::box
                             ? solve_box_lp(problem, {}, d).certificate.objective
                             : solve_ball_lp({problem.a, problem.g, problem.u}, {}, d).certificate.objective;
    const auto split = test::solve_split(dealt, lp.coordinates, GetParam()).summary;
    EXPECT_NEAR(split.certificate.objective, alone, 3e-9 * cost);
    ++compared;
  }
  EXPECT_GE(compared, 10);
}

TEST_P(SplitLp, IsTheHypergradientsProgramWhereTheWeightsHaveRoom) {
  // Both blocks of A1, h = (−50/27, 175/108), and the ridge of A4, γ = −H12 H22⁻¹ g.
  const auto forms = test::closed_forms();
  const auto& blocks = *std::ranges::find(forms, "A1, both blocks", &test::DenseLp::name);
  const double first = 50.0 / 27, second = 175.0 / 108;
  const bool box = GetParam() == LambdaSet::box;
  const auto solution = test::solve_split(blocks, 2, GetParam());
  expect_solved(solution.summary);
  EXPECT_NEAR(solution.summary.certificate.objective, box ? -first - second : -std::hypot(first, second),
              1e-9);
  EXPECT_NEAR(solution.d[0], box ? 1 : first / std::hypot(first, second), 1e-7);
  EXPECT_NEAR(solution.d[1], box ? -1 : -second / std::hypot(first, second), 1e-7);
  EXPECT_NEAR(solution.d[2], -25.0 / 9 * solution.d[0], 1e-12);
  for (const auto& lp : forms) {
    if (lp.name.find("A4") != 0) continue;
    // H22 q = g, γ = −H12 q.
    const double determinant = 2.2 * 1.2 - 0.25;
    const double q0 = (1.2 * 0.3 + 0.5 * 0.7) / determinant, q1 = (-2.2 * 0.7 - 0.5 * 0.3) / determinant;
    const double value = box ? std::fabs(2 * q0) + std::fabs(4 * q1) : std::hypot(2 * q0, 4 * q1);
    EXPECT_NEAR(test::solve_split(lp, 2, GetParam()).summary.certificate.objective, -value, 1e-9);
  }
}

TEST_P(SplitLp, OfTheAdjointRowIsBoundByWhicheverSetIsTheSmaller) {
  // A = [−γᵀ, gᵀ]: gᵀdW = γᵀdλ, at least −‖Sγ‖ in the norm of λ and −‖Dg‖₂.
  for (const double radius : {0.01, 0.3, 1.0, 30.0}) {
    auto lp = test::gaussian("adjoint row", 1, 407, 60);
    const std::int64_t p = 7;
    double sum = 0, lambda = 0, weights = 0;
    for (std::int64_t k = 0; k < lp.coordinates; ++k) {
      if (k < p) {
        lp.g[k] = 0;
        lp.u[k] = 0.1 * static_cast<double>(k + 1);
        sum += std::fabs(lp.u[k] * lp.a[k]);
        lambda += std::pow(lp.u[k] * lp.a[k], 2);
      } else {
        lp.a[k] = lp.g[k];
        lp.u[k] = radius;
        weights += std::pow(radius * lp.g[k], 2);
      }
    }
    const auto summary = test::solve_split(lp, p, GetParam()).summary;
    expect_solved(summary);
    const double bound = GetParam() == LambdaSet::box ? sum : std::sqrt(lambda);
    EXPECT_NEAR(summary.certificate.objective, -std::min(bound, std::sqrt(weights)),
                1e-9 * std::sqrt(weights))
        << radius;
  }
}

TEST_P(SplitLp, AgreesWithASearchOfItsDual) {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    const int rows = 1 + static_cast<int>(seed % 2);
    const std::int64_t p = 1 + static_cast<std::int64_t>(seed * 5 % 9);
    auto lp = test::gaussian("random", rows, p + 6, 700 + seed);
    for (std::int64_t k = 0; k < lp.coordinates; ++k) {
      lp.u[k] = k % 5 == 3 ? 0 : std::exp(1.5 * std::sin(3.0 * static_cast<double>(seed + k)));
      if (k < p && seed % 3 != 0) lp.g[k] = 0;  // as in the product
    }
    const auto summary = test::solve_split(lp, p, GetParam()).summary;
    expect_solved(summary);
    EXPECT_NEAR(summary.certificate.objective, optimum_by_search(lp, p, GetParam()),
                2e-9 * test::split_cost(lp, p, GetParam()))
        << "seed " << seed;
  }
}

TEST_P(SplitLp, RestrictsLambdaWhereRowsOfTheWeightsDepend) {
  const std::int64_t p = 9;
  auto lp = test::dependent_on_the_weights(p);
  for (std::int64_t k = p; k < lp.coordinates; ++k) lp.u[k] = 0.7;
  const auto solution = test::solve_split(lp, p, GetParam());
  expect_solved(solution.summary);
  EXPECT_EQ(solution.summary.weight_rank, 3);
  EXPECT_LT(solution.summary.certificate.objective, -0.1);
  EXPECT_GT(std::fabs(solution.d[0]), 1e-3) << "six directions of λ are left";
}

TEST_P(SplitLp, SurvivesAnyRatioOfLambdasRowsToTheWeights) {
  for (const double ratio : {1e-18, 1e-9, 1e-4, 1e4, 1e9, 1e18}) {
    auto lp = test::gaussian("scales apart", 8, 300, 81);
    for (std::int64_t k = 0; k < 20; ++k)
      for (int i = 0; i < 8; ++i) test::row(lp, i)[k] *= i % 2 == 0 ? ratio : 1;
    const auto solution = test::solve_split(lp, 20, GetParam());
    EXPECT_EQ(solution.summary.status, LpStatus::optimal) << ratio << ": " << solution.summary.message;
  }
}

TEST_P(SplitLp, MovesNoLambdaThatGainsNothing) {
  // The columns of λ and its costs are 0: A2.
  auto lp = test::gaussian("zero columns", 3, 60, 82);
  for (std::int64_t k = 0; k < 4; ++k) {
    lp.g[k] = 0;
    for (int i = 0; i < 3; ++i) test::row(lp, i)[k] = 0;
  }
  const auto solution = test::solve_split(lp, 4, GetParam());
  expect_solved(solution.summary);
  for (std::int64_t k = 0; k < 4; ++k) EXPECT_EQ(solution.d[k], 0);
}

TEST_P(SplitLp, AnswersWithZeroWhereNothingCanBeGained) {
  const auto world = Communicator::world();
  for (const auto& lp : test::hard_cases()) {
    if (lp.name != "cost in the row space" && lp.name != "zero cost") continue;
    const auto solution = test::solve_split(lp, 0, GetParam());
    EXPECT_EQ(solution.summary.status, LpStatus::optimal) << solution.summary.message;
    for (const double d : solution.d) EXPECT_EQ(d, 0) << lp.name;
  }
}

TEST_P(SplitLp, GivesEveryRankTheSameSummaryAndRepeatsItself) {
  const auto world = Communicator::world();
  const test::DistributedLp lp(test::gaussian("same", 7, 900, 42), world);
  const auto first = test::solve_split(lp, 12, GetParam()), second = test::solve_split(lp, 12, GetParam());
  EXPECT_EQ(first.d, second.d);
  const auto& s = first.summary;
  std::vector<double> mine = s.y;
  const auto& c = s.certificate;
  mine.insert(mine.end(),
              {c.objective, c.dual_objective, c.gap, c.residual, c.lambda_violation, c.weight_violation,
               s.seconds, static_cast<double>(s.sweeps), static_cast<double>(s.iterations)});
  auto root = mine;
  broadcast(host_buffer(std::span<double>(root)), 0, world);
  EXPECT_EQ(mine, root);
  EXPECT_THAT(s.message, testing::HasSubstr("optimal"));
  EXPECT_LE(s.sweeps, 12);
}

TEST_P(SplitLp, StallsWhereToleranceIsOutOfReach) {
  SplitLpOptions options;
  options.gap_tol = options.residual_tol = 1e-30;
  const auto world = Communicator::world();
  const test::DistributedLp lp(test::gaussian("out of reach", 8, 3000, 45), world);
  EXPECT_EQ(test::solve_split(lp, 9, GetParam(), options).summary.status, LpStatus::stalled);
}

TEST_P(SplitLp, FailsWithoutADirectionWhereNumbersOverflow) {
  auto lp = test::gaussian("overflow", 3, 50, 91);
  for (double& g : lp.g) g *= 1e200;
  const auto solution = test::solve_split(lp, 5, GetParam());
  EXPECT_TRUE(failed(solution.summary.status)) << solution.summary.message;
  EXPECT_EQ(solution.d, std::vector<double>(50, 0.0));
  auto long_row = test::gaussian("a row too long", 3, 50, 92);
  for (int k = 0; k < 50; ++k) long_row.a[50 + k] *= 1e200;
  EXPECT_FALSE(answered(test::solve_split(long_row, 5, GetParam()).summary.status));
}

TEST_P(SplitLp, RefusesWrongInputOnEveryRank) {
  const auto world = Communicator::world();
  const bool last = world.rank() == world.size() - 1;
  const auto whole = test::gaussian("wrong", 3, 40, 46);
  const auto refused = [&](auto damage, std::int64_t p, const std::string& text) {
    test::DistributedLp lp(whole, world);
    SplitLpOptions options;
    if (last) damage(lp, options);
    std::vector<double> d(lp.size());
    try {
      solve_split_lp(test::split_problem(lp, p, GetParam()), options, d);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), ExitCode::internal);
      EXPECT_THAT(error.what(), testing::HasSubstr(text));
    }
  };
  refused([](auto&, auto& o) { o.gap_tol = -1; }, 3, "split LP: gap_tol = -1 violates gap_tol > 0");
  refused([](auto&, auto& o) { o.residual_tol = 0; }, 3, "residual_tol = 0 violates residual_tol > 0");
  refused([](auto& lp, auto&) { lp.u().back() = -1; }, 3, "split LP: u[39] = -1, expected finite and >= 0");
  refused([](auto& lp, auto&) { lp.g().back() = std::nan(""); }, 3, "g[39] = nan is not finite");
  refused([](auto& lp, auto&) { lp.a().local().back() = std::nan(""); }, 3, "row 2 of A");
  refused([](auto& lp, auto&) { lp.u().pop_back(); }, 3, "the shard of u has");
  refused([](auto&, auto&) {}, 41, "split LP: p = 41, expected 0 to 40");
  refused([](auto&, auto&) {}, -1, "p = -1, expected 0 to 40");
}

}  // namespace
}  // namespace lift
