#include "src/search/radius.hpp"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "src/search/probes.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

/// u of all ranks of `parts`, joined.
std::vector<double> joined(const Tiny& tiny, const RadiusOptions& options, int parts) {
  const std::int64_t p = tiny.tuned.layout().p();
  const ShardMap layout(p + tiny.tuned.n(), parts);
  std::vector<double> all;
  for (int rank = 0; rank < parts; ++rank) {
    const auto shard = program_bounds(tiny.tuned, tiny.lambda, options, TrustRegion::box, layout, rank);
    EXPECT_EQ(std::ssize(shard), layout.size(rank));
    all.insert(all.end(), shard.begin(), shard.end());
  }
  return all;
}

/// A W that is constant on each tensor: tensor k has the value k, the first one 0.
void make_steps(const Tiny& tiny) {
  const auto& tensors = tiny.tuned.layout().tensors();
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    tiny.w().narrow(0, tensors[k].offset, tensors[k].size).fill_(static_cast<double>(k));
  }
}

TEST(LambdaBounds, AreAFactorOfFourOrLambdaItselfUnlessGiven) {
  const std::vector<double> lambda{1e-2, 0, 1e-5};
  const std::vector<double> factor(3, std::log(4.0)), given(3, 0.3);
  EXPECT_EQ(lambda_bounds({}, lambda), factor);
  EXPECT_EQ(lambda_bounds({.space = LambdaSpace::linear}, lambda), lambda);
  EXPECT_EQ(lambda_bounds({.lambda_scale = 0.3}, lambda), given);
  EXPECT_EQ(lambda_bounds({.space = LambdaSpace::linear, .lambda_scale = 0.3}, lambda),
            (std::vector<double>{0.3, 0, 0.3}));
}

TEST(LambdaBounds, HoldWhatTheRoundingOfAStepLeftAtZero) {
  const std::vector<double> lambda{1e-3, 1e-20};
  EXPECT_EQ(lambda_bounds({.space = LambdaSpace::linear, .lambda_scale = 1.0}, lambda),
            (std::vector<double>{1, 0}));
}

TEST(BoxBounds, AreRelativeToTheRootMeanSquareOfEachTensor) {
  const Tiny tiny;
  make_steps(tiny);
  const auto u = joined(tiny, {.rho = 0.02, .lambda_scale = 0.3}, 1);
  const auto& tensors = tiny.tuned.layout().tensors();
  const auto fixed = key_biases(tiny.tuned.layout()).front();
  tiny.w().narrow(0, fixed.begin, fixed.end - fixed.begin).fill_(1e6);  // of no consequence
  double squares = 0;
  std::int64_t boxed = 0;
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    const bool holds_keys =
        fixed.begin >= tensors[k].offset && fixed.end <= tensors[k].offset + tensors[k].size;
    const std::int64_t count = tensors[k].size - (holds_keys ? fixed.end - fixed.begin : 0);
    squares += static_cast<double>(k * k) * static_cast<double>(count);
    boxed += count;
  }
  const double floor = 0.1 * std::sqrt(squares / static_cast<double>(boxed));
  ASSERT_GT(floor, 0.5);  // so that tensor 0, of zeros, is under it, and tensors 1 and up may be over it
  for (int i = 0; i < 3; ++i) EXPECT_EQ(u[static_cast<std::size_t>(i)], 0.3);
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    const double expected = 0.02 * std::max(static_cast<double>(k), floor);
    for (std::int64_t j = tensors[k].offset; j < tensors[k].offset + tensors[k].size; ++j) {
      const bool key_bias = j >= fixed.begin && j < fixed.end;
      EXPECT_NEAR(u[static_cast<std::size_t>(3 + j)], key_bias ? 0.0 : expected, 1e-15) << tensors[k].name;
    }
  }
}

TEST(BoxBounds, AreTheSameInAnyNumberOfShards) {
  const Tiny tiny(at::kFloat);
  const auto whole = joined(tiny, {}, 1);
  for (const int parts : {2, 3, 4, 7}) EXPECT_EQ(joined(tiny, {}, parts), whole);
}

TEST(BoxBounds, CanBeAbsolute) {
  const Tiny tiny(at::kDouble, {.blocks = {1}, .mlp_only = {1}, .regularizers = {{1, 0}}});
  const auto u = joined(tiny, {.rho = 0.5, .unit = RadiusUnit::absolute}, 2);
  EXPECT_EQ(u, std::vector<double>(static_cast<std::size_t>(tiny.tuned.n()), 0.5));
}

TEST(BoxBounds, CanBoundTheLengthOfTheWhole) {
  const Tiny tiny;
  const auto u = weight_bounds(tiny.tuned, {.rho = 0.5, .unit = RadiusUnit::norm}, TrustRegion::box);
  EXPECT_NEAR(u.norm().item().toDouble(), 0.5, 1e-14);
  const auto d = weight_bounds(tiny.tuned, {.rho = 0.5, .unit = RadiusUnit::norm}, TrustRegion::ball);
  EXPECT_NEAR(d.max().item().toDouble(), 0.5, 1e-14);  // a unit step along any one coordinate
}

TEST(BoxBounds, AreThoseOfWholeVectors) {
  const Tiny tiny;
  const int p = tiny.tuned.layout().p();
  const ShardMap layout(p + tiny.tuned.n(), 1);
  for (const auto region :
       {TrustRegion::box, TrustRegion::ball, TrustRegion::two_balls, TrustRegion::box_ball}) {
    const auto all = program_bounds(tiny.tuned, tiny.lambda, {}, region, layout, 0);
    const auto w = weight_bounds(tiny.tuned, {}, region);
    for (std::int64_t k = 0; k < tiny.tuned.n(); ++k)
      EXPECT_EQ(all[static_cast<std::size_t>(p + k)], w[k].item().toDouble());
  }
}

TEST(BoxBounds, TheBallReachesAsFarAsTheVerticesOfTheBox) {
  const Tiny tiny;
  const auto box = weight_bounds(tiny.tuned, {}, TrustRegion::box);
  const auto ball = weight_bounds(tiny.tuned, {}, TrustRegion::ball);
  const auto fixed = key_biases(tiny.tuned.layout()).front();
  const auto boxed = static_cast<double>(tiny.tuned.n() - (fixed.end - fixed.begin));
  EXPECT_NEAR((ball - box * std::sqrt(boxed)).abs().max().item().toDouble(), 0.0, 1e-12);
}

TEST(Radius, FollowsTheStepTaken) {
  EXPECT_EQ(next_radius(0.01, 0.0), 0.0025);
  EXPECT_EQ(next_radius(0.01, 0.5), 0.005);
  EXPECT_EQ(next_radius(0.01, 24.0), 0.04);
}

TEST(Radius, InvalidOptionsAreNamed) {
  EXPECT_EQ(RadiusOptions{}.violation(), "");
  EXPECT_THAT((RadiusOptions{.rho = 0}).violation(), HasSubstr("rho = 0 violates"));
  EXPECT_THAT((RadiusOptions{.lambda_scale = -1}).violation(), HasSubstr("lambda_scale = -1 violates"));
  EXPECT_THAT((RadiusOptions{.rho = std::numeric_limits<double>::infinity()}).violation(), HasSubstr("rho"));
}

}  // namespace
}  // namespace lift
