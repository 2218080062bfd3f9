#include "src/training/corrector.hpp"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>

#include <limits>

#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/text/batches.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

class CorrectorTest : public ::testing::Test {
 protected:
  CorrectorSummary run(Tiny& tiny, const CorrectorOptions& options, const Communicator& comm) {
    return correct(tiny.objective, tiny.regularizer, tiny.lambda, tiny.train, options, {}, comm);
  }
  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
};

TEST_F(CorrectorTest, EpochsAreAsManyStepsAsBatches) {
  Tiny tiny;
  const CorrectorOptions options{.epochs = 2, .rate = 1e-3, .batch = 5};
  EXPECT_EQ(run(tiny, options, world_).steps, 2 * 3);  // 12 sequences
}

TEST_F(CorrectorTest, IsAdamWithFreshMomentsAndARateThatFallsToZero) {
  Tiny tiny, reference;
  const CorrectorOptions options{.steps = 4, .rate = 1e-2, .batch = 12};
  const auto summary = run(tiny, options, world_);
  Trainer trainer(reference.objective, reference.regularizer, reference.lambda, reference.train, 1.0,
                  TrainingPrecision::model, self_);
  const auto all = first_sequences(12);
  double total = 0;
  for (const double rate : {1e-2, 7.5e-3, 5e-3, 2.5e-3}) total += trainer.step(all, rate).loss;
  EXPECT_LT(relative_distance(tiny.w(), reference.w()), 1e-9);
  EXPECT_NEAR(summary.loss, total / 4, 1e-9);
}

TEST_F(CorrectorTest, NoStepsMoveNothing) {
  Tiny tiny;
  const auto before = tiny.w().clone();
  EXPECT_EQ(run(tiny, {.steps = 0}, world_).steps, 0);
  EXPECT_TRUE(tiny.w().equal(before));
}

TEST_F(CorrectorTest, StagesMeetTheSequencesInDifferentOrder) {
  Tiny first, again, second;
  run(first, {.steps = 2, .rate = 1e-2, .stage = 0}, world_);
  run(again, {.steps = 2, .rate = 1e-2, .stage = 0}, world_);
  run(second, {.steps = 2, .rate = 1e-2, .stage = 1}, world_);
  EXPECT_TRUE(first.w().equal(again.w()));
  EXPECT_FALSE(first.w().equal(second.w()));
}

TEST_F(CorrectorTest, AnyNumberOfRanksCorrectsTheSame) {
  Tiny together, alone;
  const CorrectorOptions options{.steps = 5, .rate = 1e-2};
  run(together, options, world_);
  run(alone, options, self_);
  EXPECT_LT(relative_distance(together.w(), alone.w()), 1e-9);
  EXPECT_TRUE(same_on_all_ranks(together.w(), world_));
}

TEST_F(CorrectorTest, ALossThatIsNotFiniteLeavesTheLastGoodWeights) {
  Tiny tiny;
  try {
    run(tiny, {.steps = 5, .rate = 1e300, .clip = 0}, world_);
    FAIL() << "expected an AgreedError";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_THAT(error.what(), HasSubstr("corrector stopped after step 1 of 5"));
  }
  EXPECT_TRUE(tiny.w().isfinite().all().item().toBool());
}

TEST_F(CorrectorTest, InvalidOptionsAreNamed) {
  EXPECT_EQ(CorrectorOptions{}.violation(), "");
  EXPECT_THAT((CorrectorOptions{.steps = -3}).violation(), HasSubstr("steps = -3"));
  EXPECT_THAT((CorrectorOptions{.epochs = -1}).violation(), HasSubstr("epochs = -1"));
  EXPECT_THAT((CorrectorOptions{.rate = 0}).violation(), HasSubstr("rate = 0"));
  EXPECT_THAT((CorrectorOptions{.clip = -1}).violation(), HasSubstr("clip = -1"));
  EXPECT_THAT((CorrectorOptions{.batch = 0}).violation(), HasSubstr("batch = 0"));
}

}  // namespace
}  // namespace lift
