#include "src/methods/step_projection.hpp"

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

class StepProjectionTest : public ::testing::Test {
 protected:
  WarmupOptions options_{.epochs = 2, .rate = 1e-2, .schedule = Schedule::cosine, .batch = 5};
  Communicator world_ = Communicator::world();
};

TEST_F(StepProjectionTest, ThatMovesNothingLeavesTheWarmUp) {
  Finetuned projected(world_);
  Tiny warm;
  Witness witness;
  const auto summary = train_projected(projected.state, options_, witness);
  warm_up(warm.objective, warm.regularizer, warm.lambda, warm.train, warm.valid, {}, options_, {}, world_);
  EXPECT_TRUE(projected.w().equal(warm.w()));
  EXPECT_EQ(summary.steps, 6);
  EXPECT_EQ(witness.gradients.size(), 6U);
  EXPECT_TRUE(witness.weights.back().equal(warm.w()));
}

TEST_F(StepProjectionTest, ShowsTheGradientOfTheLossAlone) {
  Finetuned tiny(world_);
  for (double& lambda : tiny.lambda) lambda = 10;
  const auto all = first_sequences(tiny.train.size());
  const auto expected = mean_gradient(tiny.objective, tiny.train, all, world_).gradient;
  Witness witness;
  options_ = {.epochs = 1, .clip = 1e-3, .batch = 12};
  train_projected(tiny.state, options_, witness);
  ASSERT_EQ(witness.gradients.size(), 1U);
  EXPECT_LT(relative_distance(witness.gradients[0], expected), 1e-12);
  EXPECT_TRUE(witness.weights[0].equal(tiny.w()));
}

TEST_F(StepProjectionTest, NoEpochsMoveNothing) {
  Finetuned tiny(world_);
  Witness witness;
  options_.epochs = 0;
  EXPECT_EQ(train_projected(tiny.state, options_, witness).steps, 0);
  EXPECT_TRUE(tiny.w().equal(tiny.pretrained));
}

TEST_F(StepProjectionTest, ALossThatIsNotFiniteLeavesTheLastGoodWeights) {
  Finetuned tiny(world_);
  Witness witness;
  options_.rate = 1e300;
  options_.clip = 0;
  const auto summary = train_projected(tiny.state, options_, witness);
  EXPECT_THAT(summary.message, HasSubstr("training ends at step 1"));
  EXPECT_TRUE(tiny.w().equal(tiny.pretrained));
}

TEST_F(StepProjectionTest, InvalidOptionsAreNamed) {
  Finetuned tiny(world_);
  Witness witness;
  options_.rate = 0;
  EXPECT_THROW(train_projected(tiny.state, options_, witness), AgreedError);
}

}  // namespace
}  // namespace lift
