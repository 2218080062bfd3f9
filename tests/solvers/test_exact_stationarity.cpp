#include "solvers/exact_stationarity.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi/collectives.hpp"
#include "tests/solvers/convex_problems.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

using namespace test;

/// γ, dλ and dW by elimination, for the damping that the solver used.
void expect_dense_answer(const Instance& instance, const Solution& solution, LambdaSet set) {
  const auto& s = solution.summary;
  const auto q = test::solve_dense(instance.h22, s.mu, instance.g);
  const double q_size = std::sqrt(test::dot_dense(q, q));
  for (std::size_t k = 0; k < q.size(); ++k) EXPECT_NEAR(solution.q[k], q[k], 1e-5 * q_size);
  const std::size_t p = instance.s.size();
  double norm1 = 0, square = 0;
  std::vector<double> gamma;
  for (std::size_t i = 0; i < p; ++i) {
    gamma.push_back(-test::dot_dense(instance.h21[i], q));
    norm1 += std::fabs(instance.s[i] * gamma[i]);
    square += std::pow(instance.s[i] * gamma[i], 2);
  }
  std::vector<double> rhs(q.size(), 0.0);
  for (std::size_t i = 0; i < p; ++i) {
    const double sigma = instance.s[i];
    const double wanted = set == LambdaSet::box ? (gamma[i] > 0 ? -sigma : sigma)
                                                : -sigma * sigma * gamma[i] / std::sqrt(square);
    EXPECT_NEAR(s.gamma[i], gamma[i], 1e-5 * norm1);
    EXPECT_NEAR(s.dlambda[i], wanted, 1e-5);
    for (std::size_t k = 0; k < rhs.size(); ++k) rhs[k] -= instance.h21[i][k] * wanted;
  }
  const double value = set == LambdaSet::box ? -norm1 : -std::sqrt(square);
  EXPECT_NEAR(s.predicted, value, 1e-5 * norm1);
  EXPECT_NEAR(s.g_dw, value, 1e-5 * norm1);
  const auto dw = test::solve_dense(instance.h22, s.mu, rhs);
  const double size = std::sqrt(test::dot_dense(dw, dw));
  for (std::size_t k = 0; k < dw.size(); ++k) EXPECT_NEAR(solution.dw[k], dw[k], 1e-5 * size);
}

TEST(ExactStationarity, GivesTheDirectionOfA1WhichStaysStationaryToSecondOrder) {
  const auto solution = solve(instance_of({1.2}, {{10.0 / 3}}, {2.0 / 3}, {1}), with_mu(0));
  expect_solved(solution);
  EXPECT_NEAR(solution.summary.gamma[0], -50.0 / 27, 1e-14);
  EXPECT_EQ(solution.summary.dlambda[0], 1);
  EXPECT_NEAR(solution.summary.predicted, -1.851851851851852, 1e-14);
  EXPECT_NEAR(solution.summary.g_dw, -1.851851851851852, 1e-14);
  EXPECT_NEAR(solution.dw[0], -2.777777777777778, 1e-14);
  for (const double t : {0.5, 0.1, 0.01, -0.3}) {
    const double residual = (1 + 2 * (0.1 + t)) * (5.0 / 3 + t * solution.dw[0]) - 2;
    EXPECT_NEAR(residual, -50.0 / 9 * t * t, 1e-13);
  }
}

TEST(ExactStationarity, GivesTheOtherSignForTheSecondBlockOfA1) {
  const auto solution = solve(instance_of({1.2}, {{5.0 / 3}}, {-7.0 / 6}, {1}), with_mu(0));
  expect_solved(solution);
  EXPECT_NEAR(solution.summary.gamma[0], 1.620370370370370, 1e-14);
  EXPECT_EQ(solution.summary.dlambda[0], -1);
  EXPECT_NEAR(solution.dw[0], 25.0 / 18, 1e-14);
}

TEST(ExactStationarity, AddsUpTheBlocksOfA1InBothSets) {
  const auto both =
      instance_of({1.2, 0, 0, 1.2}, {{10.0 / 3, 0}, {0, 5.0 / 3}}, {2.0 / 3, -7.0 / 6}, {1, 0.5});
  const auto box = solve(both, with_mu(0));
  expect_solved(box);
  EXPECT_NEAR(box.summary.predicted, -50.0 / 27 - 175.0 / 216, 1e-13);
  EXPECT_NEAR(box.dw[1], 25.0 / 36, 1e-13);
  auto options = with_mu(0);
  options.set = LambdaSet::ball;
  const auto ball = solve(both, options);
  expect_solved(ball);
  const double norm = std::hypot(50.0 / 27, 175.0 / 216);
  EXPECT_NEAR(ball.summary.predicted, -norm, 1e-13);
  EXPECT_NEAR(ball.summary.dlambda[0], 50.0 / 27 / norm, 1e-13);
  EXPECT_NEAR(ball.summary.dlambda[1], -0.25 * 175.0 / 108 / norm, 1e-13);
}

TEST(ExactStationarity, AgreesWithEliminationOnRandomInstances) {
  for (const auto set : {LambdaSet::box, LambdaSet::ball}) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const auto instance = random_instance(geometric(40, 0.05, 5), 1 + seed, 100 * (seed + 1));
      StationarityOptions options;
      options.set = set;
      if (seed % 2 == 0) options.mu = 0.01 * static_cast<double>(seed);
      const auto solution = solve(instance, options);
      expect_solved(solution);
      EXPECT_EQ(solution.summary.raises, 0);
      expect_dense_answer(instance, solution, set);
    }
  }
}

TEST(ExactStationarity, IsTheSlopeOfTheRidgeOptimumOfA4) {
  const Ridge ridge;
  const std::vector<double> lambda{0.4, 1.1};
  auto options = with_mu(0);
  options.tol = 1e-12;
  const auto solution = solve(ridge.instance(lambda), options);
  expect_solved(solution);
  const double h = 1e-4;
  double norm1 = 0;
  for (int i = 0; i < 2; ++i) {
    auto up = lambda, down = lambda;
    up[i] += h;
    down[i] -= h;
    const double slope =
        (ridge.validation_loss(ridge.optimum(up)) - ridge.validation_loss(ridge.optimum(down))) / (2 * h);
    EXPECT_NEAR(solution.summary.gamma[i], slope, 1e-7 * (1 + std::fabs(slope)));
    EXPECT_EQ(solution.summary.dlambda[i], slope > 0 ? -1 : 1);
    norm1 += std::fabs(slope);
  }
  EXPECT_NEAR(solution.summary.predicted, -norm1, 1e-7 * (1 + norm1));
  // dW is how the optimum moves along dλ.
  auto ahead = lambda, behind = lambda;
  for (int i = 0; i < 2; ++i) {
    ahead[i] += h * solution.summary.dlambda[i];
    behind[i] -= h * solution.summary.dlambda[i];
  }
  const auto w1 = ridge.optimum(ahead), w0 = ridge.optimum(behind);
  for (int k = 0; k < Ridge::kWeights; ++k)
    EXPECT_NEAR(solution.dw[k], (w1[k] - w0[k]) / (2 * h), 1e-7 * (1 + std::fabs(solution.dw[k])));
}

TEST(ExactStationarity, DampsASingularHessian) {
  auto eigenvalues = geometric(30, 0.1, 4);
  for (int i = 0; i < 10; ++i) eigenvalues[i] = 0;
  const auto instance = random_instance(eigenvalues, 3, 300);
  const auto solution = solve(instance);
  expect_solved(solution);
  EXPECT_GT(solution.summary.mu, 0);
  EXPECT_LT(solution.summary.mu, 1);
  expect_dense_answer(instance, solution, LambdaSet::box);
}

TEST(ExactStationarity, RaisesTheDampingOfAnIndefiniteHessian) {
  auto eigenvalues = geometric(30, 0.2, 4);
  eigenvalues[0] = -2;
  eigenvalues[1] = -0.7;
  const auto instance = random_instance(eigenvalues, 3, 400);
  const auto raised = solve(instance, with_mu(0.1));
  expect_solved(raised);
  EXPECT_GE(raised.summary.raises, 1);
  EXPECT_GT(raised.summary.mu, 2) << "or H22 + μ is still indefinite";
  EXPECT_LT(raised.summary.theta_min, 0);
  expect_dense_answer(instance, raised, LambdaSet::box);

  const auto chosen = solve(instance);
  expect_solved(chosen);
  EXPECT_GT(chosen.summary.mu, 2);
  expect_dense_answer(instance, chosen, LambdaSet::box);

  // From μ = 0 and a first direction that goes down already.
  expect_solved(solve(random_instance(geometric(12, -3, -1), 2, 450), with_mu(0)));
}

TEST(ExactStationarity, HoldsAHyperparameterOfSizeZero) {
  auto instance = random_instance(geometric(20, 0.5, 2), 3, 900);
  instance.s[1] = 0;
  const auto solution = solve(instance);
  expect_solved(solution);
  EXPECT_EQ(solution.summary.dlambda[1], 0);
  EXPECT_NE(solution.summary.gamma[1], 0);
}

TEST(ExactStationarity, AgreesOnAnyNumberOfRanks) {
  const auto world = Communicator::world();
  const auto self = Communicator::self();
  const auto instance = random_instance(geometric(33, 0.1, 3), 4, 1100);
  const auto together = solve(instance, {}, world), alone = solve(instance, {}, self);
  for (std::size_t k = 0; k < 33; ++k) EXPECT_NEAR(together.dw[k], alone.dw[k], 1e-6);
  EXPECT_NEAR(together.summary.mu, alone.summary.mu, 1e-12);
  const auto& s = together.summary;
  std::vector<double> mine = s.gamma;
  mine.insert(mine.end(), s.dlambda.begin(), s.dlambda.end());
  mine.insert(mine.end(), {s.mu, s.theta_min, s.theta_max, s.predicted, s.g_dw, s.certificate, s.q_residual,
                           s.z_residual, s.seconds, static_cast<double>(s.products)});
  auto root = mine;
  broadcast(host_buffer(std::span<double>(root)), 0, world);
  EXPECT_EQ(mine, root);
}

}  // namespace
}  // namespace lift
