#include "src/search/line_search.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "mpi/process_grid.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/saved_weights.hpp"
#include "src/training/vectors.hpp"
#include "src/training/warmup.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> steps_of(const LineSearchSummary& summary) {
  std::vector<double> steps;
  for (const auto& [t, loss] : summary.losses) steps.push_back(t);
  return steps;
}

class LineSearchTest : public ::testing::Test {
 protected:
  /// Validation gradient at W0 over the whole split.
  [[nodiscard]] at::Tensor gradient() const {
    return mean_gradient(tiny_.objective, tiny_.valid, first_sequences(tiny_.valid.size()), self_).gradient;
  }
  [[nodiscard]] LineSearchSummary search(const at::Tensor& direction, const LineSearchOptions& options,
                                         const Communicator& comm) const {
    return line_search(tiny_.objective, tiny_.valid, direction, options, {}, comm);
  }
  /// L_v(W0 + t d), on this rank alone and without a held prefix.
  [[nodiscard]] double loss_at(const at::Tensor& direction, double t) const {
    SavedWeights weights(tiny_.w());
    weights.step(direction, t);
    return mean_loss(tiny_.objective, tiny_.valid, first_sequences(tiny_.valid.size()), self_);
  }
  /// A direction of descent along which the loss is least near t = `at`, and its slope.
  [[nodiscard]] std::pair<at::Tensor, double> descent(double at) const {
    const auto g = gradient();
    static const double least = [&] {
      double best = 0;
      for (double t = 1e-3; t < 10; t *= 1.5) {
        if (loss_at(-g, t) < loss_at(-g, best)) best = t;
      }
      return best;
    }();
    return {g * (-least / at), -least / at * dot64(g, g)};
  }
  /// Weights that fit the validation split: the loss rises soon in every direction.
  [[nodiscard]] static at::Tensor fitted_weights(const Communicator& comm) {
    Tiny tiny;
    const WarmupOptions options{.epochs = 60, .rate = 1e-2, .schedule = Schedule::linear};
    warm_up(tiny.objective, tiny.regularizer, tiny.lambda, tiny.valid, tiny.test, {}, options, {}, comm);
    return tiny.w();
  }
  LineSearchTest() {
    static const at::Tensor fitted = fitted_weights(self_);
    tiny_.w().copy_(fitted);
  }

  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
  Tiny tiny_;
};

TEST_F(LineSearchTest, EvaluatesTheWholeGrid) {
  const auto before = tiny_.w().clone();
  const auto [direction, slope] = descent(0.8);
  const auto summary = search(direction, {.slope = slope}, world_);
  ASSERT_EQ(summary.losses.size(), 31U);
  for (std::size_t k = 0; k < 31; ++k) {
    const auto [t, loss] = summary.losses[k];
    EXPECT_NEAR(t, 0.05 * static_cast<double>(k), 1e-14);
    EXPECT_NEAR(loss, loss_at(direction, t), 1e-12);
  }
  EXPECT_GT(summary.t_star, 0.3);
  EXPECT_LT(summary.t_star, 1.5);
  const auto least = std::ranges::min_element(summary.losses, {}, &std::pair<double, double>::second);
  EXPECT_LE(summary.loss, least->second * (1 + 1e-6));
  EXPECT_LT(summary.loss, summary.losses[0].second);
  EXPECT_FALSE(summary.refined_below);
  EXPECT_FALSE(summary.refined_above);
  EXPECT_TRUE(tiny_.w().equal(before));
}

TEST_F(LineSearchTest, DoesNotEvaluateAStartThatIsKnown) {
  const auto [direction, slope] = descent(0.8);
  const auto evaluations = [&, &direction = direction](const LineSearchOptions& options) {
    const std::int64_t before = tiny_.objective.work().loss_sequences;
    const auto found = search(direction, options, self_);
    return std::pair(found, tiny_.objective.work().loss_sequences - before);
  };
  const auto [plain, all] = evaluations({.slope = slope});
  const auto [known, fewer] = evaluations({.slope = slope, .start_loss = loss_at(direction, 0)});
  EXPECT_EQ(fewer, all - tiny_.valid.size());
  EXPECT_EQ(known.t_star, plain.t_star);
  ASSERT_EQ(known.losses.size(), plain.losses.size());
  for (std::size_t k = 0; k < plain.losses.size(); ++k)
    EXPECT_NEAR(known.losses[k].second, plain.losses[k].second, 1e-12);
  // What is handed on is believed.
  EXPECT_EQ(evaluations({.slope = slope, .start_loss = 0.5}).first.t_star, 0.0);
  const auto [still, none] = evaluations({.start_loss = 2.0, .limit = 0});
  EXPECT_EQ(none, 0);
  EXPECT_EQ(still.loss, 2.0);
}

TEST_F(LineSearchTest, EvaluatesAnotherSplitAtGivenSteps) {
  const auto before = tiny_.w().clone();
  const auto direction = descent(0.8).first;
  const std::vector<double> steps{0, 0.3, 0.8, 1.5, 3};
  const auto curve = losses_along(tiny_.objective, tiny_.test, direction, steps, {}, world_);
  ASSERT_EQ(curve.size(), steps.size());
  for (std::size_t k = 0; k < steps.size(); ++k) {
    EXPECT_EQ(curve[k].first, steps[k]);
    SavedWeights weights(tiny_.w());
    weights.step(direction, steps[k]);
    EXPECT_NEAR(curve[k].second,
                mean_loss(tiny_.objective, tiny_.test, first_sequences(tiny_.test.size()), self_), 1e-12);
  }
  EXPECT_TRUE(tiny_.w().equal(before));
}

TEST_F(LineSearchTest, FromASeedItNeedsFewStepsAndFindsAboutTheSame) {
  const auto [direction, slope] = descent(0.8);
  const auto whole = search(direction, {.slope = slope}, world_);
  for (const double seed : {0.3, 0.8, 3.0}) {
    const auto few = search(direction, {.steps = 9, .slope = slope, .seed = seed}, world_);
    EXPECT_LE(few.losses.size(), 9U);
    EXPECT_EQ(few.losses[0].first, 0.0);
    const double gain = whole.losses[0].second - whole.loss;
    EXPECT_LT(few.loss, whole.loss + 0.05 * gain) << seed;
    for (const auto& [t, loss] : few.losses) EXPECT_NEAR(loss, loss_at(direction, t), 1e-12);
    const auto single = search(direction, {.steps = 9, .slope = slope, .seed = seed}, self_);
    EXPECT_EQ(steps_of(few), steps_of(single));
  }
}

TEST_F(LineSearchTest, ASeedKeepsTheLimitTheNumberOfStepsAndTheLargestOfTheGrid) {
  const auto [direction, slope] = descent(0.8);
  const auto narrow = search(direction, {.steps = 9, .slope = slope, .seed = 5.0, .limit = 0.1}, world_);
  EXPECT_GT(narrow.t_star, 0.0) << "less than a quarter of the seed";
  for (const double t : steps_of(narrow)) EXPECT_LE(t, 0.1);
  EXPECT_EQ(search(direction, {.steps = 3, .slope = slope, .seed = 0.8}, world_).losses.size(), 3U);
  const auto wild = search(direction, {.steps = 5, .slope = slope, .seed = kInfinity}, world_);
  EXPECT_LE(steps_of(wild).back(), 2 * 256 * 1.5);
  EXPECT_EQ(search(direction, {.slope = slope, .seed = 0.8, .limit = 0}, world_).losses.size(), 1U);
}

TEST_F(LineSearchTest, ASeedIsTriedFirstAndHalvedWhileStepsLast) {
  const auto [direction, slope] = descent(0.8);
  EXPECT_EQ(steps_of(search(direction, {.steps = 2, .slope = slope, .seed = 0.8}, world_)),
            (std::vector<double>{0, 0.8}));
  // Far beyond the least, which is found below the smallest of the first steps.
  const auto far = search(direction, {.steps = 9, .slope = slope, .seed = 20}, world_);
  EXPECT_GT(far.t_star, 0.0);
  EXPECT_LT(far.t_star, 5.0);
}

TEST_F(LineSearchTest, UphillNoSmallStepIsTried) {
  const auto g = gradient();
  const double slope = dot64(g, g);
  const auto grid = search(g, {.slope = slope}, world_);
  EXPECT_EQ(grid.losses.size(), 31U);
  EXPECT_EQ(grid.t_star, 0.0);
  EXPECT_FALSE(grid.refined_below);
  EXPECT_EQ(search(g, {.steps = 9, .slope = slope, .seed = 1}, world_).losses.size(), 5U);
}

TEST_F(LineSearchTest, AnyNumberOfRanksFindsTheSame) {
  for (const double at : {0.001, 0.8, 20.0}) {
    const auto [direction, slope] = descent(at);
    const auto shared = search(direction, {.steps = 9, .slope = slope}, world_);
    const auto single = search(direction, {.steps = 9, .slope = slope}, self_);
    EXPECT_EQ(steps_of(shared), steps_of(single));
    EXPECT_EQ(shared.t_star, single.t_star);
    for (std::size_t k = 0; k < single.losses.size(); ++k) {
      EXPECT_NEAR(shared.losses[k].second, single.losses[k].second, 1e-12);
    }
  }
}

TEST_F(LineSearchTest, ARerunHasTheSameBits) {
  const auto [direction, slope] = descent(0.8);
  EXPECT_EQ(search(direction, {.slope = slope}, world_).losses,
            search(direction, {.slope = slope}, world_).losses);
}

TEST_F(LineSearchTest, TheFrozenPrefixIsRunOnceASequence) {
  const auto [direction, slope] = descent(0.8);
  const Objective fresh(tiny_.model, tiny_.tuned, 2);
  const auto summary = line_search(fresh, tiny_.valid, direction, {.slope = slope}, {}, world_);
  const auto candidates = static_cast<std::int64_t>(summary.losses.size());
  EXPECT_EQ(sum_over_ranks(fresh.work().prefix_sequences, world_), tiny_.valid.size());
  EXPECT_EQ(sum_over_ranks(fresh.work().loss_sequences, world_), candidates * tiny_.valid.size());
  const ProcessGrid grid(world_, 4);
  EXPECT_EQ(sum_over_ranks(grid.leads() ? summary.evaluated : 0, world_), candidates);
  EXPECT_LE(summary.evaluated, candidates / grid.groups() + 1);
}

TEST_F(LineSearchTest, RefinesBelowTheGrid) {
  const auto [direction, slope] = descent(0.001);  // least near t = 1e-3, where the grid's first step is 0.05
  const auto summary = search(direction, {.slope = slope}, world_);
  EXPECT_TRUE(summary.refined_below);
  EXPECT_GT(summary.t_star, 0.0);
  EXPECT_LT(summary.t_star, 0.05);
  EXPECT_LT(summary.loss, summary.losses[0].second);
  const auto tried = summary.losses.size() - 31;
  EXPECT_EQ(tried % 4, 0U);
  for (std::size_t k = 1; k <= tried; ++k) {
    EXPECT_DOUBLE_EQ(summary.losses[k].first, 0.05 * std::pow(0.5, static_cast<double>(tried - k + 1)));
  }
  EXPECT_NE(summary.t_star, summary.losses[1].first);  // the least lies above the smallest step
  EXPECT_THAT(summary.message, HasSubstr("below the grid"));
}

TEST_F(LineSearchTest, GivesUpBelowTheGridWhereFloat32WouldNotSeeAGain) {
  const auto g = gradient();
  const double slope = -dot64(g, g);
  const auto summary = search(g, {.slope = slope}, world_);  // uphill
  EXPECT_EQ(summary.t_star, 0.0);
  EXPECT_TRUE(summary.refined_below);
  EXPECT_EQ(summary.loss, summary.losses[0].second);
  const double visible = 4 * std::pow(2.0, -23) * summary.losses[0].second;
  EXPECT_GE(summary.losses[1].first * -slope, visible);
  EXPECT_LT(summary.losses[1].first / 2 * -slope, visible);
  EXPECT_THAT(summary.message, HasSubstr("lowers the validation loss"));
}

TEST_F(LineSearchTest, DoublesBeyondTheGrid) {
  const auto [direction, slope] = descent(8);  // least near t = 8
  const auto summary = search(direction, {.slope = slope}, world_);
  EXPECT_TRUE(summary.refined_above);
  ASSERT_EQ(summary.losses.size(), 35U);
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_DOUBLE_EQ(summary.losses[31 + k].first, 3.0 * std::pow(2.0, static_cast<double>(k)));
  }
  EXPECT_GE(summary.t_star, 3.0);
  EXPECT_LE(summary.t_star, 12.0);
  EXPECT_THAT(summary.message, HasSubstr("beyond the grid"));
}

TEST_F(LineSearchTest, DoublesEightTimesAtMost) {
  const auto [direction, slope] = descent(1e4);
  const auto summary = search(direction, {.slope = slope}, world_);
  ASSERT_EQ(summary.losses.size(), 39U);
  EXPECT_DOUBLE_EQ(summary.t_star, 1.5 * 256);
}

TEST_F(LineSearchTest, RefinesNothingUnlessAsked) {
  for (const double at : {0.001, 8.0}) {
    const auto [direction, slope] = descent(at);
    const auto summary = search(direction, {.slope = slope, .refine = false}, world_);
    EXPECT_EQ(summary.losses.size(), 31U);
    EXPECT_EQ(summary.t_star, at < 1 ? 0.0 : 1.5);
  }
}

TEST_F(LineSearchTest, EqualLossesGoToTheSmallerStep) {
  const auto still = search(at::zeros_like(tiny_.w()), {.slope = 0}, world_);
  EXPECT_EQ(still.t_star, 0.0);
  EXPECT_FALSE(still.refined_below);
  const auto [direction, slope] = descent(1e7);  // gains less than 1e-6 of the loss on the whole grid
  const auto summary = search(direction, {.slope = slope, .refine = false}, world_);
  EXPECT_LT(summary.losses.back().second, summary.losses.front().second);
  EXPECT_EQ(summary.t_star, 0.0);
}

TEST_F(LineSearchTest, GoesNoFurtherThanTheLimit) {
  const auto [direction, slope] = descent(8);
  const auto summary = search(direction, {.slope = slope, .limit = 0.4}, world_);
  ASSERT_EQ(summary.losses.size(), 31U);
  EXPECT_DOUBLE_EQ(summary.losses.back().first, 0.4);
  EXPECT_FALSE(summary.refined_above);
  const auto beyond = search(direction, {.slope = slope, .limit = 7}, world_);
  EXPECT_DOUBLE_EQ(beyond.losses[beyond.losses.size() - 2].first, 6.0);
  EXPECT_DOUBLE_EQ(beyond.losses.back().first, 7.0) << "the limit, where there is no room to double";
  const auto short_of_twice = search(direction, {.slope = slope, .limit = 2}, world_);
  EXPECT_DOUBLE_EQ(short_of_twice.t_star, 2.0);
  const auto none = search(direction, {.slope = slope, .limit = 0}, world_);
  EXPECT_THAT(none.message, HasSubstr("no step is allowed"));
  EXPECT_EQ(steps_of(none), std::vector<double>{0.0});
  EXPECT_EQ(none.t_star, 0.0);
}

TEST_F(LineSearchTest, ALossThatIsNotFiniteIsNeverChosen) {
  auto direction = at::zeros_like(tiny_.w());
  direction.fill_(1e300);
  const auto before = tiny_.w().clone();
  const auto summary = search(direction, {.steps = 6, .slope = 0}, world_);
  EXPECT_EQ(summary.t_star, 0.0);
  EXPECT_TRUE(std::isfinite(summary.loss));
  for (std::size_t k = 1; k < 6; ++k) EXPECT_EQ(summary.losses[k].second, kInfinity);
  EXPECT_TRUE(tiny_.w().equal(before));
}

TEST_F(LineSearchTest, AStartThatIsNotFiniteIsAnError) {
  tiny_.w()[3] = std::numeric_limits<double>::quiet_NaN();
  try {
    (void)search(at::zeros_like(tiny_.w()), {}, world_);
    FAIL() << "expected an AgreedError";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
  }
}

TEST_F(LineSearchTest, TellsItsProgress) {
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  line_search(
      tiny_.objective, tiny_.valid, at::zeros_like(tiny_.w()), {.steps = 10},
      [&](std::int64_t done, std::int64_t planned) { seen.emplace_back(done, planned); }, world_);
  ASSERT_FALSE(seen.empty());
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(seen.back(), (std::pair<std::int64_t, std::int64_t>{10, 10}));
}

TEST_F(LineSearchTest, WorksWhereTheEmbeddingsAreTunedAndInFloat32) {
  auto model = random_gpt2(tiny_config(), 3, at::kFloat);
  const TunedParameters tuned(model, TunedLayout::everything(tiny_config()));
  const Objective objective(model, tuned, 2);
  const auto sequences = first_sequences(tiny_.valid.size());
  const auto g = mean_gradient(objective, tiny_.valid, sequences, self_).gradient;
  const auto direction = g * (-0.1 / norm64(g));
  const auto before = tuned.flat().clone();
  const auto summary = line_search(objective, tiny_.valid, direction, {.steps = 5}, {}, world_);
  EXPECT_TRUE(tuned.flat().equal(before));
  for (const auto& [t, loss] : summary.losses) {
    at::Tensor w = tuned.flat();
    step_along(w, before, direction, t);
    EXPECT_NEAR(mean_loss(objective, tiny_.valid, sequences, self_), loss, 1e-6 * loss);
  }
  EXPECT_GT(summary.t_star, 0.0);
}

TEST(LineSearchOptions, InvalidOnesAreNamed) {
  EXPECT_EQ(LineSearchOptions{}.violation(), "");
  EXPECT_THAT((LineSearchOptions{.steps = 1}).violation(), HasSubstr("steps = 1 violates"));
  EXPECT_THAT((LineSearchOptions{.max_step = 0}).violation(), HasSubstr("max_step = 0 violates"));
  EXPECT_THAT((LineSearchOptions{.slope = -kInfinity}).violation(), HasSubstr("slope"));
  EXPECT_THAT((LineSearchOptions{.limit = -1}).violation(), HasSubstr("limit = -1 violates"));
}

}  // namespace
}  // namespace lift
