// How a round moves λ, and what a round does whose implicit solves found nothing.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "mpi/error.hpp"
#include "tests/src/search/hyperlocal_test.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

TEST_F(HyperlocalTest, MovesLambdaByTheStepInLogSpace) {
  Overfitted tiny;
  tiny.lambda = {1e-3, 1e-9, 0.0};  // the second is under the floor already, the third is switched off
  std::vector<double> d;
  const auto summary = hyperlocal_round(state(tiny, world_), options(), 0, keeping(d));
  ASSERT_GT(summary.line.t_star, 0.0);
  EXPECT_EQ(summary.lambda_before, (std::vector<double>{1e-3, 1e-9, 0.0}));
  EXPECT_EQ(summary.lambda_after, tiny.lambda);
  const double change = std::clamp(summary.line.t_star * d[0], -std::log(4.0), std::log(4.0));
  EXPECT_NEAR(tiny.lambda[0], 1e-3 * std::exp(change), 1e-15);
  const double second = std::clamp(summary.line.t_star * d[1], -std::log(4.0), std::log(4.0));
  EXPECT_NEAR(tiny.lambda[1], std::max(1e-9, 1e-9 * std::exp(second)), 1e-21)
      << "no lower, being under the floor";
  EXPECT_EQ(tiny.lambda[2], 0.0);
  for (const double bounded : std::span(d).first(3))
    EXPECT_LE(std::abs(bounded), std::log(4.0) * (1 + 1e-12));
}

TEST_F(HyperlocalTest, InLinearSpaceTheStepEndsWhereTheFirstLambdaIsZero) {
  Overfitted tiny;
  auto linear = options();
  linear.radius.space = LambdaSpace::linear;
  linear.radius.lambda_scale = 1.0;  // far more than λ = 1e-3: some λ_i would be negative at the first step
  std::vector<double> d;
  const auto line = hyperlocal_round(state(tiny, world_), linear, 0, keeping(d)).line;
  const double steepest = *std::ranges::min_element(std::span(d).first(3));
  ASSERT_LT(steepest, 0.0) << "or nothing is capped";
  const double cap = 1e-3 / -steepest;
  EXPECT_LT(1e-3 + linear.line.max_step / (linear.line.steps - 1) * steepest, 0.0) << "the first step";
  EXPECT_DOUBLE_EQ(line.losses.back().first, cap);
  EXPECT_EQ(line.t_star, line.losses.back().first) << "at the end of so short a way the loss still falls";
  EXPECT_NEAR(*std::ranges::min_element(tiny.lambda), 0.0, 1e-18);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_GE(tiny.lambda[i], 0.0);
    EXPECT_NEAR(tiny.lambda[i], 1e-3 + cap * d[i], 1e-12);
  }
}

TEST_F(HyperlocalTest, InLogSpaceNoLambdaEndsAStep) {
  Overfitted tiny;
  auto logarithmic = options();
  logarithmic.radius.lambda_scale = 3.0;
  std::vector<double> d;
  const auto line = hyperlocal_round(state(tiny, world_), logarithmic, 0, keeping(d)).line;
  ASSERT_LT(*std::ranges::min_element(std::span(d).first(3)), 0.0);
  EXPECT_GE(line.losses.back().first, logarithmic.line.max_step) << "nothing is capped";
  ASSERT_GT(line.t_star, 0.0);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(tiny.lambda[i], 1e-3 * std::exp(std::clamp(line.t_star * d[i], -3.0, 3.0)), 1e-15);
    EXPECT_GT(tiny.lambda[i], 0.0);
  }
}

TEST_F(HyperlocalTest, InLinearSpaceOneSmallLambdaHoldsBackNoOther) {
  Overfitted tiny;
  tiny.lambda = {1e-3, 1e-9, 0.0};
  auto linear = options();
  linear.radius.space = LambdaSpace::linear;
  linear.rounds = 3;
  const auto rounds = hyperlocal_search(state(tiny, world_), linear, {}).rounds;
  ASSERT_EQ(rounds.size(), 3U);
  for (const auto& round : rounds) {
    EXPECT_GE(round.line.losses.back().first, 1.0 - 1e-12) << "dλ_i is λ_i at most";
    EXPECT_EQ(round.lambda_after[2], 0.0);
  }
}

TEST_F(HyperlocalTest, InLinearSpaceOfAGivenScaleALambdaThatCameToZeroHoldsBackNoOther) {
  Overfitted tiny;
  tiny.lambda = {1e-3, 1e-20, 0.0};
  auto linear = options();
  linear.radius.space = LambdaSpace::linear;
  linear.radius.lambda_scale = 1e-3;
  linear.rounds = 3;
  const auto rounds = hyperlocal_search(state(tiny, world_), linear, {}).rounds;
  ASSERT_EQ(rounds.size(), 3U);
  EXPECT_GT(rounds.front().line.t_star, 0);
  for (const auto& round : rounds) {
    EXPECT_GT(round.line.losses.size(), 1U) << "no step is allowed";
    EXPECT_EQ(round.lambda_after[1], 1e-20);
    EXPECT_EQ(round.lambda_after[2], 0.0);
  }
}

TEST_F(HyperlocalTest, TheAdjointRowMovesLambdaDownTheHypergradientWithoutATrustRegion) {
  Overfitted tiny;
  auto free = options();
  free.probe_kind = ProbeKind::adjoint;
  free.trust_region = TrustRegion::none;
  free.damping = 10.0;
  const auto summary = hyperlocal_round(state(tiny, world_), free, 0, {});
  ASSERT_EQ(summary.lp.value().status, "optimal");
  ASSERT_GT(summary.line.t_star, 0.0);
  EXPECT_LT(summary.line.loss, summary.line.losses.front().second);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_LT((summary.lambda_after[i] - summary.lambda_before[i]) * summary.implicit.value().gamma[i], 0.0);
}

TEST_F(HyperlocalTest, AFailedExactSolveIsNoStep) {
  Overfitted tiny;
  const auto w = tiny.w().clone();
  const auto lambda = tiny.lambda;
  auto starved = options();
  starved.direction = DirectionKind::exact;
  starved.damping = 50.0;
  starved.radius.lambda_scale = 1e160;  // the length of H21 dlambda overflows
  for (const auto kind : {LineKind::grid, LineKind::model}) {
    starved.line_kind = kind;
    const auto summary = hyperlocal_search(state(tiny, world_), starved, {});
    EXPECT_EQ(summary.kept, "start");
    const auto& round = summary.rounds.at(0);
    EXPECT_EQ(round.implicit.value().status, "not_finite");
    EXPECT_TRUE(round.implicit.value().failed);
    EXPECT_THAT(round.implicit.value().message, HasSubstr("not finite"));
    EXPECT_EQ(round.line.t_star, 0.0);
    EXPECT_EQ(round.line.losses.size(), 1U) << "a direction that is not there was searched";
    EXPECT_EQ(round.lambda_after, lambda);
    EXPECT_TRUE(tiny.w().equal(w));
    EXPECT_EQ(tiny.lambda, lambda);
  }
}

TEST_F(HyperlocalTest, AFailedAdjointSolveEndsTheSearchWithEverythingInPlace) {
  Overfitted tiny;
  const auto w = tiny.w().clone();
  const auto lambda = tiny.lambda;
  auto adjoint = options();
  adjoint.probe_kind = ProbeKind::adjoint;
  setenv("LIFT_FAULT", "implicit:0:4", 1);
  try {
    hyperlocal_search(state(tiny, world_), adjoint, {});
    FAIL() << "expected an AgreedError";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_THAT(error.what(), HasSubstr("implicit"));
  }
  unsetenv("LIFT_FAULT");
  EXPECT_TRUE(tiny.w().equal(w));
  EXPECT_EQ(tiny.lambda, lambda);
}

/// The same round with γ beside its program.
TEST_F(HyperlocalTest, TheHypergradientIsToldBesideAProgramAndMovesNothing) {
  for (const auto kind : {ProductKind::exact, ProductKind::forward}) {
    for (const auto region :
         {TrustRegion::box, TrustRegion::ball, TrustRegion::two_balls, TrustRegion::box_ball}) {
      Overfitted plain, told, adjoint;
      auto asked = options();
      asked.products.kind = kind;
      asked.trust_region = region;
      asked.damping = 10.0;
      const auto before = hyperlocal_round(state(plain, world_), asked, 0, {});
      asked.hypergradient = true;
      const auto after = hyperlocal_round(state(told, world_), asked, 0, {});
      EXPECT_TRUE(told.w().equal(plain.w()));
      EXPECT_EQ(told.lambda, plain.lambda);
      EXPECT_FALSE(before.implicit.has_value());
      const ImplicitReport& found = after.implicit.value();
      EXPECT_EQ(after.probes_done, before.probes_done + found.products);
      asked.probe_kind = ProbeKind::adjoint;
      asked.hypergradient = false;
      const auto by_row = hyperlocal_round(state(adjoint, world_), asked, 0, {});
      EXPECT_EQ(found.gamma, by_row.implicit.value().gamma);
      ASSERT_GT(after.line.t_star, 0);
      int against = 0;
      for (std::size_t i = 0; i < 3; ++i)
        against += (after.lambda_after[i] - after.lambda_before[i]) * found.gamma[i] < 0 ? 1 : 0;
      EXPECT_EQ(found.agreement, against / 3.0);
      EXPECT_GT(found.radius_ratio.value(), 0);
      EXPECT_EQ(by_row.implicit->radius_ratio, std::nullopt) << "one solve knows no way of W";
    }
  }
}

TEST_F(HyperlocalTest, AHypergradientThatIsNotFoundEndsNoRound) {
  Overfitted plain, told;
  auto asked = options();
  const auto before = hyperlocal_round(state(plain, world_), asked, 0, {});
  asked.hypergradient = true;
  setenv("LIFT_FAULT", "implicit:0:4", 1);
  const auto after = hyperlocal_round(state(told, world_), asked, 0, {});
  unsetenv("LIFT_FAULT");
  EXPECT_TRUE(told.w().equal(plain.w()));
  EXPECT_TRUE(after.implicit.value().failed);
  EXPECT_EQ(after.implicit.value().agreement, std::nullopt);
  EXPECT_EQ(after.implicit.value().radius_ratio, std::nullopt);
  EXPECT_EQ(after.line.t_star, before.line.t_star);
}

TEST_F(HyperlocalTest, SaysThatLambdaAtZeroCannotMoveInLinearSpace) {
  Overfitted tiny;
  auto linear = options();
  linear.radius.space = LambdaSpace::linear;
  for (const auto scale : {std::optional<double>(), std::optional<double>(1e-3)}) {
    linear.radius.lambda_scale = scale;
    tiny.lambda = {0.0, 0.0, 1e-3};
    EXPECT_FALSE(hyperlocal_round(state(tiny, world_), linear, 0, {}).lambda_is_inert);
    tiny.lambda = {0.0, 0.0, 0.0};
    EXPECT_TRUE(hyperlocal_round(state(tiny, world_), linear, 0, {}).lambda_is_inert);
    EXPECT_EQ(tiny.lambda, (std::vector<double>{0.0, 0.0, 0.0}));
  }
}

}  // namespace
}  // namespace lift
