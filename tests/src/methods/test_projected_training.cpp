#include "src/methods/projected_training.hpp"

#include <gmock/gmock.h>

#include "mpi/error.hpp"
#include "tests/src/methods/toys.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

/// One that moves nothing, and keeps what it is shown.
class Witness : public StepProjection {
 public:
  void see_gradient(const at::Tensor& gradient) override { gradients.push_back(gradient.clone()); }
  void after_step(at::Tensor& w) override { weights.push_back(w.clone()); }
  void save(Section&) const override {}
  void resume(const Section&) override {}
  [[nodiscard]] std::vector<TensorRadius> report(const std::vector<TunedTensor>&) const override {
    return {};
  }
  std::vector<at::Tensor> gradients, weights;
};

class ProjectedTrainingTest : public ::testing::Test {
 protected:
  WarmupOptions options_{.epochs = 2, .rate = 1e-2, .schedule = Schedule::cosine, .batch = 5};
  Communicator world_ = Communicator::world();
};

TEST_F(ProjectedTrainingTest, WithoutAProjectionIsTheWarmUp) {
  Finetuned projected(world_);
  Tiny warm;
  Witness witness;
  std::vector<ProjectedStep> told;
  const auto summary = train_projected(projected.state, options_, "test", witness,
                                       [&](const ProjectedStep& step) { told.push_back(step); });
  std::vector<WarmupStep> expected;
  WarmupObserver observer;
  observer.on_step = [&](const WarmupStep& step) { expected.push_back(step); };
  warm_up(warm.objective, warm.regularizer, warm.lambda, warm.train, warm.valid, {}, options_, observer,
          world_);
  EXPECT_TRUE(projected.w().equal(warm.w()));
  ASSERT_EQ(told.size(), expected.size());
  double total = 0;
  for (std::size_t k = 0; k < told.size(); ++k) {
    EXPECT_EQ(told[k].step, expected[k].step);
    EXPECT_EQ(told[k].steps, expected[k].steps);
    EXPECT_EQ(told[k].loss, expected[k].loss);
    EXPECT_EQ(told[k].gradient_norm, expected[k].gradient_norm);
    total += expected[k].loss;
  }
  EXPECT_EQ(summary.steps, 6);
  EXPECT_NEAR(summary.loss, total / 6, 1e-12);
}

TEST_F(ProjectedTrainingTest, ShowsTheGradientOfTheLossAlone) {
  Finetuned tiny(world_);
  for (double& lambda : tiny.lambda) lambda = 10;
  const auto all = first_sequences(tiny.train.size());
  const auto expected = mean_gradient(tiny.objective, tiny.train, all, world_).gradient;
  Witness witness;
  options_ = {.epochs = 1, .clip = 1e-3, .batch = 12};
  train_projected(tiny.state, options_, "test", witness, {});
  ASSERT_EQ(witness.gradients.size(), 1U);
  EXPECT_LT(relative_distance(witness.gradients[0], expected), 1e-12);
  EXPECT_TRUE(witness.weights[0].equal(tiny.w()));
}

TEST_F(ProjectedTrainingTest, NoEpochsMoveNothing) {
  Finetuned tiny(world_);
  Witness witness;
  options_.epochs = 0;
  EXPECT_EQ(train_projected(tiny.state, options_, "test", witness, {}).steps, 0);
  EXPECT_TRUE(tiny.w().equal(tiny.pretrained));
}

TEST_F(ProjectedTrainingTest, ALossThatIsNotFiniteLeavesTheLastGoodWeights) {
  Finetuned tiny(world_);
  Witness witness;
  options_.rate = 1e300;
  options_.clip = 0;
  try {
    train_projected(tiny.state, options_, "test", witness, {});
    FAIL() << "expected an AgreedError";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_THAT(error.what(), HasSubstr("test stopped after step 1 of 6"));
  }
  EXPECT_TRUE(tiny.w().equal(tiny.pretrained));
}

TEST_F(ProjectedTrainingTest, InvalidOptionsAreNamed) {
  Finetuned tiny(world_);
  Witness witness;
  options_.batch = 0;
  EXPECT_THROW(train_projected(tiny.state, options_, "test", witness, {}), AgreedError);
}

}  // namespace
}  // namespace lift
