#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "mpi/collectives.hpp"
#include "tests/solvers/free_lp_instances.hpp"

namespace lift {
namespace {

TEST(FreeLp, CatchesWrongCertificates) {
  const std::int64_t p = 9;
  const auto lp = test::dependent_on_the_weights(p);
  const auto world = Communicator::world();
  const test::DistributedLp dealt(lp, world);
  const auto problem = test::free_problem(dealt, p);
  std::vector<double> d(dealt.size());
  const auto s = solve_free_lp(problem, {}, d);
  auto half = d;
  for (double& entry : half) entry /= 2;
  EXPECT_GT(certify(problem, half, s.y).gap, 1e-3) << "feasible, but half the value";
  EXPECT_LE(certify(problem, half, s.y).residual, 1e-9);
  auto y = s.y;
  y[3] += 0.1;  // the zero row's multiplier moves λ's costs alone
  EXPECT_GT(certify(problem, d, y).gap, 1e-4);
  EXPECT_LE(certify(problem, d, y).dual_residual, 1e-12);
  y = s.y;
  y[0] += 0.1;
  EXPECT_GT(certify(problem, d, y).dual_residual, 1e-3);
  // The last coordinate, a weight, and the first, a λ.
  auto moved = d;
  if (world.rank() == world.size() - 1) moved.back() += 0.1;
  EXPECT_GT(certify(problem, moved, s.y).residual, 1e-3);
  moved = d;
  if (world.is_root()) moved[0] = 1.25;
  EXPECT_NEAR(certify(problem, moved, s.y).bound_violation, 0.25, 1e-15);
  moved = d;
  if (world.rank() == world.size() - 1) moved.back() = std::nan("");
  EXPECT_FALSE(certify(problem, moved, s.y).residual <= 1);
  EXPECT_FALSE(certify(problem, moved, s.y).gap <= 1);
}

TEST(FreeLp, CatchesWrongRays) {
  const auto world = Communicator::world();
  const test::DistributedLp lp(test::gaussian("rays", 4, 60, 66), world);
  const auto problem = test::free_problem(lp, 3);
  std::vector<double> ray(lp.size());
  ASSERT_EQ(solve_free_lp(problem, {}, ray).status, FreeLpStatus::unbounded);
  EXPECT_TRUE(certify_ray(problem, ray).proves(1e-12));
  auto wrong = ray;
  for (double& entry : wrong) entry = -entry;
  EXPECT_GT(certify_ray(problem, wrong).slope, 0);
  EXPECT_FALSE(certify_ray(problem, wrong).proves(1e-12)) << "uphill";
  wrong = ray;
  if (world.rank() == world.size() - 1) wrong.back() *= 1.01;
  EXPECT_FALSE(certify_ray(problem, wrong).proves(1e-12)) << "off A d = 0";
  wrong = ray;
  if (world.is_root()) wrong[0] = 1e-30;
  EXPECT_FALSE(certify_ray(problem, wrong).proves(1e-12)) << "λ is bounded";
  EXPECT_FALSE(certify_ray(problem, std::vector<double>(lp.size(), 0.0)).proves(1e-12)) << "d = 0";
}

TEST(FreeLp, GivesEveryRankTheSameSummary) {
  const auto world = Communicator::world();
  const auto s = test::solve_free(test::dependent_on_the_weights(9), 9).summary;
  std::vector<double> mine = s.y;
  mine.insert(mine.end(), {s.certificate.objective, s.certificate.gap, s.certificate.residual, s.seconds,
                           static_cast<double>(s.sweeps)});
  auto root = mine;
  broadcast(host_buffer(std::span<double>(root)), 0, world);
  EXPECT_EQ(mine, root);
  EXPECT_EQ(gather_texts(s.message, world), std::vector<std::string>(world.size(), s.message));
}

}  // namespace
}  // namespace lift
