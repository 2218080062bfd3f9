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
  /// A training of `tiny` with the projection that is returned.
  std::unique_ptr<TrainableProjection> train(Finetuned& tiny) {
    auto projection = tpgm_projection(tiny.state, options_);
    summary_ = train_projected(tiny.state, training_, *projection);
    return projection;
  }
  static std::vector<TensorRadius> radii(const Finetuned& tiny, const TrainableProjection& projection) {
    return projection.report(tiny.tuned.layout().tensors());
  }
  TrialSummary summary_;
  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
};

TEST_F(TpgmTraining, CountsWhatTheScheduleSays) {
  Finetuned tiny(world_);
  const auto projection = train(tiny);
  EXPECT_EQ(projection->counts().steps, 9);
  EXPECT_EQ(projection->counts().gradients, 5 * 3) << "after steps 1, 3, 5, 7 and 9";
  EXPECT_EQ(projection->counts().projections, 9);
  EXPECT_TRUE(std::isfinite(projection->loss()));

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
    const auto learned = radii(tiny, *train(tiny));
    const RadialProjection projection(tiny.tuned.layout().tensors(), norm);
    const auto largest = projection.largest(projection.norms(tiny.w(), tiny.pretrained));
    for (std::size_t k = 0; k < largest.size(); ++k) {
      const TensorRadius& tensor = learned[k];
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
  train(tiny);
  warm_up(warm.objective, warm.regularizer, warm.lambda, warm.train, warm.valid, {}, training_, {}, world_);
  const double moved = (tiny.w() - tiny.pretrained).norm().item().toDouble();
  EXPECT_GT(moved, 0);
  EXPECT_LT(moved, (warm.w() - tiny.pretrained).norm().item().toDouble());
}

TEST_F(TpgmTraining, WithEveryTensorExcludedIsTheWarmUp) {
  Finetuned tiny(world_);
  Tiny warm;
  options_.excluded = tiny.tuned.layout().names();
  const auto learned = radii(tiny, *train(tiny));
  warm_up(warm.objective, warm.regularizer, warm.lambda, warm.train, warm.valid, {}, training_, {}, world_);
  EXPECT_TRUE(tiny.w().equal(warm.w()));
  for (const TensorRadius& tensor : learned) EXPECT_EQ(tensor.status, RadiusStatus::excluded);
}

TEST_F(TpgmTraining, FrozenTensorsKeepTheirBits) {
  Finetuned tiny(world_);
  const auto before = tiny.frozen();
  train(tiny);
  for (const auto& [name, tensor] : before) EXPECT_TRUE(tiny.model.tensor(name).equal(tensor)) << name;
}

TEST_F(TpgmTraining, AnyNumberOfRanksTrainsTheSame) {
  for (const auto norm : {RadialNorm::l2, RadialNorm::mars}) {
    options_.norm = norm;
    Finetuned together(world_), alone(self_);
    const auto here = radii(together, *train(together)), there = radii(alone, *train(alone));
    EXPECT_LT(relative_distance(together.w(), alone.w()), 1e-10);
    EXPECT_TRUE(same_on_all_ranks(together.w(), world_));
    for (std::size_t k = 0; k < here.size(); ++k)
      EXPECT_NEAR(here[k].radius, there[k].radius, 1e-10 * there[k].radius);
  }
}

TEST_F(TpgmTraining, NoEpochsMoveNothingAndLearnNothing) {
  Finetuned tiny(world_);
  training_.epochs = 0;
  const auto projection = train(tiny);
  EXPECT_TRUE(tiny.w().equal(tiny.pretrained));
  EXPECT_EQ(projection->counts().gradients, 0);
  EXPECT_TRUE(std::isnan(projection->loss()));
  for (const TensorRadius& tensor : radii(tiny, *projection)) EXPECT_EQ(tensor.status, RadiusStatus::unmoved);
}

TEST_F(TpgmTraining, ALossThatIsNotFiniteLeavesTheLastGoodWeights) {
  Finetuned tiny(world_);
  training_.rate = 1e300;
  training_.clip = 0;
  train(tiny);
  EXPECT_THAT(summary_.message, HasSubstr("training ends at step"));
  EXPECT_TRUE(tiny.w().equal(tiny.pretrained));
}

}  // namespace
}  // namespace lift
