#include "src/methods/flatness.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "mpi/error.hpp"
#include "src/methods/flatness_report.hpp"
#include "tests/src/methods/bilevel_toys.hpp"

namespace lift {
namespace {

using namespace toys;

TEST(Flatness, OfALipschitzFunctionIsItsClosedForm) {
  const double slope = 0.3, modulus = 0.7;
  EXPECT_NEAR(lipschitz_delta(slope, 1.5, modulus), 4.0 / 27 * std::pow(slope, 3) / (modulus * modulus),
              1e-15);
  EXPECT_NEAR(lipschitz_delta(slope, 2, modulus), slope * slope / (4 * modulus), 1e-15);
  EXPECT_EQ(lipschitz_delta(0, 1.5, modulus), 0);
}

TEST(Flatness, OfThePreferencesIsThatOfTheirSlope) {
  const BilevelProblem problem = Preferences::problem();
  FlatnessMeter meter(1.5, 0.5);
  for (int k = 0; k <= 2400; ++k) {
    const double x = -7 + k * 0.005, y = Preferences::follow(x, 1e300);
    meter.add(problem, number(x), number(y), number(y), 0);
  }
  EXPECT_NEAR(meter.slope(), 0.1341, 5e-5);
  EXPECT_NEAR(meter.delta_of_slope(), 1.430e-3, 2e-6);
  EXPECT_EQ(meter.delta(), 0);  // y = y_g asks for nothing
  EXPECT_EQ(meter.pairs(), 2401);
}

TEST(Flatness, OfThePreferencesAlongTheirPenalisedAnswersAsksForNothing) {
  const BilevelProblem problem = Preferences::problem();
  FlatnessMeter meter(1.5, 0.5);
  for (int k = 0; k <= 240; ++k) {
    const double x = -7 + k * 0.05;
    meter.add(problem, number(x), number(Preferences::follow(x, 1e300)), number(Preferences::follow(x, 16)),
              0);
  }
  EXPECT_EQ(meter.delta(), 0);
}

TEST(Flatness, FindsWhatATiltedFunctionNeeds) {
  FlatnessMeter meter(1.5, 1);
  const double step = 5.0 / 15;
  meter.add(tilted(), number(0), number(-1), number(-1 - step), 0);
  EXPECT_NEAR(meter.delta(), 10 * step - std::pow(step, 1.5), 1e-12);
  EXPECT_NEAR(meter.slope(), 10, 1e-12);
  EXPECT_LT(meter.delta(), meter.delta_of_slope());
}

TEST(Flatness, RefusesAnExponentThatIsNone) {
  EXPECT_THROW(FlatnessMeter(1, 0.5), Error);
  EXPECT_THROW(FlatnessMeter(1.5, 0), Error);
}

TEST(Flatness, RefusesAPairThatIsNotFinite) {
  FlatnessMeter meter(1.5, 1);
  EXPECT_THROW(meter.add(tilted(), number(0), number(NAN), number(0), 0), AgreedError);
  EXPECT_EQ(meter.pairs(), 0);
  EXPECT_EQ(meter.delta(), 0);
}

/// f = slope·y and g = y²/2, whose answer is one step of rate 1 away.
BilevelProblem ramp(double slope) {
  const Function f{[=](double, double y) { return slope * y; }, [](double, double) { return 0.0; },
                   [=](double, double) { return slope; }};
  const Function g{[](double, double y) { return y * y / 2; }, [](double, double) { return 0.0; },
                   [](double, double y) { return y; }};
  return {f.partials(), g.partials()};
}

TEST(FlatnessReport, OfATiltedFunctionIsThatByHand) {
  const at::Tensor x = number(0), y = number(-4.0 / 3);
  const FlatnessSummary found = measure_flatness(tilted(), x, y, {.pairs = 2, .steps = 2, .rate = 0.25}, 0);
  // y_g = −1: the steps shrink y − y_g by 1 − 2·0.25 and 1 − 2·0.125.
  const double way = (1 - 0.5 * 0.75) / 3;
  EXPECT_NEAR(found.distance, way, 1e-14);
  EXPECT_NEAR(found.residual, 2 * 0.5 / 3, 1e-14);
  EXPECT_NEAR(found.delta, 10 * way - 0.5 * std::pow(way, 1.5), 1e-12);
  EXPECT_NEAR(found.slope, 10, 1e-14);
  EXPECT_NEAR(found.delta_of_slope, 4.0 / 27 * 1000 / 0.25, 1e-9);
  EXPECT_EQ(found.pairs, 2);
  EXPECT_EQ(number(x), 0);
  EXPECT_EQ(number(y), -4.0 / 3);
}

TEST(FlatnessReport, LooksBetweenTheDescentAndTheAnswerToo) {
  const double slope = 0.3, away = 0.64;  // slope·s − s^1.5/2 is largest at s = 0.16
  const auto delta = [&](int pairs) {
    return measure_flatness(ramp(slope), number(0), number(away), {.pairs = pairs, .steps = 1, .rate = 1}, 0)
        .delta;
  };
  EXPECT_NEAR(delta(3), lipschitz_delta(slope, 1.5, 0.5), 1e-14);
  EXPECT_EQ(delta(1), 0);
}

TEST(FlatnessReport, OfThePreferencesIsThatOfTheirAnswer) {
  const double x = 1, y = Preferences::follow(x, 16), answer = Preferences::follow(x, 1e300);
  const FlatnessSummary found = measure_flatness(Preferences::problem(), number(x), number(y),
                                                 {.pairs = 3, .steps = 2000, .rate = 5}, 0);
  EXPECT_NEAR(found.distance, std::abs(y - answer), 1e-8);
  EXPECT_NEAR(found.slope, 0.02 * std::abs(answer), 1e-9);
  EXPECT_LT(found.residual, 1e-8);
}

TEST(FlatnessReport, HasDrawsOfItsOwn) {
  std::vector<std::int64_t> upper, lower;
  BilevelProblem problem = ramp(1);
  const auto noting = [](PartialGradients function, std::vector<std::int64_t>& draws) -> PartialGradients {
    return [function = std::move(function), &draws](const at::Tensor& x, const at::Tensor& y, Partial which,
                                                    std::int64_t draw) {
      draws.push_back(draw);
      return function(x, y, which, draw);
    };
  };
  problem.upper = noting(problem.upper, upper);
  problem.lower = noting(problem.lower, lower);
  std::vector<std::int64_t> done;
  measure_flatness(problem, number(0), number(1), {.pairs = 2, .steps = 3, .rate = 0.1}, 40,
                   [&](std::int64_t so_far, std::int64_t total) {
                     EXPECT_EQ(total, 5);
                     done.push_back(so_far);
                   });
  EXPECT_EQ(lower, (std::vector<std::int64_t>{40, 41, 42}));
  EXPECT_EQ(upper, (std::vector<std::int64_t>{43, 43, 44, 44}));
  EXPECT_EQ(done, (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
}

TEST(FlatnessReport, WhatIsNotFiniteIsSaidAndRefusalsAreThrown) {
  BilevelProblem problem = ramp(1);
  const FlatnessSummary none = measure_flatness(problem, number(0), number(NAN), {.pairs = 2, .steps = 3}, 0);
  EXPECT_EQ(none.pairs, 0);
  EXPECT_NE(none.message.find("not finite in step 1"), std::string::npos) << none.message;
  EXPECT_THROW(measure_flatness(problem, number(0), number(1), {.pairs = 2, .steps = 0}, 0), AgreedError);
  problem.constraint.emplace();
  EXPECT_THROW(measure_flatness(problem, number(0), number(1), {.pairs = 2}, 0), AgreedError);
}

}  // namespace
}  // namespace lift
