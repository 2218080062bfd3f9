// The box LP beside solvers of others: TAO on small instances, HiGHS on preprocessing and on relaxed rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "solvers/box_lp.hpp"
#include "tests/solvers/highs_peer.hpp"
#include "tests/solvers/lp_catalogue.hpp"
#include "tests/solvers/tao_peer.hpp"

namespace lift {
namespace {

BoxLpOptions by(LpMethod method) {
  BoxLpOptions options;
  options.method = method;
  options.least_coordinates = 0;
  return options;
}

double objective_of(const test::DenseLp& lp, LpMethod method, std::span<const double> tau = {}) {
  const auto world = Communicator::world();
  const auto summary = test::solve_dealt(lp, world, by(method), tau).summary;
  EXPECT_EQ(summary.status, LpStatus::optimal) << summary.message;
  return summary.certificate.objective;
}

LpCertificate certificate_of(const test::DenseLp& lp, const test::TaoAnswer& tao) {
  const auto self = Communicator::self();
  const test::DistributedLp whole(lp, self);
  return certify(whole.problem(), tao.d, tao.y);
}

/// What a dense Hessian and rows in units of their own lengths are enough for.
std::vector<test::DenseLp> instances_for_tao() {
  auto all = test::closed_forms();
  for (auto& lp : test::hard_cases()) {
    const bool few = lp.coordinates <= 300, scaled = lp.name != "nearly dependent rows";
    if (few && scaled) all.push_back(std::move(lp));
  }
  return all;
}

class BesideTao : public testing::TestWithParam<test::DenseLp> {};

TEST_P(BesideTao, BothProveTheSameOptimum) {
  const auto& lp = GetParam();
  const double mehrotra = objective_of(lp, LpMethod::mehrotra);
  const double preprocessing = objective_of(lp, LpMethod::preprocessing);
  if (!Communicator::world().is_root()) return;
  const auto tao = test::solve_with_tao(lp);
  ASSERT_TRUE(tao.settled);
  const auto proof = certificate_of(lp, tao);
  EXPECT_LE(proof.gap, 1e-12);
  EXPECT_LE(proof.residual, 1e-11);
  EXPECT_EQ(proof.bound_violation, 0);
  // The gaps of both, and what |y| makes of the residuals.
  EXPECT_NEAR(mehrotra, proof.objective, 1e-9 * test::cost_norm(lp));
  EXPECT_NEAR(preprocessing, proof.objective, 1e-9 * test::cost_norm(lp));
}

std::string test_name(const testing::TestParamInfo<test::DenseLp>& info) {
  return test::name_of_test(info.index, info.param);
}

INSTANTIATE_TEST_SUITE_P(Small, BesideTao, testing::ValuesIn(instances_for_tao()), test_name);

TEST(BoxLpPeers, AnAnswerToAnotherProgramIsNone) {
  const auto lp = test::gaussian("asked", 5, 60, 401);
  auto other = lp;
  other.g[7] = -other.g[7];
  const auto tao = test::solve_with_tao(other);
  EXPECT_LE(certificate_of(other, tao).gap, 1e-12);
  EXPECT_GT(certificate_of(lp, tao).gap, 1e-3);
  other = lp;
  other.a[7] = -other.a[7];
  EXPECT_GT(certificate_of(lp, test::solve_with_tao(other)).residual, 1e-3);
}

TEST(BoxLpPeers, HighsFindsWhatPreprocessingFinds) {
  if (!test::has_highs()) GTEST_SKIP() << "built without HiGHS (wheel highsbox)";
  const auto world = Communicator::world();
  const std::vector<test::DenseLp> instances{test::gaussian("one row", 1, 12000, 402),
                                             test::gaussian("eight rows", 8, 12000, 403),
                                             test::heavy_tailed("heavy-tailed", 4, 20000, 405)};
  for (const auto& lp : instances) {
    SCOPED_TRACE(lp.name);
    const auto summary = test::solve_dealt(lp, world, by(LpMethod::preprocessing)).summary;
    EXPECT_EQ(summary.status, LpStatus::optimal) << summary.message;
    EXPECT_GE(summary.reduction.rounds, 1) << "preprocessing was not used";
    EXPECT_FALSE(summary.reduction.whole);
    if (!world.is_root()) continue;
    const auto highs =
        test::solve_with_highs(lp.a, lp.g, lp.u, lp.rows, {.solver = "simplex", .max_seconds = 60});
    ASSERT_TRUE(highs->optimal);
    EXPECT_NEAR(summary.certificate.objective, highs->objective, 1e-7 * std::fabs(highs->objective));
  }
}

TEST(BoxLpPeers, HighsFindsWhatRelaxedRowsLeave) {
  if (!test::has_highs()) GTEST_SKIP() << "built without HiGHS (wheel highsbox)";
  const auto world = Communicator::world();
  auto instances = test::hard_cases();
  instances.push_back(test::gaussian("relaxed", 7, 900, 404));
  for (const auto& lp : instances) {
    SCOPED_TRACE(lp.name);
    const auto self = Communicator::self();
    const test::DistributedLp whole(lp, self);
    std::vector<double> tau = row_reach(whole.problem());
    for (std::size_t i = 0; i < tau.size(); ++i) tau[i] *= i % 2 == 0 ? 1e-3 : 0.05;
    const double mehrotra = objective_of(lp, LpMethod::mehrotra, tau);
    const double preprocessing = objective_of(lp, LpMethod::preprocessing, tau);
    if (!world.is_root()) continue;
    const auto highs =
        test::solve_with_highs(lp.a, lp.g, lp.u, lp.rows, {.solver = "simplex", .max_seconds = 60}, tau);
    ASSERT_TRUE(highs->optimal);
    const double size = std::max(std::fabs(highs->objective), 1e-3 * test::cost_norm(lp));
    EXPECT_NEAR(mehrotra, highs->objective, 1e-7 * size);
    EXPECT_NEAR(preprocessing, highs->objective, 1e-7 * size);
    const auto exact =
        test::solve_with_highs(lp.a, lp.g, lp.u, lp.rows, {.solver = "simplex", .max_seconds = 60});
    EXPECT_LE(highs->objective, exact->objective + 1e-7 * size) << "relaxed rows can only help";
  }
}

}  // namespace
}  // namespace lift
