#include "src/methods/value_function.hpp"

#include <gtest/gtest.h>

#include "mpi/error.hpp"
#include "src/methods/penalty_descent.hpp"
#include "tests/src/methods/bilevel_toys.hpp"

namespace lift {
namespace {

using namespace toys;

constexpr ValueFunctionOptions kOptions{.rate = 0.1, .dual_rate = 0.1, .steps = 20'000, .tolerance = 1e-12};

Function quadratic(double at) {
  return {[at](double x, double y) { return (x - at) * (x - at) / 2 + (y - at) * (y - at) / 2; },
          [at](double x, double) { return x - at; }, [at](double, double y) { return y - at; }};
}

TEST(ValueFunction, KnowsTheMultiplierOfACoupledConstraint) {
  for (const double x : {0.5, 1.0, 2.0}) {
    const auto found = value_function(coupled(quadratic(0)), number(x), number(0), kOptions);
    ASSERT_TRUE(found.answered);
    EXPECT_NEAR(number(found.y), 3 * x, 1e-10);
    EXPECT_NEAR(number(found.multipliers), 2 * x, 1e-10);
    EXPECT_NEAR(found.value, x * x, 1e-10);
    EXPECT_NEAR(number(found.gradient), 2 * x, 1e-9);
    const double of_objective = number(coupled(quadratic(0)).lower(number(x), found.y, Partial::x, 0).x);
    EXPECT_NEAR(of_objective, -4 * x, 1e-9);  // the wrong sign
  }
}

TEST(ValueFunction, LeavesASlackConstraintAlone) {
  const auto found = value_function(coupled(quadratic(0)), number(-1), number(0), kOptions);
  ASSERT_TRUE(found.answered);
  EXPECT_NEAR(number(found.y), -2, 1e-10);
  EXPECT_EQ(number(found.multipliers), 0);
  EXPECT_NEAR(number(found.gradient), 0, 1e-9);
}

TEST(ValueFunction, SaysWhenItsStepsWereSpent) {
  ValueFunctionOptions few = kOptions;
  few.steps = 3;
  const auto found = value_function(coupled(quadratic(0)), number(1), number(0), few);
  EXPECT_FALSE(found.answered);
  EXPECT_EQ(found.steps, 3);
  EXPECT_GT(found.residual + found.violation, 1e-3);
}

TEST(ValueFunction, RefusesARateThatIsNone) {
  ValueFunctionOptions wrong = kOptions;
  wrong.dual_rate = 0;
  EXPECT_THROW((void)value_function(coupled(quadratic(0)), number(1), number(0), wrong), Error);
}

TEST(CoupledDescent, F2saWithItsMultipliersFindsTheAnswer) {
  // φ(x) = f(x, 3x) = (x − 1)²/2 + (3x − 1)²/2 is least at x = 0.4.
  const BilevelProblem problem = coupled(quadratic(1));
  constexpr double kGamma = 1e4;
  const at::Tensor x = number(1), y = number(3);
  const auto summary = descend(problem,
                               {.method = PenaltyMethod::f2sa,
                                .gamma = kGamma,
                                .inner = 400,
                                .rate = 0.02,
                                .inner_rate = 0.2,
                                .dual_rate = 0.2,
                                .steps = 2000,
                                .tolerance = 1e-7},
                               x, y);
  EXPECT_EQ(summary.status, PenaltyStatus::converged) << summary.message;
  EXPECT_NEAR(number(x), 0.4, 1e-3);
  EXPECT_NEAR(number(y), 1.2, 3e-3);
}

TEST(CoupledDescent, PbgdFreeKeepsOneSaddlePointAndMovesXByItsOwnPartAlone) {
  const BilevelProblem problem = coupled(quadratic(1));
  const at::Tensor x = number(0.5), y = number(1.5);
  const auto summary = descend(problem,
                               {.method = PenaltyMethod::pbgd_free,
                                .gamma = 1e4,
                                .inner = 50,
                                .rate = 0.02,
                                .inner_rate = 0.2,
                                .dual_rate = 0.2,
                                .steps = 4000,
                                .tolerance = 1e-8},
                               x, y);
  EXPECT_EQ(summary.status, PenaltyStatus::converged) << summary.message;
  EXPECT_NEAR(number(x), 1, 1e-6);  // where ∇_x f alone vanishes
  EXPECT_NEAR(number(y), 3, 1e-5);
}

TEST(CoupledDescent, AMethodThatMovesBothAtOnceRefusesAConstraint) {
  EXPECT_THROW(PenaltyDescent(coupled(quadratic(1)), {.method = PenaltyMethod::v_pbgd}, number(1), number(3)),
               AgreedError);
}

}  // namespace
}  // namespace lift
