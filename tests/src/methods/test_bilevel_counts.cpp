#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "src/methods/penalty_descent.hpp"
#include "tests/src/methods/bilevel_toys.hpp"
#include "tests/src/objective/live_bytes.hpp"

namespace lift {
namespace {

using namespace toys;

/// Counts the calls themselves, whatever the descent says of them.
struct Counted {
  explicit Counted(BilevelProblem problem) : inner(std::move(problem)), outer(inner) {
    outer.upper = [this](const at::Tensor& x, const at::Tensor& y, Partial which, std::int64_t draw) {
      made.upper_x += wants_x(which), made.upper_y += wants_y(which);
      draws.push_back(draw);
      return inner.upper(x, y, which, draw);
    };
    outer.lower = [this](const at::Tensor& x, const at::Tensor& y, Partial which, std::int64_t draw) {
      made.lower_x += wants_x(which), made.lower_y += wants_y(which);
      draws.push_back(draw);
      return inner.lower(x, y, which, draw);
    };
  }
  BilevelProblem inner, outer;
  PartialCount made;
  std::vector<std::int64_t> draws;
};

PartialCount count(PenaltyMethod method, int inner, int steps) {
  Counted counted(linear_quadratic(1, 2));
  const auto summary =
      descend(counted.outer, {.method = method, .inner = inner, .steps = steps}, number(1), number(1));
  EXPECT_EQ(summary.count, counted.made);
  return counted.made;
}

TEST(BilevelCounts, AreThoseOfEachMethod) {
  for (const int inner : {1, 3, 5}) {
    constexpr int kSteps = 4;
    EXPECT_EQ(count(PenaltyMethod::pbgd_free, inner, kSteps).total(), kSteps * (2 * inner + 1));
    EXPECT_EQ(count(PenaltyMethod::f2sa, inner, kSteps).total(), kSteps * (3 * inner + 3));
    EXPECT_EQ(count(PenaltyMethod::v_pbgd, inner, kSteps).total(), kSteps * (inner + 5));
    EXPECT_EQ(count(PenaltyMethod::bome, inner, kSteps).total(), kSteps * (inner + 5));
    EXPECT_EQ(count(PenaltyMethod::alright, inner, kSteps).total(), kSteps * 4);
  }
}

TEST(BilevelCounts, PbgdFreeNeverAsksForThePartialOfTheLowerLevelInX) {
  EXPECT_EQ(count(PenaltyMethod::pbgd_free, 3, 5).lower_x, 0);
}

TEST(BilevelCounts, EachInnerStepHasADrawOfItsOwn) {
  Counted counted(linear_quadratic(1, 2));
  descend(counted.outer, {.method = PenaltyMethod::pbgd_free, .inner = 2, .steps = 2}, number(1), number(1));
  EXPECT_EQ(counted.draws, (std::vector<std::int64_t>{0, 0, 1, 1, 2, 3, 3, 4, 4, 5}));
}

/// f = ‖x − 1‖²/2 + ‖y‖²/2, g = ‖y − 1‖²/2 with x and y of different sizes.
BilevelProblem large() {
  const auto partials = [](double at_x, double at_y) -> PartialGradients {
    return [=](const at::Tensor& x, const at::Tensor& y, Partial which, std::int64_t) -> Partials {
      Partials found;
      if (wants_x(which)) found.x = x - at_x;
      if (wants_y(which)) found.y = y - at_y;
      return found;
    };
  };
  return {partials(1, 0), partials(0, 1)};
}

/// Bytes that a descent holds between two steps, x and y included.
std::int64_t held_bytes(PenaltyMethod method) {
  constexpr std::int64_t kX = 300'000, kY = 100'000;
  const BilevelProblem problem = large();
  const LiveBytes live;
  const at::Tensor x = at::zeros({kX}, at::kDouble), y = at::zeros({kY}, at::kDouble);
  PenaltyDescent descent(problem, {.method = method}, x, y);
  descent.step();
  descent.step();
  return live.now();
}

TEST(BilevelMemory, OfPbgdFreeIsOneCopyOfYLess) {
  constexpr std::int64_t kX = 300'000 * 8, kY = 100'000 * 8, kSmall = 4096;
  EXPECT_NEAR(held_bytes(PenaltyMethod::pbgd_free), kX + kY, kSmall);
  EXPECT_NEAR(held_bytes(PenaltyMethod::f2sa), kX + 2 * kY, kSmall);
  EXPECT_NEAR(held_bytes(PenaltyMethod::v_pbgd), kX + 2 * kY, kSmall);
}

}  // namespace
}  // namespace lift
