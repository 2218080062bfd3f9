#include "src/search/recovery.hpp"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>

#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/holdout.hpp"
#include "src/search/hyperlocal.hpp"
#include "src/training/warmup.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;

/// A model that has left its first weights far behind for 12 training sequences.
class RecoveryTest : public ::testing::Test {
 protected:
  struct Overfitted : Tiny {
    Overfitted() : pretrained(w().clone()) {
      const WarmupOptions options{.epochs = 40, .rate = 1e-2};
      warm_up(objective, regularizer, lambda, train, valid, {}, options, {}, Communicator::self());
      regularizer = Regularizer(tuned.layout(), pretrained);
    }
    at::Tensor pretrained;
  };
  SearchState state(Overfitted& tiny, const Communicator& comm) {
    return {tiny.objective, tiny.regularizer, tiny.train, tiny.valid,     tiny.lambda,
            comm,           timers_,          nullptr,    tiny.pretrained};
  }
  static SearchOptions options(std::int64_t corrector_steps) {
    SearchOptions options;
    options.batch = 4;
    options.rounds = 0;
    options.recovery.interpolate = true;
    options.recovery.corrector = {.steps = corrector_steps, .rate = 3e-3};
    return options;
  }
  SearchObserver watching() {
    SearchObserver observer;
    observer.on_stage = [this](const StageSummary& stage) { stages_.push_back(stage); };
    return observer;
  }
  [[nodiscard]] static double valid_loss(const Tiny& tiny) {
    return mean_loss(tiny.objective, tiny.valid, first_sequences(tiny.valid.size()), Communicator::self());
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& stage : stages_) names.push_back(stage.name);
    return names;
  }

  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
  PhaseTimers timers_;
  std::vector<StageSummary> stages_;
};

TEST_F(RecoveryTest, InterpolationStopsOnTheLineToThePretrainedWeights) {
  Overfitted tiny;
  const auto start = tiny.w().clone();
  const double before = valid_loss(tiny);
  hyperlocal_search(state(tiny, world_), options(0), watching());
  ASSERT_THAT(names(), ElementsAre("interpolation"));
  const double t = stages_[0].t;
  EXPECT_GT(t, 0.0);
  EXPECT_LE(t, 1.0);
  EXPECT_LT(relative_distance(tiny.w(), start + t * (tiny.pretrained - start)), 1e-12);
  EXPECT_LT(valid_loss(tiny), before);
  EXPECT_NEAR(valid_loss(tiny), stages_[0].selection, 1e-12);
  EXPECT_LE(stages_[0].losses.size(), 9u);
}

TEST_F(RecoveryTest, TheCorrectorStartsBeyondTheBestStep) {
  Overfitted tiny, reference;
  auto several = options(5);
  hyperlocal_search(state(tiny, world_), several, watching());
  ASSERT_THAT(names(), ElementsAre("interpolation", "corrector"));
  const double t = std::min(1.0, 1.5 * stages_[0].t);
  at::Tensor w = reference.w();
  w.add_(reference.pretrained - w, t);
  correct(reference.objective, reference.regularizer, reference.lambda, reference.train,
          several.recovery.corrector, {}, self_);
  EXPECT_NEAR(stages_[1].selection, valid_loss(reference), 1e-10);
}

TEST_F(RecoveryTest, ReturnsTheBestIterateAndNotTheLast) {
  Overfitted tiny;
  auto wild = options(20);
  wild.recovery.corrector.rate = 100.0;  // ruins whatever it starts from
  EXPECT_EQ(hyperlocal_search(state(tiny, world_), wild, watching()).kept, "interpolation");
  ASSERT_EQ(stages_.size(), 2u);
  EXPECT_GT(stages_[1].selection, stages_[0].selection);
  EXPECT_NEAR(valid_loss(tiny), stages_[0].selection, 1e-12);
}

TEST_F(RecoveryTest, ACorrectorThatDivergesIsNotUsed) {
  Overfitted tiny;
  auto wild = options(20);
  wild.recovery.corrector.rate = 1e300;
  wild.recovery.corrector.clip = 0;
  EXPECT_EQ(hyperlocal_search(state(tiny, world_), wild, watching()).kept, "interpolation");
  EXPECT_THAT(stages_[1].message, ::testing::HasSubstr("is not used"));
  EXPECT_NEAR(valid_loss(tiny), stages_[0].selection, 1e-12);
}

TEST_F(RecoveryTest, AFailureLeavesTheBestIterate) {
  Overfitted tiny;
  auto failing = options(0);
  failing.rounds = 1;
  failing.probes = 2;
  failing.trust_region = TrustRegion::none;  // no minimum
  EXPECT_THROW(hyperlocal_search(state(tiny, world_), failing, watching()), AgreedError);
  ASSERT_EQ(stages_.size(), 1u);
  EXPECT_NEAR(valid_loss(tiny), stages_[0].selection, 1e-12);
}

TEST_F(RecoveryTest, TheSelectionLossNeverRisesOverAWholeSearch) {
  Overfitted tiny;
  auto whole = options(6);
  whole.rounds = 3;
  whole.probes = 3;
  whole.probe_kind = ProbeKind::krylov;
  whole.line_kind = LineKind::model;
  whole.line.steps = 9;
  whole.batches = 0;
  whole.corrector = {.steps = 3, .rate = 1e-3};
  const auto parts = split_holdout(tiny.valid, 0.4);
  auto s = state(tiny, world_);
  const SearchState held{s.objective, s.regularizer, s.train,          parts.shaping, s.lambda,
                         s.comm,      s.timers,      &parts.selection, s.pretrained};
  double best = selection_loss(held);
  hyperlocal_search(held, whole, watching());
  for (const auto& stage : stages_) best = std::min(best, stage.selection);
  EXPECT_NEAR(selection_loss(held), best, 1e-12);
  EXPECT_TRUE(same_on_all_ranks(tiny.w(), world_));
}

TEST_F(RecoveryTest, NoWIsEvaluatedTwiceWhereStagesMeet) {
  Overfitted tiny;
  auto whole = options(0);
  whole.rounds = 2;
  whole.direction = DirectionKind::sign;
  whole.line.steps = 4;
  whole.line.refine = false;
  auto s = state(tiny, self_);
  s.start_loss = selection_loss(s);
  const auto work = [&] { return tiny.objective.work().loss_sequences; };
  const std::int64_t before = work();
  hyperlocal_search(s, whole, watching());
  ASSERT_THAT(names(), ElementsAre("interpolation", "round 1", "round 2"));
  std::int64_t tried = 0;
  for (const auto& stage : stages_)
    tried += std::ssize(stage.losses) - 1;  // t = 0 is where the last one ended
  EXPECT_EQ(work() - before, tried * tiny.valid.size());
  EXPECT_EQ(stages_[0].losses.front().second, *s.start_loss);
  for (std::size_t k = 1; k < stages_.size(); ++k)
    EXPECT_EQ(stages_[k].losses.front().second, stages_[k - 1].selection);
}

TEST_F(RecoveryTest, RoundsEndWhenTheyGainTooLittle) {
  Overfitted tiny;
  auto demanding = options(0);
  demanding.rounds = 5;
  demanding.probes = 2;
  demanding.min_gain = 10.0;
  EXPECT_EQ(hyperlocal_search(state(tiny, world_), demanding, {}).rounds.size(), 1u);
}

TEST_F(RecoveryTest, AnyNumberOfRanksRecoversTheSame) {
  Overfitted together, alone;
  hyperlocal_search(state(together, world_), options(6), {});
  hyperlocal_search(state(alone, self_), options(6), {});
  EXPECT_LT(relative_distance(together.w(), alone.w()), 1e-8);
}

TEST_F(RecoveryTest, TheLearningRateIsChosenByTheSelectionLoss) {
  Overfitted tiny;
  auto tuned = options(0);
  tuned.tune_rate = true;
  tuned.corrector = {.steps = 4, .rate = 1e-3};
  hyperlocal_search(state(tiny, world_), tuned, watching());
  ASSERT_THAT(names(), ElementsAre("interpolation", "learning rate 0.00025", "learning rate 0.0005",
                                   "learning rate 0.001", "learning rate 0.002", "learning rate 0.004"));
  double best = stages_[0].selection;
  for (const auto& stage : stages_) best = std::min(best, stage.selection);
  EXPECT_NEAR(valid_loss(tiny), best, 1e-12);
}

TEST_F(RecoveryTest, ACorrectorOnlyMovesTowardsLowerTrainingLoss) {
  Overfitted tiny;
  tiny.w().copy_(tiny.pretrained);
  const auto loss = [&] {
    return mean_loss(tiny.objective, tiny.train, first_sequences(tiny.train.size()), self_);
  };
  const double before = loss();
  run_corrector(state(tiny, world_), {.epochs = 1, .rate = 1e-2}, watching());
  EXPECT_LT(loss(), before);
  EXPECT_GT(timers_.seconds("corrector"), 0.0);
}

}  // namespace
}  // namespace lift
