#include "src/methods/trainable_projection.hpp"

#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <limits>
#include <memory>

#include "mpi/error.hpp"
#include "tests/src/methods/toys.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Three tensors of a toy whose loss is a quadratic.
class TrainableProjectionTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kSize = 6 + 2 + 4;
  static std::vector<TunedTensor> tensors() {
    return tensors_of({{"h.0.mlp.c_fc.weight", {3, 2}}, {"h.0.mlp.c_fc.bias", {2}}, {"wpe.weight", {2, 2}}});
  }
  TrainableProjection projection(const TpgmOptions& options) {
    const auto loss = [this](const at::Tensor& projected, std::int64_t draw) {
      draws_.push_back(draw);
      if (fails_) throw AgreedError(ExitCode::numerical, "a loss is not finite");
      return quadratic_(projected);
    };
    return {RadialProjection(tensors(), options.norm, options.excluded), start_, options, loss, world_};
  }
  Communicator world_ = Communicator::world();
  Quadratic quadratic_{normals(kSize * kSize, 5).view({kSize, kSize}), normals(kSize, 6)};
  at::Tensor start_ = normals(kSize, 1), theta_ = start_ + normals(kSize, 2);
  std::vector<std::int64_t> draws_;
  bool fails_ = false;
};

TEST_F(TrainableProjectionTest, TheScheduleCallsTheLossAsOftenAsItSays) {
  auto every_third = projection({.every = 3, .updates = 2});
  for (int step = 0; step < 7; ++step) {
    const auto before = every_third.counts().gradients;
    every_third.after_step(theta_);
    EXPECT_EQ(every_third.counts().gradients - before, step % 3 == 0 ? 2 : 0) << step;
    theta_ += normals(kSize, 10 + static_cast<std::uint64_t>(step));
  }
  EXPECT_EQ(every_third.counts().steps, 7);
  EXPECT_EQ(every_third.counts().gradients, 6);
  EXPECT_EQ(every_third.counts().projections, 7);
  EXPECT_THAT(draws_, ElementsAre(0, 1, 2, 3, 4, 5)) << "a batch each";
}

TEST_F(TrainableProjectionTest, StepsWithoutUpdatesProjectWithThePresentRadii) {
  auto rarely = projection({.every = 100});
  rarely.after_step(theta_);
  const auto radii = rarely.radii();
  theta_ += normals(kSize, 10) * 5;
  rarely.after_step(theta_);
  EXPECT_EQ(rarely.radii(), radii);
  const RadialProjection mars(tensors(), RadialNorm::mars);
  const auto largest = mars.largest(mars.norms(theta_, start_));
  for (std::size_t k = 0; k < radii.size(); ++k) EXPECT_NEAR(largest[k], radii[k], 1e-7);
}

TEST_F(TrainableProjectionTest, AnUpdatePutsTheWeightsBackToTheLastBit) {
  auto learner = projection({});
  const auto before = theta_.clone();
  learner.update(theta_);
  EXPECT_TRUE(theta_.equal(before));
  learner.project(theta_);
  EXPECT_FALSE(theta_.equal(before));
}

TEST_F(TrainableProjectionTest, FirstUpdateIsHalfOfTheLeastRowAndAStepOfTheRate) {
  const RadialProjection mars(tensors(), RadialNorm::mars);
  const auto initial = mars.initial_radii(mars.norms(theta_, start_));
  auto learner = projection({.rate = 1e-3});
  learner.update(theta_);
  for (std::size_t k = 0; k < initial.size(); ++k) {
    const double slope = learner.radius_gradient()[k];
    EXPECT_NEAR(learner.radii()[k], initial[k] - (slope > 0 ? 1e-3 : -1e-3), 1e-9);
  }
}

TEST_F(TrainableProjectionTest, ALossThatThrowsLeavesTheWeights) {
  auto learner = projection({});
  const auto before = theta_.clone();
  fails_ = true;
  EXPECT_THROW(learner.after_step(theta_), AgreedError);
  EXPECT_TRUE(theta_.equal(before));
}

TEST_F(TrainableProjectionTest, AGradientThatIsNotFiniteLeavesTheWeights) {
  quadratic_.target[0] = std::numeric_limits<double>::infinity();
  auto learner = projection({});
  const auto before = theta_.clone();
  EXPECT_THROW(learner.after_step(theta_), AgreedError);
  EXPECT_TRUE(theta_.equal(before));
}

TEST_F(TrainableProjectionTest, ATensorThatHasNotMovedIsLeftAloneUntilItDoes) {
  at::Tensor bias = theta_.narrow(0, 6, 2);
  bias.copy_(start_.narrow(0, 6, 2));
  auto learner = projection({});
  learner.after_step(theta_);
  EXPECT_TRUE(bias.equal(start_.narrow(0, 6, 2)));
  auto report = learner.report(tensors());
  EXPECT_EQ(report[0].status, RadiusStatus::learned);
  EXPECT_EQ(report[1].status, RadiusStatus::unmoved);
  bias.add_(2.0);
  learner.after_step(theta_);
  report = learner.report(tensors());
  EXPECT_EQ(report[1].status, RadiusStatus::learned);
  EXPECT_NEAR(report[1].radius, 2.0, 0.011) << "half of the norm 4, and one step of the rate";
}

TEST_F(TrainableProjectionTest, ExcludedTensorsKeepTheirBits) {
  const auto before = theta_.clone();
  auto learner = projection({.updates = 3, .excluded = {"c_fc.weight"}});
  for (int step = 0; step < 4; ++step) learner.after_step(theta_);
  EXPECT_TRUE(theta_.narrow(0, 0, 6).equal(before.narrow(0, 0, 6)));
  EXPECT_FALSE(theta_.narrow(0, 6, 6).equal(before.narrow(0, 6, 6)));
  EXPECT_EQ(learner.report(tensors())[0].status, RadiusStatus::excluded);
}

TEST(TpgmOptions, InvalidOnesAreNamed) {
  EXPECT_EQ(TpgmOptions{}.violation(), "");
  EXPECT_EQ(TpgmOptions::once().violation(), "");
  EXPECT_THAT((TpgmOptions{.every = 0}).violation(), HasSubstr("every = 0"));
  EXPECT_THAT((TpgmOptions{.updates = 0}).violation(), HasSubstr("updates = 0"));
  EXPECT_THAT((TpgmOptions{.rate = 0}).violation(), HasSubstr("rate = 0"));
  EXPECT_THAT((TpgmOptions{.batch = 0}).violation(), HasSubstr("batch = 0"));
}

}  // namespace
}  // namespace lift
