#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift {
namespace {

/// The optimal pair of c = (1, 2, −1), H = (1, 1, 1), ρ = 1: d = (0, −1, 1), y = 1.
class Certificate : public testing::Test {
 protected:
  Certificate() : world(Communicator::world()), lp(test::closed_forms()[0], world) {}

  /// This rank's shard of a whole vector.
  [[nodiscard]] std::vector<double> shard(const std::vector<double>& whole) {
    const auto& layout = lp.a().layout();
    return {whole.begin() + layout.begin(world.rank()), whole.begin() + layout.end(world.rank())};
  }
  [[nodiscard]] LpCertificate of(const std::vector<double>& d, double y) {
    return certify(lp.problem(), shard(d), std::vector<double>{y});
  }

  Communicator world;
  test::DistributedLp lp;
};

TEST_F(Certificate, IsExactForTheOptimalPair) {
  const auto c = of({0, -1, 1}, 1);
  EXPECT_EQ(c.objective, -3);
  EXPECT_EQ(c.dual_objective, -3);
  EXPECT_EQ(c.gap, 0);
  EXPECT_EQ(c.residual, 0);
  EXPECT_EQ(c.bound_violation, 0);
}

TEST_F(Certificate, MeasuresAWrongMultiplierInTheGap) {
  // r = (0.5, 1.5, −1.5): Σ |r| + r d = 0.5, over Σ |g| u = 4.
  const auto c = of({0, -1, 1}, 0.5);
  EXPECT_DOUBLE_EQ(c.gap, 0.125);
  EXPECT_DOUBLE_EQ(c.dual_objective, -3.5);
  EXPECT_EQ(c.residual, 0);
}

TEST_F(Certificate, MeasuresAFeasibleButWorseDirectionInTheGap) {
  const auto c = of({0, 0, 0}, 1);
  EXPECT_DOUBLE_EQ(c.gap, 0.75);
  EXPECT_EQ(c.objective, 0);
}

TEST_F(Certificate, MeasuresABrokenEqualityInTheResidual) {
  EXPECT_NEAR(of({0.03, -1, 1}, 1).residual, 0.01, 1e-15);
}

TEST_F(Certificate, MeasuresABrokenBound) {
  EXPECT_DOUBLE_EQ(of({0, -1.25, 1}, 1).bound_violation, 0.25);
  lp.u() = shard({0, 1, 1});
  EXPECT_EQ(of({1e-300, -1, 1}, 1).bound_violation, std::numeric_limits<double>::infinity());
  EXPECT_EQ(of({0, -1, 1}, 1).bound_violation, 0);
}

TEST_F(Certificate, NeverTakesNotANumberForAnAnswer) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto wrong_d = of({0, nan, 1}, 1);
  EXPECT_FALSE(wrong_d.gap <= 1);
  EXPECT_FALSE(wrong_d.residual <= 1);
  EXPECT_FALSE(wrong_d.bound_violation <= 1);
  EXPECT_FALSE(of({0, -1, 1}, nan).gap <= 1);
}

TEST_F(Certificate, RefusesWrongShapesOnEveryRank) {
  const auto d = shard({0, -1, 1});
  EXPECT_THROW(static_cast<void>(certify(lp.problem(), d, std::vector<double>{1, 2})), AgreedError);
  // Wrong on the last rank alone.
  std::vector<double> longer = d;
  if (world.rank() == world.size() - 1) longer.push_back(0);
  EXPECT_THROW(static_cast<void>(certify(lp.problem(), longer, std::vector<double>{1})), AgreedError);
}

TEST(CertificateOfASolution, GrowsWithEveryPerturbation) {
  const auto world = Communicator::world();
  test::DistributedLp lp(test::gaussian("perturbed", 6, 500, 77), world);
  std::vector<double> d(lp.size());
  const auto summary = solve_box_lp(lp.problem(), {}, d);
  ASSERT_TRUE(answered(summary.status));
  const double tiny = 1e-5;

  auto y = summary.y;
  y[2] += tiny;
  EXPECT_GT(certify(lp.problem(), d, y).gap, 10 * summary.certificate.gap);

  // Rank 0's first coordinate: out of its equality, and out of its box.
  auto moved = d;
  if (world.is_root()) moved[0] -= std::copysign(tiny, d[0]);
  EXPECT_GT(certify(lp.problem(), moved, summary.y).residual, 1e-9);
  if (world.is_root()) moved[0] = std::copysign(1 + tiny, d[0]);
  EXPECT_NEAR(certify(lp.problem(), moved, summary.y).bound_violation, tiny, 1e-12);

  // Half the direction is feasible and loses half the value.
  auto half = d;
  for (double& entry : half) entry /= 2;
  const auto c = certify(lp.problem(), half, summary.y);
  EXPECT_NEAR(c.objective, summary.certificate.objective / 2, 1e-9 * std::fabs(c.objective));
  EXPECT_GT(c.gap, 0.1);
}

}  // namespace
}  // namespace lift
