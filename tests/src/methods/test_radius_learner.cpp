#include "src/methods/radius_learner.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "mpi/error.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// One that has begun at `radii` within wide bounds.
RadiusLearner begun(const std::vector<double>& radii, double rate) {
  RadiusLearner learner(radii.size(), rate);
  learner.begin(radii, std::vector(radii.size(), 100.0));
  return learner;
}

TEST(RadiusLearner, FirstStepIsTheRateAgainstTheSign) {
  RadiusLearner learner = begun({1.0, 1.0, 1.0}, 0.01);
  learner.step(std::vector{-3.4, 1e-8, 0.0});
  // m̂ = g, √v̂ = |g|: a step of rate·g/(|g| + 1e-8).
  EXPECT_NEAR(learner.radii()[0], 1 + 0.01 * 3.4 / (3.4 + 1e-8), 1e-15);
  EXPECT_NEAR(learner.radii()[1], 1 - 0.01 / 2, 1e-15);
  EXPECT_EQ(learner.radii()[2], 1.0);
}

TEST(RadiusLearner, SecondStepByHand) {
  RadiusLearner learner = begun({1.0}, 0.01);
  learner.step(std::vector{2.0});
  learner.step(std::vector{-1.0});
  const double m = (0.9 * 0.1 * 2.0 - 0.1 * 1.0) / (1 - 0.81);
  const double v = (0.999 * 0.001 * 4.0 + 0.001 * 1.0) / (1 - 0.999 * 0.999);
  EXPECT_NEAR(learner.radii()[0], 1 - 0.01 * 2 / (2 + 1e-8) - 0.01 * m / (std::sqrt(v) + 1e-8), 1e-14);
}

TEST(RadiusLearner, StepsThatCountAsDoneEnterTheBiasCorrection) {
  RadiusLearner learner(1, 0.01);
  learner.begin(std::vector{1.0}, std::vector{5.0}, 1);
  learner.step(std::vector{2.0});
  const double m = 0.1 * 2.0 / (1 - 0.81), v = 0.001 * 4.0 / (1 - 0.999 * 0.999);
  EXPECT_NEAR(learner.radii()[0], 1 - 0.01 * m / (std::sqrt(v) + 1e-8), 1e-14);
}

TEST(RadiusLearner, RadiiAreClippedToWhatTheirTensorsMoved) {
  RadiusLearner learner = begun({-1.0, 3.0, 0.5, 0.5}, 0.01);
  learner.clip(std::vector{2.0, 2.0, 2.0, 0.0});
  EXPECT_THAT(learner.radii(), ElementsAre(1e-8, 2.0, 0.5, 1e-8));
}

TEST(RadiusLearner, ATensorBeginsOnceItHasMoved) {
  RadiusLearner learner(2, 0.01);
  learner.begin(std::vector{1.0, 0.0}, std::vector{2.0, 0.0});
  EXPECT_THAT(learner.radii(), ElementsAre(1.0, kInfinity));
  learner.step(std::vector{1.0, 1.0});
  learner.clip(std::vector{2.0, 0.0});
  EXPECT_EQ(learner.radii()[1], kInfinity) << "neither frozen at the least radius nor moved";
  const double first = learner.radii()[0];
  learner.begin(std::vector{7.0, 3.0}, std::vector{8.0, 6.0});
  EXPECT_THAT(learner.radii(), ElementsAre(first, 3.0)) << "one that has begun is not begun again";
  learner.step(std::vector{0.0, 1.0});
  EXPECT_NEAR(learner.radii()[1], 3 - 0.01, 1e-9) << "its first step, whatever others have made";
}

TEST(RadiusLearner, GoesOnToTheSameBits) {
  RadiusLearner whole(3, 0.02);
  whole.begin(std::vector{1.0, 2.0, 0.0}, std::vector{5.0, 5.0, 0.0});
  whole.step(std::vector{0.3, -0.7, 0.0});
  Section section;
  whole.save(section);
  RadiusLearner left(3, 0.02);
  left.resume(section);
  for (RadiusLearner* learner : {&whole, &left}) {
    learner->begin(std::vector{1.0, 2.0, 4.0}, std::vector{5.0, 5.0, 5.0});
    learner->step(std::vector{-0.2, 0.1, 0.5});
  }
  EXPECT_EQ(left.radii(), whole.radii());
  RadiusLearner other(2, 0.02);
  EXPECT_THROW(other.resume(section), Error);
}

TEST(RadiusLearner, RanksShareTheRadiiOfTheFirst) {
  const Communicator world = Communicator::world();
  RadiusLearner learner = begun({1.0 + world.rank(), 2.0}, 0.01);
  learner.share(world);
  EXPECT_THAT(learner.radii(), ElementsAre(1.0, 2.0));
}

TEST(RadiusLearner, ADerivativeThatIsNotFiniteEndsAllRanks) {
  const Communicator world = Communicator::world();
  for (const double slope : {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity}) {
    RadiusLearner learner = begun({1.0}, 0.01);
    learner.step(std::vector{slope});
    learner.clip(std::vector{2.0});
    EXPECT_THROW(learner.share(world), AgreedError);
  }
}

}  // namespace
}  // namespace lift
