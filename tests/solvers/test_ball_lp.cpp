#include "solvers/ball_lp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "tests/solvers/dense_reference.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift {
namespace {

BallLpProblem ball(const test::DistributedLp& lp) {
  const auto box = lp.problem();
  return {box.a, box.g, box.u};
}

struct Solution {
  BallLpSummary summary;
  std::vector<double> d;
};

Solution solve(const test::DistributedLp& lp, const BallLpOptions& options = {}) {
  Solution solution{{}, std::vector<double>(lp.size())};
  solution.summary = solve_ball_lp(ball(lp), options, solution.d);
  return solution;
}

Solution solve(const test::DenseLp& lp, const Communicator& comm) {
  return solve(test::DistributedLp(lp, comm));
}

std::vector<double> scaled_cost(const test::DenseLp& lp) {
  auto cost = lp.g;
  for (std::size_t k = 0; k < cost.size(); ++k) cost[k] *= lp.u[k];
  return cost;
}

/// −‖P(Dg)‖ by Gram–Schmidt in long double.
double reference(const test::DenseLp& lp) {
  auto rows = lp.a;
  for (std::size_t k = 0; k < rows.size(); ++k) rows[k] *= lp.u[k % lp.u.size()];
  const auto rest = test::project_off_dense(rows, scaled_cost(lp));
  return -std::sqrt(test::dot_dense(rest, rest));
}

class BallCatalogue : public testing::TestWithParam<test::DenseLp> {};

TEST_P(BallCatalogue, IsSolvedCertifiedAndAgreesWithTheDenseReference) {
  const auto& lp = GetParam();
  const double cost = std::sqrt(test::dot_dense(scaled_cost(lp), scaled_cost(lp)));
  const double optimum = reference(lp);
  const auto world = Communicator::world();
  const auto summary = solve(lp, world).summary;
  EXPECT_EQ(summary.status, LpStatus::optimal) << lp.name << ": " << summary.message;
  EXPECT_LE(summary.certificate.gap, 1e-9);
  EXPECT_GE(summary.certificate.gap, -1e-13);
  EXPECT_LE(summary.certificate.residual, 1e-13) << "at rounding level";
  EXPECT_LE(summary.certificate.ball_violation, 1e-13);
  EXPECT_NEAR(summary.certificate.objective, optimum, 1e-10 * cost);
  const double alone = solve(lp, Communicator::self()).summary.certificate.objective;
  EXPECT_NEAR(alone, optimum, 1e-10 * cost);
}

std::string test_name(const testing::TestParamInfo<test::DenseLp>& info) {
  std::string name = std::to_string(info.index) + "_";
  for (const char c : info.param.name)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(ClosedForms, BallCatalogue, testing::ValuesIn(test::closed_forms()), test_name);
INSTANTIATE_TEST_SUITE_P(HardCases, BallCatalogue, testing::ValuesIn(test::hard_cases()), test_name);

/// c = (1, 2, −1), H = (1, 1, 1): P c = (1/3, 4/3, −5/3), ‖P c‖ = √(14/3), y = 2/3.
class Ball : public testing::Test {
 protected:
  Ball() : world(Communicator::world()), lp(test::closed_forms()[0], world) {}
  [[nodiscard]] std::vector<double> shard(const std::vector<double>& whole) {
    const auto& layout = lp.a().layout();
    return {whole.begin() + layout.begin(world.rank()), whole.begin() + layout.end(world.rank())};
  }
  [[nodiscard]] BallCertificate of(const std::vector<double>& d, double y) {
    return certify(ball(lp), shard(d), std::vector<double>{y});
  }
  const double norm = std::sqrt(14.0 / 3);
  const std::vector<double> best{-1 / (3 * norm), -4 / (3 * norm), 5 / (3 * norm)};
  Communicator world;
  test::DistributedLp lp;
};

TEST_F(Ball, FindsTheDirectionSolvedByHand) {
  const auto solution = solve(lp);
  const auto wanted = shard(best);
  for (std::size_t k = 0; k < wanted.size(); ++k) EXPECT_NEAR(solution.d[k], wanted[k], 1e-15);
  EXPECT_NEAR(solution.summary.y[0], 2.0 / 3, 1e-15);
  EXPECT_NEAR(solution.summary.certificate.objective, -norm, 1e-14);
  EXPECT_NEAR(solution.summary.certificate.dual_objective, -norm, 1e-14);
  EXPECT_THAT(solution.summary.message, testing::HasSubstr("solved"));
}

TEST_F(Ball, CatchesWrongCertificates) {
  EXPECT_LE(of(best, 2.0 / 3).gap, 1e-15);
  // r = (0, 1, −2), rᵀd = −√(14/3), over ‖g‖ = √6.
  EXPECT_NEAR(of(best, 1).gap, (std::sqrt(5.0) - norm) / std::sqrt(6.0), 1e-14);
  EXPECT_NEAR(of({0, 0, 0}, 2.0 / 3).gap, norm / std::sqrt(6.0), 1e-14) << "d = 0 is feasible, but worse";
  EXPECT_NEAR(of({best[0] + 0.3, best[1], best[2]}, 2.0 / 3).residual, 0.3 / std::sqrt(3.0), 1e-14);
  EXPECT_NEAR(of({2 * best[0], 2 * best[1], 2 * best[2]}, 2.0 / 3).ball_violation, 1, 1e-14);
  EXPECT_LT(of({2 * best[0], 2 * best[1], 2 * best[2]}, 2.0 / 3).gap, 0) << "an objective below the bound";
  lp.u() = shard({0, 1, 1});
  EXPECT_EQ(of({1e-300, -0.5, 0.5}, 1).ball_violation, std::numeric_limits<double>::infinity());
}

TEST_F(Ball, NeverTakesNotANumberForAnAnswer) {
  const double nan = std::nan("");
  const auto c = of({0, nan, 1}, 2.0 / 3);
  EXPECT_FALSE(c.gap <= 1);
  EXPECT_FALSE(c.residual <= 1);
  EXPECT_FALSE(c.ball_violation <= 1);
  EXPECT_FALSE(of(best, nan).gap <= 1);
}

TEST(BallLp, AnswersWithZeroWhereNothingCanBeGained) {
  const auto world = Communicator::world();
  for (const auto& lp : test::hard_cases()) {
    if (lp.name != "cost in the row space" && lp.name != "zero cost") continue;
    const auto solution = solve(lp, world);
    EXPECT_EQ(solution.summary.status, LpStatus::optimal) << solution.summary.message;
    EXPECT_EQ(solution.d, std::vector<double>(solution.d.size(), 0.0)) << lp.name;
  }
}

TEST(BallLp, FindsWhatIsLeftOfACostNearlyInTheRowSpace) {
  // g = Aᵀ1 + 1e-7 h: what counts is seven digits below g.
  auto lp = test::gaussian("nearly in the row space", 5, 800, 90);
  for (double& g : lp.g) g *= 1e-7;
  for (std::size_t k = 0; k < lp.a.size(); ++k) lp.g[k % lp.g.size()] += lp.a[k];
  const auto summary = solve(lp, Communicator::world()).summary;
  const double optimum = reference(lp);
  EXPECT_LT(optimum, -1e-6);
  EXPECT_NEAR(summary.certificate.dual_objective, optimum, 1e-6 * std::fabs(optimum));
  EXPECT_EQ(summary.status, LpStatus::optimal);
}

TEST(BallLp, GivesEveryRankTheSameSummaryAndRepeatsItself) {
  const auto world = Communicator::world();
  const test::DistributedLp lp(test::gaussian("same", 7, 900, 42), world);
  const auto first = solve(lp), second = solve(lp);
  EXPECT_EQ(first.d, second.d);
  const auto& s = first.summary;
  std::vector<double> mine = s.y;
  mine.insert(mine.end(), {s.certificate.objective, s.certificate.dual_objective, s.certificate.gap,
                           s.certificate.residual, s.seconds, static_cast<double>(s.sweeps)});
  auto root = mine;
  broadcast(host_buffer(std::span<double>(root)), 0, world);
  EXPECT_EQ(mine, root);
}

TEST(BallLp, StallsWhereToleranceIsOutOfReach) {
  BallLpOptions options;
  options.gap_tol = options.residual_tol = 1e-30;
  const auto world = Communicator::world();
  const test::DistributedLp lp(test::gaussian("out of reach", 8, 3000, 45), world);
  EXPECT_EQ(solve(lp, options).summary.status, LpStatus::stalled);
}

TEST(BallLp, FailsWithoutADirectionWhereNumbersOverflow) {
  auto lp = test::gaussian("overflow", 3, 50, 91);
  for (double& g : lp.g) g *= 1e200;
  const auto solution = solve(lp, Communicator::world());
  EXPECT_TRUE(failed(solution.summary.status)) << solution.summary.message;
  EXPECT_EQ(solution.d, std::vector<double>(solution.d.size(), 0.0));
  auto long_row = test::gaussian("a row too long", 3, 50, 92);
  for (int k = 0; k < 50; ++k) long_row.a[50 + k] *= 1e200;
  EXPECT_FALSE(answered(solve(long_row, Communicator::world()).summary.status));
}

TEST(BallLp, RefusesWrongInputOnEveryRank) {
  const auto world = Communicator::world();
  const bool last = world.rank() == world.size() - 1;
  const auto whole = test::gaussian("wrong", 3, 40, 46);
  const auto refused = [&](auto damage, const std::string& text) {
    test::DistributedLp lp(whole, world);
    BallLpOptions options;
    if (last) damage(lp, options);
    try {
      solve(lp, options);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), ExitCode::internal);
      EXPECT_THAT(error.what(), testing::HasSubstr(text));
    }
  };
  refused([](auto&, auto& o) { o.gap_tol = -1; }, "gap_tol = -1 violates gap_tol > 0");
  refused([](auto&, auto& o) { o.residual_tol = 0; }, "residual_tol = 0 violates residual_tol > 0");
  refused([](auto& lp, auto&) { lp.u().back() = -1; }, "ball LP: u[39] = -1, expected finite and >= 0");
  refused([](auto& lp, auto&) { lp.g().back() = std::nan(""); }, "g[39] = nan is not finite");
  refused([](auto& lp, auto&) { lp.a().local().back() = std::nan(""); }, "row 2 of A");
  refused([](auto& lp, auto&) { lp.u().pop_back(); }, "the shard of u has");
}

}  // namespace
}  // namespace lift
