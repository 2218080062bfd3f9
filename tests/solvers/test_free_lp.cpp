#include "solvers/free_lp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "tests/solvers/dense_reference.hpp"
#include "tests/solvers/free_lp_instances.hpp"

namespace lift {
namespace {

test::DenseLp instance(int rows, std::vector<double> a, std::vector<double> g) {
  test::DenseLp lp{"", rows, static_cast<std::int64_t>(g.size()), std::move(a), std::move(g), {}, {}};
  lp.u.assign(lp.g.size(), 1.0);
  return lp;
}

/// −Σ_λ u |g − Aᵀy|.
double dual_value(test::DenseLp& lp, std::int64_t p, const std::vector<double>& y) {
  double value = 0;
  for (std::int64_t k = 0; k < p; ++k) {
    double r = lp.g[k];
    for (int i = 0; i < lp.rows; ++i) r -= y[i] * test::row(lp, i)[k];
    value -= lp.u[k] * std::fabs(r);
  }
  return value;
}

void expect_solved(const FreeLpSummary& s) {
  EXPECT_EQ(s.status, FreeLpStatus::optimal) << s.message;
  EXPECT_TRUE(answered(s.status));
  EXPECT_LE(s.certificate.gap, 1e-9);
  EXPECT_LE(s.certificate.dual_residual, 1e-12);
  EXPECT_LE(s.certificate.residual, 1e-9);
  EXPECT_EQ(s.certificate.bound_violation, 0);
}

constexpr double kA1 = 10.0 / 3, kH = 1.2;

TEST(FreeLp, GivesTheDirectionOfA1WhichStaysStationaryToSecondOrder) {
  const auto solution = test::solve_free(instance(1, {kA1, kH}, {0, 2.0 / 3}), 1);
  expect_solved(solution.summary);
  EXPECT_EQ(solution.d[0], 1);
  EXPECT_NEAR(solution.d[1], -2.777777777777778, 1e-14);
  EXPECT_NEAR(solution.summary.certificate.objective, -1.851851851851852, 1e-14);
  for (const double t : {0.5, 0.1, 0.01, -0.3}) {
    const double residual = (1 + 2 * (0.1 + t * solution.d[0])) * (5.0 / 3 + t * solution.d[1]) - 2;
    EXPECT_NEAR(residual, -50.0 / 9 * t * t, 1e-13);
  }
}

TEST(FreeLp, GivesTheOtherSignForTheSecondBlockOfA1) {
  const auto solution = test::solve_free(instance(1, {5.0 / 3, kH}, {0, -7.0 / 6}), 1);
  expect_solved(solution.summary);
  EXPECT_EQ(solution.d[0], -1);
  EXPECT_NEAR(solution.d[1], 25.0 / 18, 1e-14);
  EXPECT_NEAR(solution.summary.certificate.objective, -1.620370370370370, 1e-14);
}

TEST(FreeLp, KeepsLambdaAboveZeroInLogSpaceForTheSecondBlockOfA1) {
  const double lambda = 0.1;  // H21's column times λ, dλ a change of log λ
  const auto solution = test::solve_free(instance(1, {lambda * 5.0 / 3, kH}, {0, -7.0 / 6}), 1);
  expect_solved(solution.summary);
  EXPECT_EQ(solution.d[0], -1);
  EXPECT_NEAR(solution.d[1], lambda * 25.0 / 18, 1e-14);
  EXPECT_NEAR(solution.summary.certificate.objective, lambda * -1.620370370370370, 1e-14);
  // Stationary to second order all the same: of (1 + 2λ)W = 1, where W0 = 5/6.
  for (const double t : {1.5, 0.1, 0.01}) {
    const double moved = lambda * std::exp(t * solution.d[0]);
    EXPECT_LE(std::fabs((1 + 2 * moved) * (5.0 / 6 + t * solution.d[1]) - 1), 0.2 * t * t);
  }
}

TEST(FreeLp, SolvesBothBlocksOfA1AndTheRidgeOfA4) {
  int solved = 0;
  for (const auto& lp : test::closed_forms()) {
    if (lp.name != "A1, both blocks" && lp.name.find("A4") != 0) continue;
    const auto summary = test::solve_free(lp, 2).summary;
    expect_solved(summary);
    EXPECT_NEAR(summary.certificate.objective, *lp.optimum, 1e-13) << lp.name;
    ++solved;
  }
  EXPECT_EQ(solved, 2);
}

TEST(FreeLp, FindsNothingToGainWithoutLambdaColumns) {  // A2
  const auto solution = test::solve_free(instance(1, {0, 0.7}, {0, 2.0 / 3}), 1);
  expect_solved(solution.summary);
  EXPECT_EQ(solution.d, (std::vector<double>{0, 0}));
}

TEST(FreeLp, CollapsesToZeroUnderJointProbes) {  // A3: v of length 2, row = (v_W a1, v_λ a1 + v_W h)
  const std::vector<std::vector<double>> probes{{0.5, 0.3}, {2, -1}, {-0.7, 1.1}, {1, 0.2}};
  for (int m = 2; m <= 4; ++m) {
    std::vector<double> a;
    for (int i = 0; i < m; ++i) {
      const auto& v = probes[static_cast<std::size_t>(i)];
      a.insert(a.end(), {v[1] * kA1, v[0] * kA1 + v[1] * kH});
    }
    const auto solution = test::solve_free(instance(m, a, {0, 2.0 / 3}), 1);
    expect_solved(solution.summary);
    EXPECT_EQ(solution.summary.weight_rank, 1);
    EXPECT_NEAR(solution.d[0], 0, 1e-9);
    EXPECT_NEAR(solution.d[1], 0, 1e-8);
  }
}

TEST(FreeLp, NeedsNoTrustRegionForTheAdjointRowAlone) {
  auto lp = test::gaussian("adjoint row", 1, 407, 60);
  const std::int64_t p = 7;
  double value = 0;
  for (std::int64_t k = 0; k < lp.coordinates; ++k) {
    if (k < p) {
      lp.g[k] = 0;
      lp.u[k] = 0.1 * static_cast<double>(k + 1);
      value -= lp.u[k] * std::fabs(lp.a[k]);  // γ = −a
    } else {
      lp.a[k] = lp.g[k];
    }
  }
  const auto solution = test::solve_free(lp, p);
  expect_solved(solution.summary);
  EXPECT_NEAR(solution.summary.certificate.objective, value, 1e-13);
  EXPECT_NEAR(solution.summary.y[0], 1, 1e-14);
  for (std::int64_t k = 0; k < p; ++k) EXPECT_EQ(solution.d[k], std::copysign(lp.u[k], lp.a[k]));
}

TEST(FreeLp, AgreesWithItsDualOnRandomInstances) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const std::int64_t p = 1 + static_cast<std::int64_t>(seed * 5 % 30);  // over more ranks than the first
    auto lp = test::gaussian("random", 1 + static_cast<int>(seed % 8), p + 12, 600 + seed);
    for (std::int64_t k = 0; k < p; ++k) lp.u[k] = k % 4 == 3 ? 0 : std::exp(std::sin(3.0 * (seed + k)));
    std::vector<double> y;
    for (int i = 0; i < lp.rows; ++i) y.push_back(std::cos(1.0 + i));
    test::put_cost_in_row_space(lp, p, y);
    const auto solution = test::solve_free(lp, p);
    expect_solved(solution.summary);
    const double value = dual_value(lp, p, y);
    EXPECT_NEAR(solution.summary.certificate.objective, value, 1e-12 * (1 - value));
    // The least norm of A_W dW = −A_λ dλ lies in the row space of A_W.
    std::vector<double> weights;
    for (int i = 0; i < lp.rows; ++i)
      weights.insert(weights.end(), test::row(lp, i) + p, test::row(lp, i) + p + 12);
    const auto outside = test::project_off_dense(weights, {solution.d.begin() + p, solution.d.end()});
    EXPECT_LE(std::sqrt(test::dot_dense(outside, outside)), 1e-10);
  }
}

TEST(FreeLp, RestrictsLambdaToTheRangeOfDependentWeightRows) {
  const std::int64_t p = 9;
  auto lp = test::dependent_on_the_weights(p);
  const auto solution = test::solve_free(lp, p);
  expect_solved(solution.summary);
  EXPECT_EQ(solution.summary.weight_rank, 3);
  EXPECT_LT(solution.summary.certificate.objective, -0.1) << "six directions of λ are left";

  // The box LP solver on the whole problem, with a box on the weights that is out of reach.
  for (std::int64_t k = p; k < lp.coordinates; ++k) lp.u[k] = 100;
  const auto world = Communicator::world();
  test::DistributedLp boxed(lp, world);
  std::vector<double> d(boxed.size());
  const auto box = solve_box_lp(boxed.problem(), {}, d);
  ASSERT_TRUE(answered(box.status));
  EXPECT_NEAR(solution.summary.certificate.objective, box.certificate.objective,
              1e-6 * std::fabs(box.certificate.objective));
}

/// Ranks that would end their box LPs of λ apart, as on mixed processors: rank 0's end is everybody's.
TEST(FreeLp, TakesRankZerosAnswerForLambda) {
  const std::int64_t p = 9;
  const auto lp = test::dependent_on_the_weights(p);
  const auto world = Communicator::world();
  FreeLpOptions options;
  if (!world.is_root()) options.gap_tol = options.residual_tol = 1e-12;
  const auto mixed = test::solve_free(test::DistributedLp(lp, world), p, options);
  const auto usual = test::solve_free(lp, p);
  EXPECT_EQ(mixed.d, usual.d);
  EXPECT_EQ(mixed.summary.y, usual.summary.y);
  auto root = mixed.summary.y;
  broadcast(host_buffer(std::span<double>(root)), 0, world);
  EXPECT_EQ(mixed.summary.y, root);
}

TEST(FreeLp, LeavesLambdaAloneWhereDependentRowsAgree) {
  const std::int64_t p = 4;
  auto lp = test::gaussian("dependent rows", 4, p + 30, 62);
  for (std::int64_t k = 0; k < lp.coordinates; ++k) {
    test::row(lp, 2)[k] = 3 * test::row(lp, 0)[k] - test::row(lp, 1)[k];
    test::row(lp, 3)[k] = 0;
  }
  const std::vector<double> y{0.3, -1, 0, 0};
  test::put_cost_in_row_space(lp, p, y);
  const auto summary = test::solve_free(lp, p).summary;
  expect_solved(summary);
  EXPECT_NEAR(summary.certificate.objective, dual_value(lp, p, y), 1e-12);
}

TEST(FreeLp, ProvesByARayThatItHasNoMinimum) {
  const std::int64_t p = 5;
  const auto lp = test::gaussian("unbounded", 6, p + 300, 63);
  const auto world = Communicator::world();
  const test::DistributedLp dealt(lp, world);
  const auto solution = test::solve_free(dealt, p);
  const auto& s = solution.summary;
  EXPECT_EQ(s.status, FreeLpStatus::unbounded) << s.message;
  EXPECT_TRUE(failed(s.status));
  EXPECT_THAT(s.message, testing::HasSubstr("unbounded"));

  std::vector<double> weights;
  for (int i = 0; i < 6; ++i)
    weights.insert(weights.end(), lp.a.begin() + i * (p + 300) + p, lp.a.begin() + (i + 1) * (p + 300));
  const std::vector<double> g(lp.g.begin() + p, lp.g.end());
  const auto r = test::project_off_dense(weights, g);
  for (std::int64_t k = 0; k < p; ++k) EXPECT_EQ(solution.d[k], 0);
  for (std::int64_t k = 0; k < 300; ++k) EXPECT_NEAR(solution.d[p + k], -r[k], 1e-13);
  const double part = std::sqrt(test::dot_dense(r, r) / test::dot_dense(g, g));
  EXPECT_NEAR(s.certificate.dual_residual, part, 1e-13);
  EXPECT_NEAR(s.ray.slope, -part, 1e-13);
  EXPECT_LE(s.ray.residual, 1e-14);
  EXPECT_TRUE(s.ray.proves(1e-9));
}

TEST(FreeLp, HandsOutNoRayThatItCannotProve) {
  const auto world = Communicator::world();
  const test::DistributedLp lp(test::gaussian("unproven", 6, 300, 67), world);
  FreeLpOptions strict;
  strict.residual_tol = 1e-30;
  const auto solution = test::solve_free(lp, 5, strict);
  EXPECT_EQ(solution.summary.status, FreeLpStatus::stalled);
  EXPECT_LT(solution.summary.ray.slope, 0);
  EXPECT_EQ(solution.d, std::vector<double>(300, 0.0));
}

TEST(FreeLp, FailsWithoutADirectionWhereNumbersOverflow) {
  auto lp = test::gaussian("overflow", 3, 50, 68);
  for (double& g : lp.g) g *= 1e200;
  const auto solution = test::solve_free(lp, 5);
  EXPECT_EQ(solution.summary.status, FreeLpStatus::not_finite) << solution.summary.message;
  EXPECT_EQ(solution.d, std::vector<double>(50, 0.0));
}

TEST(FreeLp, TellsWhatIsNearlyInTheRowSpaceByItsTolerance) {
  const std::int64_t p = 2;
  auto lp = test::gaussian("nearly bounded", 3, p + 100, 64);
  const auto noise = lp.g;
  test::put_cost_in_row_space(lp, p, {1, 1, 1});
  for (std::int64_t k = p; k < lp.coordinates; ++k) lp.g[k] += 1e-7 * noise[k];
  EXPECT_EQ(test::solve_free(lp, p).summary.status, FreeLpStatus::unbounded);
  const auto world = Communicator::world();
  FreeLpOptions loose;
  loose.row_space_tol = 1e-5;
  loose.gap_tol = 1e-5;
  EXPECT_EQ(test::solve_free(test::DistributedLp(lp, world), p, loose).summary.status, FreeLpStatus::optimal);
}

TEST(FreeLp, AnswersAtTheEdges) {
  // p = 0: every feasible d has the same value. p = all: no weights, a box LP with restrictions alone.
  auto lp = test::gaussian("edges", 3, 20, 65);
  auto none = lp;
  test::put_cost_in_row_space(none, 0, {1, 2, 3});
  const auto without = test::solve_free(none, 0);
  expect_solved(without.summary);
  EXPECT_EQ(without.d, std::vector<double>(20, 0.0));
  const auto whole = test::solve_free(lp, 20).summary;
  expect_solved(whole);
  const auto world = Communicator::world();
  test::DistributedLp boxed(lp, world);
  std::vector<double> d(boxed.size());
  EXPECT_NEAR(whole.certificate.objective, solve_box_lp(boxed.problem(), {}, d).certificate.objective, 1e-8);
  std::fill(lp.g.begin(), lp.g.end(), 0.0);
  EXPECT_EQ(test::solve_free(lp, 3).d, std::vector<double>(20, 0.0));
}

TEST(FreeLp, RefusesWrongInputOnEveryRank) {
  const auto world = Communicator::world();
  const bool last = world.rank() == world.size() - 1;
  const auto whole = test::gaussian("wrong", 3, 40, 46);
  const auto refused = [&](auto damage, std::int64_t p, const std::string& text) {
    test::DistributedLp lp(whole, world);
    FreeLpOptions options;
    if (last) damage(lp, options);
    std::vector<double> d(lp.size());
    try {
      solve_free_lp(test::free_problem(lp, p), options, d);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), ExitCode::internal);
      EXPECT_THAT(error.what(), testing::HasSubstr(text));
    }
  };
  refused([](auto&, auto& o) { o.gap_tol = -1; }, 3, "gap_tol = -1 violates gap_tol > 0");
  refused([](auto&, auto& o) { o.row_space_tol = 0; }, 3, "row_space_tol = 0 violates row_space_tol > 0");
  refused([](auto&, auto& o) { o.residual_tol = 0; }, 3, "residual_tol = 0 violates residual_tol > 0");
  refused([](auto& lp, auto&) { lp.u().back() = -1; }, 40, "u[39] = -1, expected finite and >= 0");
  refused([](auto& lp, auto&) { lp.g().back() = std::nan(""); }, 3, "g[39] = nan is not finite");
  refused([](auto& lp, auto&) { lp.a().local().back() = std::nan(""); }, 3, "row 2 of A");
  refused([](auto&, auto&) {}, 41, "p = 41, expected 0 to 40");
  refused([](auto&, auto&) {}, -1, "p = -1, expected 0 to 40");
  test::DistributedLp unread(whole, world);
  unread.u().back() = -1;
  EXPECT_EQ(test::solve_free(unread, 0).summary.status, FreeLpStatus::unbounded)
      << "u of a weight is not read";
}

TEST(FreeLp, NamesItsStatuses) {
  EXPECT_STREQ(to_string(FreeLpStatus::optimal), "optimal");
  EXPECT_STREQ(to_string(FreeLpStatus::unbounded), "unbounded");
  EXPECT_STREQ(to_string(FreeLpStatus::stalled), "stalled");
  EXPECT_STREQ(to_string(FreeLpStatus::not_finite), "not_finite");
  EXPECT_FALSE(answered(FreeLpStatus::stalled) || failed(FreeLpStatus::stalled));
}

}  // namespace
}  // namespace lift
