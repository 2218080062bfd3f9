// TPGM during a fine-tuning of the small GPT-2.
#include <gmock/gmock.h>

#include <cmath>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/methods/tpgm.hpp"
#include "tests/src/methods/toys.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

class TpgmTraining : public ::testing::Test {
 protected:
  WarmupOptions training_{.epochs = 3, .rate = 1e-2, .batch = 5};  // 9 steps
  TpgmOptions options_{.every = 2, .updates = 3, .rate = 1e-2, .batch = 4, .seed = 7};
  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
};

TEST_F(TpgmTraining, CountsWhatTheScheduleSays) {
  Finetuned tiny(world_);
  std::vector<TpgmProgress> told;
  const auto summary = tpgm_train(tiny.state, training_, options_,
                                  [&](const TpgmProgress& progress) { told.push_back(progress); });
  EXPECT_EQ(summary.counts.steps, 9);
  EXPECT_EQ(summary.counts.gradients, 5 * 3) << "after steps 1, 3, 5, 7 and 9";
  EXPECT_EQ(summary.counts.projections, 9);
  ASSERT_EQ(told.size(), 9U);
  EXPECT_EQ(told.back().done, 9);
  EXPECT_EQ(told.back().total, 9);
  EXPECT_EQ(told[1].radius_loss, told[0].radius_loss) << "no update in between";
  EXPECT_NE(told[2].radius_loss, told[1].radius_loss);
  EXPECT_EQ(told.back().radius_loss, summary.loss);

  // 3 epochs of 12 sequences, and 15 validation batches: 5 epochs of 9.
  double sequences = 0;
  for (const double of_rank :
       gather_values(static_cast<double>(tiny.objective.work().gradient_sequences), world_))
    sequences += of_rank;
  EXPECT_EQ(sequences, 3 * 12 + 5 * 9);
}

TEST_F(TpgmTraining, EndsWithinItsRadii) {
  for (const auto norm : {RadialNorm::l2, RadialNorm::mars}) {
    Finetuned tiny(world_);
    options_.norm = norm;
    const auto summary = tpgm_train(tiny.state, training_, options_, {});
    const RadialProjection projection(tiny.tuned.layout().tensors(), norm);
    const auto largest = projection.largest(projection.norms(tiny.w(), tiny.pretrained));
    for (std::size_t k = 0; k < largest.size(); ++k) {
      const TensorRadius& tensor = summary.radii[k];
      ASSERT_EQ(tensor.status, RadiusStatus::learned);
      EXPECT_LE(largest[k], tensor.radius * (1 + 1e-12)) << tensor.name;
      EXPECT_NEAR(tensor.ratio, std::min(1.0, tensor.radius / tensor.distance), 1e-6);
      EXPECT_GT(tensor.start_norm, 0);
    }
  }
}

TEST_F(TpgmTraining, ConstrainsWhatTheWarmUpDoesNot) {
  Finetuned tiny(world_);
  Tiny warm;
  tpgm_train(tiny.state, training_, options_, {});
  warm_up(warm.objective, warm.regularizer, warm.lambda, warm.train, warm.valid, {}, training_, {}, world_);
  const double moved = (tiny.w() - tiny.pretrained).norm().item().toDouble();
  EXPECT_GT(moved, 0);
  EXPECT_LT(moved, (warm.w() - tiny.pretrained).norm().item().toDouble());
}

TEST_F(TpgmTraining, WithEveryTensorExcludedIsTheWarmUp) {
  Finetuned tiny(world_);
  Tiny warm;
  options_.excluded = tiny.tuned.layout().names();
  const auto summary = tpgm_train(tiny.state, training_, options_, {});
  warm_up(warm.objective, warm.regularizer, warm.lambda, warm.train, warm.valid, {}, training_, {}, world_);
  EXPECT_TRUE(tiny.w().equal(warm.w()));
  for (const TensorRadius& tensor : summary.radii) EXPECT_EQ(tensor.status, RadiusStatus::excluded);
}

TEST_F(TpgmTraining, FrozenTensorsKeepTheirBits) {
  Finetuned tiny(world_);
  const auto before = tiny.frozen();
  tpgm_train(tiny.state, training_, options_, {});
  for (const auto& [name, tensor] : before) EXPECT_TRUE(tiny.model.tensor(name).equal(tensor)) << name;
}

TEST_F(TpgmTraining, AnyNumberOfRanksTrainsTheSame) {
  for (const auto norm : {RadialNorm::l2, RadialNorm::mars}) {
    options_.norm = norm;
    Finetuned together(world_), alone(self_);
    const auto here = tpgm_train(together.state, training_, options_, {});
    const auto there = tpgm_train(alone.state, training_, options_, {});
    EXPECT_LT(relative_distance(together.w(), alone.w()), 1e-10);
    EXPECT_TRUE(same_on_all_ranks(together.w(), world_));
    for (std::size_t k = 0; k < here.radii.size(); ++k)
      EXPECT_NEAR(here.radii[k].radius, there.radii[k].radius, 1e-10 * there.radii[k].radius);
  }
}

TEST_F(TpgmTraining, NoEpochsMoveNothingAndLearnNothing) {
  Finetuned tiny(world_);
  training_.epochs = 0;
  const auto summary = tpgm_train(tiny.state, training_, options_, {});
  EXPECT_TRUE(tiny.w().equal(tiny.pretrained));
  EXPECT_EQ(summary.counts.gradients, 0);
  EXPECT_TRUE(std::isnan(summary.loss));
  for (const TensorRadius& tensor : summary.radii) EXPECT_EQ(tensor.status, RadiusStatus::unmoved);
}

TEST_F(TpgmTraining, ALossThatIsNotFiniteLeavesTheLastGoodWeights) {
  Finetuned tiny(world_);
  training_.rate = 1e300;
  training_.clip = 0;
  try {
    tpgm_train(tiny.state, training_, options_, {});
    FAIL() << "expected an AgreedError";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_THAT(error.what(), HasSubstr("tpgm stopped after step 0 of 9"));
  }
  EXPECT_TRUE(tiny.w().equal(tiny.pretrained));
}

}  // namespace
}  // namespace lift
