#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/solvers/split_lp_instances.hpp"

namespace lift {
namespace {

/// g = (0, 0, 1, 2), A = (1, −1, 1, 1), u = 1, p = 2, y = 1.5: r = (−1.5, 1.5, −0.5, 0.5).
///
/// d = (λ, −λ, dW): dW_1 + dW_2 = −2λ. With λ = ½ in the box and dW = (0, −1) on the sphere the value is −2.
class SplitCertificates : public testing::Test {
 protected:
  SplitCertificates()
      : world(Communicator::world()),
        lp({"by hand", 1, 4, {1, -1, 1, 1}, {0, 0, 1, 2}, {1, 1, 1, 1}, {}}, world) {}
  [[nodiscard]] std::vector<double> shard(const std::vector<double>& whole) {
    const auto& layout = lp.a().layout();
    return {whole.begin() + layout.begin(world.rank()), whole.begin() + layout.end(world.rank())};
  }
  [[nodiscard]] SplitCertificate of(const std::vector<double>& d, double y, LambdaSet set) {
    return certify(test::split_problem(lp, 2, set), shard(d), std::vector<double>{y});
  }
  Communicator world;
  test::DistributedLp lp;
};

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST_F(SplitCertificates, MeasureEachPartInItsNorm) {
  const std::vector<double> d{0.5, -0.5, 0, -1};
  const auto box = of(d, 1.5, LambdaSet::box), ball = of(d, 1.5, LambdaSet::ball);
  EXPECT_NEAR(box.objective, -2, 1e-15);
  EXPECT_NEAR(box.dual_objective, -3 - std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(ball.dual_objective, -1.5 * std::sqrt(2.0) - std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(box.gap, (1 + std::sqrt(0.5)) / std::sqrt(5.0), 1e-15);
  EXPECT_NEAR(ball.gap, (1.5 * std::sqrt(2.0) + std::sqrt(0.5) - 2) / std::sqrt(5.0), 1e-15);
  for (const auto& c : {box, ball}) {
    EXPECT_NEAR(c.residual, 0, 1e-15);
    EXPECT_EQ(c.lambda_violation, 0);
    EXPECT_EQ(c.weight_violation, 0);
  }
}

TEST_F(SplitCertificates, CatchWhatIsNoOptimum) {
  for (const auto set : {LambdaSet::box, LambdaSet::ball}) {
    const auto solution = test::solve_split(lp, 2, set);
    const double y = solution.summary.y[0];
    EXPECT_LE(of(solution.d, y, set).gap, 1e-9);
    EXPECT_GT(of(solution.d, y + 0.1, set).gap, 1e-3) << "other multipliers";
    EXPECT_GT(of({0, 0, 0, 0}, y, set).gap, 0.5) << "d = 0 is feasible, but worse";
    auto longer = solution.d;
    for (double& entry : longer) entry *= 1.5;
    EXPECT_LT(of(longer, y, set).gap, 0) << "an objective below the bound";
  }
}

TEST_F(SplitCertificates, CatchWhatIsNotFeasible) {
  EXPECT_NEAR(of({0.5, -0.5, 0, -0.7}, 1.5, LambdaSet::box).residual, 0.3 / (2 + std::sqrt(2.0)), 1e-15);
  EXPECT_NEAR(of({0.5, -0.5, 0, -0.7}, 1.5, LambdaSet::ball).residual, 0.3 / (2 * std::sqrt(2.0)), 1e-15);
  // In the box but not in the ball.
  EXPECT_EQ(of({0.9, -0.9, -0.9, -0.9}, 1.5, LambdaSet::box).lambda_violation, 0);
  EXPECT_NEAR(of({0.9, -0.9, -0.9, -0.9}, 1.5, LambdaSet::ball).lambda_violation, 0.9 * std::sqrt(2.0) - 1,
              1e-15);
  EXPECT_NEAR(of({0.9, -0.9, -0.9, -0.9}, 1.5, LambdaSet::box).weight_violation, 0.9 * std::sqrt(2.0) - 1,
              1e-15);
  EXPECT_NEAR(of({1.25, -1.25, 0, -1}, 1.5, LambdaSet::box).lambda_violation, 0.25, 1e-15);
  for (const auto set : {LambdaSet::box, LambdaSet::ball}) {
    lp.u() = shard({0, 1, 1, 1});
    EXPECT_EQ(of({1e-300, -0.5, 0.5, 0}, 1, set).lambda_violation, kInfinity);
    lp.u() = shard({1, 1, 1, 0});
    EXPECT_EQ(of({0, -0.5, 0.5, 1e-200}, 1, set).weight_violation, kInfinity);
    lp.u() = shard({1, 1, 1, 1});
  }
}

TEST_F(SplitCertificates, NeverTakeNotANumberForAnAnswer) {
  const double nan = std::nan("");
  for (const auto set : {LambdaSet::box, LambdaSet::ball}) {
    const auto lambda = of({nan, 0, 0, 0}, 1.5, set), weights = of({0, 0, nan, 0}, 1.5, set);
    for (const auto& c : {lambda, weights}) {
      EXPECT_FALSE(c.gap <= 1);
      EXPECT_FALSE(c.residual <= 1);
    }
    EXPECT_FALSE(lambda.lambda_violation <= 1);
    EXPECT_FALSE(weights.weight_violation <= 1);
    EXPECT_FALSE(of({0, 0, 0, 0}, nan, set).gap <= 1);
  }
}

}  // namespace
}  // namespace lift
