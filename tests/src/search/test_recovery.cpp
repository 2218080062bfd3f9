#include "src/search/recovery.hpp"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <utility>

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

  /// The iterate of least selection loss that a search met, where it met it.
  struct Met {
    double loss;
    at::Tensor w;
    std::vector<double> lambda;
    std::string stage;
  };
  /// A search with correctors of `rate` between its rounds, each stage evaluated anew; the best of them, and
  /// the one that the search says it kept.
  std::pair<Met, std::string> search_whole(const SearchState& s, int rounds, double rate) {
    auto whole = options(6);
    whole.rounds = rounds;
    whole.probes = 3;
    whole.probe_kind = ProbeKind::krylov;
    whole.line_kind = LineKind::model;
    whole.line.steps = 9;
    whole.batches = 0;
    whole.corrector = {.steps = 3, .rate = rate};
    const auto& w = s.objective.tuned().flat();
    Met best{selection_loss(s), w.clone(), s.lambda, "start"};
    stages_.clear();
    SearchObserver observer;
    observer.on_stage = [&](const StageSummary& stage) {
      stages_.push_back(stage);
      EXPECT_NEAR(selection_loss(s), stage.selection, 1e-12 * stage.selection) << stage.name;
      if (stage.selection < best.loss) best = {stage.selection, w.clone(), s.lambda, stage.name};
    };
    const auto kept = hyperlocal_search(s, whole, observer).kept;
    return {best, kept};
  }

  static constexpr double kRuinous = 100.0;  ///< learning rate of a corrector that ruins what it starts from
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
  wild.recovery.corrector.rate = kRuinous;
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
  const auto parts = split_holdout(tiny.valid, 0.4);
  const auto s = state(tiny, world_);
  const SearchState held{s.objective, s.regularizer, s.train,          parts.shaping, s.lambda,
                         s.comm,      s.timers,      &parts.selection, s.pretrained};
  const auto start = tiny.w().clone();
  const auto lambda = tiny.lambda;
  for (const double rate : {1e-3, kRuinous}) {
    double returned = std::numeric_limits<double>::infinity();
    for (int rounds = 0; rounds <= 3; ++rounds) {
      tiny.w().copy_(start);
      tiny.lambda = lambda;
      const auto [best, kept] = search_whole(held, rounds, rate);
      EXPECT_EQ(kept, best.stage);
      EXPECT_TRUE(tiny.w().equal(best.w)) << kept;
      EXPECT_EQ(tiny.lambda, best.lambda) << kept;
      EXPECT_NEAR(selection_loss(held), best.loss, 1e-12);
      EXPECT_LE(best.loss, returned) << "a round more returned something worse";
      EXPECT_TRUE(same_on_all_ranks(tiny.w(), world_));
      returned = best.loss;
    }
    // The longest search: a line search ends no higher than it begins, which is where the last stage ended.
    ASSERT_EQ(stages_.size(), 7U);
    for (std::size_t k = 0; k < stages_.size(); ++k) {
      if (stages_[k].losses.empty()) continue;
      EXPECT_EQ(stages_[k].losses.front().first, 0.0);
      EXPECT_LE(stages_[k].selection, stages_[k].losses.front().second) << stages_[k].name;
    }
    for (const std::size_t corrector : {3U, 5U}) {
      EXPECT_EQ(stages_[corrector + 1].losses.front().second, stages_[corrector].selection);
      if (rate == kRuinous) {
        EXPECT_GT(stages_[corrector].selection, returned);
      }
    }
  }
}

TEST_F(RecoveryTest, LambdaIsThatOfTheKeptIterate) {
  Overfitted tiny;
  const auto lambda = tiny.lambda;
  auto ruined = options(0);
  ruined.recovery.interpolate = false;
  ruined.rounds = 2;
  ruined.probes = 2;
  ruined.corrector = {.steps = 3, .rate = kRuinous};  // the second round begins at something worse
  const auto summary = hyperlocal_search(state(tiny, world_), ruined, watching());
  ASSERT_EQ(summary.rounds.size(), 2U);
  ASSERT_EQ(summary.kept, "round 1");
  ASSERT_NE(summary.rounds[0].lambda_after, lambda) << "or nothing could be put back";
  ASSERT_NE(summary.rounds[1].lambda_after, summary.rounds[0].lambda_after);
  EXPECT_EQ(tiny.lambda, summary.rounds[0].lambda_after);
  EXPECT_NEAR(valid_loss(tiny), stages_[0].selection, 1e-12);
}

TEST_F(RecoveryTest, TheBestIterateTakesOnlyWhatIsLess) {
  Overfitted tiny;
  const auto s = state(tiny, world_);
  BestIterate best(s, 3.0);
  const auto move_to = [&](double value) {
    tiny.w().fill_(value);
    tiny.lambda.assign(3, value);
  };
  double before = best.loss();
  for (const double loss : {2.0, 2.5, std::nan(""), std::numeric_limits<double>::infinity(), 2.0, 1.5, 9.0}) {
    move_to(loss);
    EXPECT_EQ(best.offer(loss, std::to_string(loss)), loss < before);
    EXPECT_LE(best.loss(), before);
    before = best.loss();
  }
  EXPECT_EQ(best.stage(), std::to_string(1.5));
  best.restore();
  EXPECT_EQ(tiny.lambda, std::vector<double>(3, 1.5));
  EXPECT_TRUE(tiny.w().eq(1.5).all().item().toBool());
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
