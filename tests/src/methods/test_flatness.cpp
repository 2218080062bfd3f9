#include "src/methods/flatness.hpp"

#include <gtest/gtest.h>

#include "mpi/error.hpp"
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

}  // namespace
}  // namespace lift
