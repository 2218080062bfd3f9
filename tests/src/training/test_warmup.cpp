#include "src/training/warmup.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

const SequenceSet kNoTest;

class WarmupTest : public ::testing::Test {
 protected:
  static WarmupOptions options() {
    return {.epochs = 3, .rate = 5e-3, .schedule = Schedule::cosine, .clip = 0.5, .batch = 5, .seed = 3};
  }
  static WarmupSummary run(const Tiny& tiny, const WarmupOptions& options, const Communicator& comm,
                           const WarmupObserver& observer = {}) {
    return warm_up(tiny.objective, tiny.regularizer, tiny.lambda, tiny.train, tiny.valid, tiny.test, options,
                   observer, comm);
  }
  /// Runs into a failure, and returns its message.
  static std::string failure(const Tiny& tiny, const WarmupOptions& options, const Communicator& comm,
                             ExitCode expected) {
    try {
      run(tiny, options, comm);
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), expected);
      return error.what();
    }
    ADD_FAILURE() << "expected an AgreedError";
    return "";
  }

  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
};

TEST_F(WarmupTest, IsAdamOnTheClippedGradientOfTheRegularisedLoss) {
  const auto options = WarmupTest::options();
  Tiny trained, by_hand;
  run(trained, options, world_);

  auto w = by_hand.w();
  auto m = at::zeros_like(w), v = at::zeros_like(w);
  const BatchOrder order(options.seed, by_hand.train.size(), options.batch);
  const std::int64_t steps = options.epochs * order.batches_per_epoch();
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto batch = order.batch(step / order.batches_per_epoch(), step % order.batches_per_epoch());
    auto g = at::zeros_like(w);
    by_hand.objective.add_gradient(by_hand.train, batch, g);
    g.div_(static_cast<double>(batch.size()));
    for (const auto& tensor : by_hand.tuned.layout().tensors()) {
      g.narrow(0, tensor.offset, tensor.size).add_(w.narrow(0, tensor.offset, tensor.size), 2e-3);
    }
    const double norm = g.norm().item().toDouble();
    if (norm > options.clip) g = g * (options.clip / norm);
    m = m * 0.9 + g * 0.1;
    v = v * 0.999 + g * g * 0.001;
    const double rate =
        options.rate * 0.5 * (1 + std::cos(std::numbers::pi * static_cast<double>(step) / steps));
    const double t = static_cast<double>(step + 1);
    w.sub_(m / (1 - std::pow(0.9, t)) * rate / ((v / (1 - std::pow(0.999, t))).sqrt() + 1e-8));
  }
  EXPECT_LT(relative_distance(trained.w(), w), 1e-10);
}

TEST_F(WarmupTest, AnyNumberOfRanksTakesTheSameSteps) {
  Tiny together, alone;
  const auto shared = run(together, options(), world_);
  const auto single = run(alone, options(), self_);
  EXPECT_LT(relative_distance(together.w(), alone.w()), 1e-10);
  EXPECT_TRUE(same_on_all_ranks(together.w(), world_));
  ASSERT_EQ(shared.epochs.size(), single.epochs.size());
  for (std::size_t k = 0; k < shared.epochs.size(); ++k) {
    EXPECT_NEAR(shared.epochs[k].valid, single.epochs[k].valid, 1e-10);
    EXPECT_NEAR(shared.epochs[k].test, single.epochs[k].test, 1e-10);
    if (k == 0) continue;  // epoch 0 has no training loss
    EXPECT_NEAR(shared.epochs[k].train, single.epochs[k].train, 1e-10);
  }
  const auto sequences = together.objective.work().gradient_sequences;
  EXPECT_EQ(sum_over_ranks(sequences, world_), 3 * together.train.size());
}

TEST_F(WarmupTest, ARerunHasTheSameBits) {
  Tiny first, second;
  run(first, options(), world_);
  run(second, options(), world_);
  EXPECT_TRUE(first.w().equal(second.w()));
}

TEST_F(WarmupTest, Bfloat16StepsFollowThoseOfFloat32) {
  Tiny exact(at::kFloat), rounded(at::kFloat);
  auto options = WarmupTest::options();
  run(exact, options, world_);
  options.precision = TrainingPrecision::bf16;
  const auto summary = run(rounded, options, world_);
  const Tiny start(at::kFloat);
  const auto path = exact.w() - start.w();
  EXPECT_LT(((rounded.w() - exact.w()).norm() / path.norm()).item().toDouble(), 0.2);
  EXPECT_FALSE(rounded.w().equal(exact.w()));
  EXPECT_TRUE(same_on_all_ranks(rounded.w(), world_));
  EXPECT_LT(summary.epochs.back().valid, summary.epochs.front().valid);
}

TEST_F(WarmupTest, Bfloat16StepsBelowItsRoundoffAddUp) {
  Tiny tiny(at::kFloat);
  const auto before = tiny.w().clone();
  auto options = WarmupTest::options();
  options.precision = TrainingPrecision::bf16;
  options.rate = 1e-5;  // of weights near 0.3: a hundredth of the distance between two bfloat16 numbers
  run(tiny, options, world_);
  const auto moved = (tiny.w() - before).abs();
  EXPECT_GT(moved.median().item().toDouble(), 1e-5);
}

TEST_F(WarmupTest, MovesTunedTensorsOnly) {
  Tiny tiny;
  const auto before = tiny.frozen();
  const auto w = tiny.w().clone();
  run(tiny, options(), world_);
  for (const auto& [name, tensor] : tiny.frozen()) EXPECT_TRUE(tensor.equal(before.at(name))) << name;
  for (const auto& tensor : tiny.tuned.layout().tensors()) {
    EXPECT_FALSE(
        tiny.w().narrow(0, tensor.offset, tensor.size).equal(w.narrow(0, tensor.offset, tensor.size)))
        << tensor.name;
  }
}

TEST_F(WarmupTest, KeepsTheBestEpoch) {
  Tiny tiny;
  auto options = WarmupTest::options();
  options.epochs = 8;
  options.rate = 3e-2;  // overfits 12 sequences: the best epoch is neither the first nor the last
  std::vector<at::Tensor> weights;
  std::vector<bool> best;
  const auto summary = run(tiny, options, world_,
                           {.on_step = {}, .on_evaluation = {}, .on_epoch = [&](const WarmupEpoch& epoch) {
                              EXPECT_EQ(epoch.epoch, std::ssize(weights));
                              weights.push_back(tiny.w().clone());
                              best.push_back(epoch.best);
                            }});
  ASSERT_EQ(summary.epochs.size(), 9U);
  std::size_t expected = 0;
  for (std::size_t k = 0; k < 9; ++k) {
    const bool better = k == 0 || summary.epochs[k].valid < summary.epochs[expected].valid;
    EXPECT_EQ(best[k], better);
    if (better) expected = k;
  }
  EXPECT_GT(expected, 0U);
  EXPECT_LT(expected, 8U);
  EXPECT_EQ(summary.best_epoch, static_cast<int>(expected));
  EXPECT_TRUE(summary.best_weights.equal(weights[expected]));
  tiny.w().copy_(summary.best_weights);
  const auto sequences = first_sequences(tiny.valid.size());
  EXPECT_EQ(mean_loss(tiny.objective, tiny.valid, sequences, world_), summary.epochs[expected].valid);
}

TEST_F(WarmupTest, NoEpochsEvaluateAndChangeNothing) {
  Tiny tiny;
  const auto w = tiny.w().clone();
  auto options = WarmupTest::options();
  options.epochs = 0;
  const auto summary = warm_up(tiny.objective, tiny.regularizer, tiny.lambda, tiny.train, tiny.valid, kNoTest,
                               options, {}, world_);
  EXPECT_TRUE(tiny.w().equal(w));
  EXPECT_TRUE(summary.best_weights.equal(w));
  ASSERT_EQ(summary.epochs.size(), 1U);
  EXPECT_EQ(summary.steps, 0);
  EXPECT_TRUE(std::isnan(summary.epochs[0].train));
  EXPECT_TRUE(std::isnan(summary.epochs[0].test));
}

TEST_F(WarmupTest, TellsWhatEveryStepDid) {
  Tiny tiny;
  std::vector<WarmupStep> steps;
  std::vector<double> first_losses;
  const auto options = WarmupTest::options();
  std::string evaluated;
  const auto on_evaluation = [&](const char* split, std::int64_t done, std::int64_t total) {
    EXPECT_LE(done, total);
    if (done == total) evaluated += std::string(split) + " ";
  };
  const auto summary = run(tiny, options, world_,
                           {.on_step = [&](const WarmupStep& step) { steps.push_back(step); },
                            .on_evaluation = on_evaluation,
                            .on_epoch = {}});
  EXPECT_EQ(evaluated, "valid test valid test valid test valid test ");  // before three epochs and after each
  ASSERT_EQ(std::ssize(steps), summary.steps);
  ASSERT_EQ(steps.size(), 9U);  // 12 sequences in batches of 5: 5, 5 and 2
  double mean = 0;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    EXPECT_EQ(steps[k].step, static_cast<std::int64_t>(k + 1));
    EXPECT_EQ(steps[k].steps, 9);
    EXPECT_NEAR(steps[k].epoch, 3.0 * static_cast<double>(k + 1) / 9, 1e-12);
    EXPECT_EQ(steps[k].rate, scheduled_rate(Schedule::cosine, options.rate, static_cast<std::int64_t>(k), 9));
    EXPECT_GT(steps[k].gradient_norm, 0);
    EXPECT_GT(steps[k].tokens_per_second, 0);
    EXPECT_GT(steps[k].seconds_left, 0);  // an evaluation is always left after a step
    if (k < 3) mean += steps[k].loss * (k < 2 ? 5 : 2) / 12;
  }
  EXPECT_NEAR(summary.epochs[1].train, mean, 1e-12);
}

TEST_F(WarmupTest, ALossThatIsNotFiniteStopsBeforeItReachesTheWeights) {
  Tiny tiny(at::kFloat);
  const auto w = tiny.w().clone();
  auto options = WarmupTest::options();
  options.schedule = Schedule::constant;
  options.rate = 1e25;  // the first step blows the weights up, the second meets the loss of that
  const auto message = failure(tiny, options, world_, ExitCode::numerical);
  EXPECT_THAT(message, HasSubstr("after step 1 of 9 (epoch 1 of 3)"));
  EXPECT_TRUE(tiny.w().equal(w));
}

TEST_F(WarmupTest, WeightsThatAreNotFiniteAreFoundBeforeTheFirstStep) {
  Tiny tiny;
  tiny.w()[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(failure(tiny, options(), world_, ExitCode::numerical), HasSubstr("after step 0 of 9 (epoch 0"));
}

TEST_F(WarmupTest, InvalidOptionsAreNamed) {
  Tiny tiny;
  auto options = WarmupTest::options();
  options.rate = -1;
  EXPECT_THAT(failure(tiny, options, world_, ExitCode::usage), HasSubstr("rate = -1 violates"));
  options = {.epochs = -1};
  EXPECT_THAT(options.violation(), HasSubstr("epochs = -1 violates"));
  options = {.clip = std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THAT(options.violation(), HasSubstr("clip = nan violates"));
  options = {.batch = 0};
  EXPECT_THAT(options.violation(), HasSubstr("batch = 0 violates"));
}

TEST(ScheduledRate, IsAPureFunctionOfTheStep) {
  EXPECT_EQ(scheduled_rate(Schedule::constant, 0.2, 7, 10), 0.2);
  EXPECT_EQ(scheduled_rate(Schedule::linear, 0.2, 0, 10), 0.2);
  EXPECT_DOUBLE_EQ(scheduled_rate(Schedule::linear, 0.2, 9, 10), 0.02);
  EXPECT_EQ(scheduled_rate(Schedule::linear, 0.2, 10, 10), 0.0);
  EXPECT_EQ(scheduled_rate(Schedule::cosine, 0.2, 0, 10), 0.2);
  EXPECT_NEAR(scheduled_rate(Schedule::cosine, 0.2, 5, 10), 0.1, 1e-16);
  EXPECT_NEAR(scheduled_rate(Schedule::cosine, 0.2, 10, 10), 0.0, 1e-16);
}

}  // namespace
}  // namespace lift
