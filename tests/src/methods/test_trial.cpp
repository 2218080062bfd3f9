#include "src/methods/trial.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "src/objective/distributed.hpp"
#include "tests/src/methods/method_fixture.hpp"

namespace lift {
namespace {

class TrialTest : public ::testing::Test {
 protected:
  Communicator world_ = Communicator::world();
  TrialOptions options_{.name = "trial", .steps = 12, .every = 3, .rate = 1e-2};
};

TEST_F(TrialTest, EndsAtTheIterateOfLeastSelectionLoss) {
  OverfittedTiny tiny(world_);
  at::Tensor w = tiny.w();
  w.copy_(tiny.pretrained);
  const SearchState state = tiny.state();
  options_.steps = 60;
  const TrialSummary done = run_trial(state, tiny.train, options_, true, {});
  ASSERT_EQ(done.losses.size(), 21u);
  EXPECT_EQ(done.losses.front().first, 0);
  EXPECT_EQ(done.losses.back().first, 1);
  double least = done.losses.front().second;
  for (const auto& [part, loss] : done.losses) least = std::min(least, loss);
  EXPECT_EQ(done.selection, least);
  EXPECT_LT(done.best_step, 60) << "the model is to overfit";
  const auto& set = state.select();
  EXPECT_EQ(mean_loss(tiny.objective, set, first_sequences(set.size()), world_), least);
  EXPECT_GT(done.last, least);
  EXPECT_TRUE(same_on_all_ranks(tiny.w(), world_));
}

TEST_F(TrialTest, IsAWarmUpStepForStep) {
  OverfittedTiny tiny(world_), other(world_);
  const std::int64_t epoch = 3;  // 12 sequences, 4 a batch
  options_.steps = 2 * epoch;
  run_trial(tiny.state(), tiny.train, options_, false, {});
  warm_up(other.objective, other.regularizer, other.lambda, other.train, other.valid, {},
          {.epochs = 2, .rate = 1e-2}, {}, world_);
  EXPECT_TRUE(tiny.w().equal(other.w()));
}

TEST_F(TrialTest, ThatDivergesLeavesTheBestThatWasMet) {
  OverfittedTiny tiny(world_);
  options_.rate = 1e300;
  const at::Tensor start = tiny.w().clone();
  const TrialSummary done = run_trial(tiny.state(), tiny.train, options_, true, {});
  EXPECT_EQ(done.best_step, 0);
  EXPECT_TRUE(std::isinf(done.last));
  EXPECT_TRUE(tiny.w().equal(start));
  EXPECT_NE(done.message.find("ends at step"), std::string::npos) << done.message;
}

TEST_F(TrialTest, GoesOnToTheSameBits) {
  const TempFolder folder(world_);
  const auto work = [&](const SearchState& state, const SearchObserver& observer) {
    run_trial(state, state.train, options_, true, observer);
  };
  const LeftEnd whole = run_in_sessions(-1, folder, world_, work);
  for (const int left_at : {1, 2, 5}) {
    const LeftEnd end = run_in_sessions(left_at, folder, world_, work);
    EXPECT_GT(end.sessions, 1);
    EXPECT_TRUE(end.w.equal(whole.w)) << left_at;
  }
}

TEST_F(TrialTest, JoinsTwoSets) {
  OverfittedTiny tiny(world_);
  const SequenceSet both = joined(tiny.train, tiny.valid);
  ASSERT_EQ(both.size(), tiny.train.size() + tiny.valid.size());
  EXPECT_TRUE(std::ranges::equal(both[0], tiny.train[0]));
  EXPECT_TRUE(std::ranges::equal(both[tiny.train.size()], tiny.valid[0]));
  EXPECT_THROW((void)joined(tiny.train, SequenceSet({1, 2, 3}, 3)), Error);
}

}  // namespace
}  // namespace lift
