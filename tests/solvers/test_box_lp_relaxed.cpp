#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/error.hpp"
#include "solvers/box_lp.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift {
namespace {

test::LpSolution solve(const test::DenseLp& lp, const std::vector<double>& tau, const Communicator& comm,
                       LpMethod method = LpMethod::mehrotra) {
  BoxLpOptions options;
  options.method = method;
  options.least_coordinates = 0;
  return test::solve_dealt(lp, comm, options, tau);
}

/// The program that a relaxed one is: A d as coordinates of its own.
test::DenseLp with_products(const test::DenseLp& lp, const std::vector<double>& tau) {
  test::DenseLp wide{.name = lp.name,
                     .rows = lp.rows,
                     .coordinates = lp.coordinates + lp.rows,
                     .a = {},
                     .g = lp.g,
                     .u = lp.u,
                     .optimum = {}};
  for (int i = 0; i < lp.rows; ++i) {
    wide.a.insert(wide.a.end(), lp.a.begin() + i * lp.coordinates, lp.a.begin() + (i + 1) * lp.coordinates);
    for (int j = 0; j < lp.rows; ++j) wide.a.push_back(i == j ? -1 : 0);
  }
  wide.g.resize(wide.g.size() + tau.size(), 0.0);
  wide.u.insert(wide.u.end(), tau.begin(), tau.end());
  return wide;
}

std::vector<double> reach(const test::DenseLp& lp) {
  const auto self = Communicator::self();
  const test::DistributedLp distributed(lp, self);
  return row_reach(distributed.problem());
}

void expect_solved(const test::LpSolution& solution) {
  EXPECT_EQ(solution.summary.status, LpStatus::optimal) << solution.summary.message;
  EXPECT_LE(solution.summary.certificate.gap, 1e-9);
  EXPECT_LE(solution.summary.certificate.residual, 1e-9);
  EXPECT_EQ(solution.summary.certificate.bound_violation, 0);
}

TEST(RelaxedBoxLp, OneRowOfTwoByHand) {
  // min −d0 − 2 d1, |d0 + d1| ≤ ½, |d| ≤ 1: d1 = 1, d0 = −½, objective −3/2, y = −1.
  test::DenseLp lp{
      .name = "by hand", .rows = 1, .coordinates = 2, .a = {1, 1}, .g = {-1, -2}, .u = {1, 1}, .optimum = {}};
  const auto solution = solve(lp, {0.5}, Communicator::self());
  expect_solved(solution);
  EXPECT_NEAR(solution.d[0], -0.5, 1e-7);
  EXPECT_NEAR(solution.d[1], 1, 1e-7);
  EXPECT_NEAR(solution.summary.certificate.objective, -1.5, 1e-8);
  EXPECT_NEAR(solution.summary.certificate.dual_objective, -1.5, 1e-8);
  EXPECT_NEAR(solution.summary.y[0], -1, 1e-6);
}

TEST(RelaxedBoxLp, IsTheProgramWithItsProductsAsCoordinates) {
  const auto world = Communicator::world();
  auto instances = test::hard_cases();
  instances.push_back(test::gaussian("relaxed", 7, 900, 301));
  for (const auto& lp : instances) {
    SCOPED_TRACE(lp.name);
    std::vector<double> tau = reach(lp);
    for (std::size_t i = 0; i < tau.size(); ++i) tau[i] *= i % 2 == 0 ? 1e-3 : 0.05;
    const auto relaxed = solve(lp, tau, world), wide = solve(with_products(lp, tau), {}, world);
    expect_solved(relaxed);
    const double cost = test::cost_norm(lp);
    EXPECT_NEAR(relaxed.summary.certificate.objective, wide.summary.certificate.objective, 2e-9 * cost);
  }
}

TEST(RelaxedBoxLp, LiesBetweenTheExactRowsAndNone) {
  const auto world = Communicator::world();
  const auto lp = test::gaussian("between", 5, 4000, 302);
  const auto most = reach(lp);
  double before = std::numeric_limits<double>::infinity();
  for (const double part : {0.0, 1e-3, 1e-2, 1.0}) {
    std::vector<double> tau = most;
    for (double& entry : tau) entry *= part;
    const auto solution = solve(lp, tau, world);
    expect_solved(solution);
    EXPECT_LT(solution.summary.certificate.objective, before) << part;
    before = solution.summary.certificate.objective;
  }
  double none = 0;
  for (const double g : lp.g) none -= std::fabs(g);
  EXPECT_NEAR(before, none, 1e-8 * std::fabs(none)) << "rows that reach as far as they can bind nothing";
  EXPECT_NEAR(solve(lp, std::vector<double>(5, 0.0), world).summary.certificate.objective,
              solve(lp, {}, world).summary.certificate.objective, 1e-8 * std::fabs(none));
}

TEST(RelaxedBoxLp, PreprocessingFindsTheSame) {
  const auto world = Communicator::world();
  const auto lp = test::gaussian("reduced", 6, 30000, 303);
  const test::DistributedLp distributed(lp, world);
  const std::vector<double> tau = relaxation(distributed.problem(), 2e-3);
  EXPECT_NEAR(tau[0], 2e-3 * reach(lp)[0], 1e-12);
  EXPECT_TRUE(relaxation(distributed.problem(), 0).empty());
  const auto reduced = solve(lp, tau, world, LpMethod::preprocessing), whole = solve(lp, tau, world);
  expect_solved(reduced);
  EXPECT_GT(reduced.summary.reduction.rounds, 0);
  EXPECT_LT(reduced.summary.sweeps, 10);
  EXPECT_NEAR(reduced.summary.certificate.objective, whole.summary.certificate.objective,
              1e-9 * std::fabs(whole.summary.certificate.objective));
}

TEST(RelaxedBoxLp, WrongAnswersHaveNoCertificate) {
  const test::DenseLp lp{
      .name = "by hand", .rows = 1, .coordinates = 2, .a = {1, 1}, .g = {-1, -2}, .u = {1, 1}, .optimum = {}};
  const auto self = Communicator::self();
  const test::DistributedLp distributed(lp, self);
  BoxLpProblem problem = distributed.problem();
  const std::vector<double> tau{0.5};
  problem.tau = tau;
  const auto proof = [&](std::vector<double> d, double y) {
    return certify(problem, d, std::vector<double>{y});
  };
  EXPECT_NEAR(proof({-0.5, 1}, -1).gap, 0, 1e-15);
  EXPECT_EQ(proof({-0.5, 1}, -1).residual, 0);
  EXPECT_NEAR(proof({0, 1}, -1).residual, 0.25, 1e-15) << "half a unit beyond tau, of a reach of two";
  EXPECT_GT(proof({-0.5, 1}, 1).gap, 0.5) << "a multiplier of the wrong sign";
  EXPECT_GT(proof({-1, 1}, -1).gap, 0.1) << "feasible, but not the best";
  const std::vector<double> long_tau{1, 1};
  problem.tau = long_tau;
  EXPECT_THROW(static_cast<void>(proof({0, 0}, 0)), AgreedError);
}

TEST(RelaxedBoxLp, RefusesTolerancesThatAreNone) {
  const auto lp = test::gaussian("refused", 3, 100, 304);
  const auto world = Communicator::world();
  EXPECT_THROW(static_cast<void>(solve(lp, {1, 2}, world)), AgreedError);
  EXPECT_THROW(static_cast<void>(solve(lp, {1, 2, -1}, world)), AgreedError);
  EXPECT_THROW(static_cast<void>(solve(lp, {1, std::nan(""), 1}, world)), AgreedError);
}

}  // namespace
}  // namespace lift
