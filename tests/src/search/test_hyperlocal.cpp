#include "src/search/hyperlocal.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/local_model.hpp"
#include "src/search/probes.hpp"
#include "src/search/saved_weights.hpp"
#include "src/training/vectors.hpp"
#include "tests/src/search/hyperlocal_test.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

TEST_F(HyperlocalTest, LowersTheValidationLossOfAnOverfittedModel) {
  Overfitted tiny;
  const double before = valid_loss(tiny);
  const auto frozen = tiny.frozen();
  const auto summary = hyperlocal_round(state(tiny, world_), options(), 0, {});
  ASSERT_TRUE(summary.lp.has_value());
  EXPECT_EQ(summary.lp->status, "optimal");
  EXPECT_LE(summary.lp->certificate.gap, 1e-9);
  EXPECT_LE(summary.lp->certificate.residual, 1e-9);
  EXPECT_EQ(summary.lp->certificate.bound_violation, 0.0);
  EXPECT_LT(summary.lp->certificate.objective, 0.0);
  EXPECT_GT(summary.line.t_star, 0.0);
  EXPECT_LT(summary.line.loss, before);
  EXPECT_NEAR(summary.valid_loss, before, 1e-12);
  EXPECT_NEAR(valid_loss(tiny), summary.line.loss, 1e-12);
  EXPECT_TRUE(same_on_all_ranks(tiny.w(), world_));
  for (const auto& [name, tensor] : tiny.frozen()) EXPECT_TRUE(tensor.equal(frozen.at(name))) << name;
  for (const char* phase : {"gradient", "probes", "lp", "line_search"}) {
    EXPECT_GT(timers_.seconds(phase), 0.0) << phase;
  }
}

TEST_F(HyperlocalTest, TheObjectiveOfTheLinearProgramIsTheSlopeOfTheLoss) {
  Overfitted tiny;
  std::vector<double> direction;
  const auto start = tiny.w().clone();
  const auto summary = hyperlocal_round(state(tiny, world_), options(), 0, keeping(direction));
  ASSERT_EQ(std::ssize(direction), 3 + tiny.tuned.n());
  auto dw = at::empty({tiny.tuned.n()}, at::kDouble);
  std::copy(direction.begin() + 3, direction.end(), dw.data_ptr<double>());
  const auto loss_at = [&](double t) {
    at::Tensor w = tiny.w();
    step_along(w, start, dw, t);
    return valid_loss(tiny);
  };
  const double h = 1e-4;
  const double slope = (loss_at(h) - loss_at(-h)) / (2 * h);
  EXPECT_NEAR(slope, summary.lp->certificate.objective, 1e-6 * std::abs(slope));
}

TEST_F(HyperlocalTest, TheDirectionKeepsTheBoundsAndTheRows) {
  Overfitted tiny;
  hyperlocal_round(
      state(tiny, world_), options(), 0,
      observing([&](int round, const LocalModel& model, std::span<const double> d) {
        EXPECT_EQ(round, 0);
        const auto first = static_cast<std::size_t>(model.a.layout().begin(world_.rank()));
        const auto mine = d.subspan(first, model.u.size());
        double gain = 0;
        for (std::size_t k = 0; k < mine.size(); ++k) {
          EXPECT_LE(std::abs(mine[k]), model.u[k]);
          gain += model.g[k] * mine[k];
        }
        EXPECT_LT(sum_over_ranks(gain, world_), 0.0);
        for (int i = 0; i < model.a.rows(); ++i) {
          double product = 0, scale = 0;
          const auto row = model.a.local().subspan(static_cast<std::size_t>(i) * mine.size(), mine.size());
          for (std::size_t k = 0; k < mine.size(); ++k) {
            product += row[k] * mine[k];
            scale += std::abs(row[k]) * model.u[k];
          }
          EXPECT_LE(std::abs(sum_over_ranks(product, world_)), 1e-8 * sum_over_ranks(scale, world_));
        }
      }));
}

TEST_F(HyperlocalTest, AnyNumberOfRanksFindsTheSameLosses) {
  Overfitted together, alone;
  const auto shared = hyperlocal_round(state(together, world_), options(), 0, {});
  const auto single = hyperlocal_round(state(alone, self_), options(), 0, {});
  EXPECT_EQ(shared.line.t_star, single.line.t_star);
  ASSERT_EQ(shared.line.losses.size(), single.line.losses.size());
  for (std::size_t k = 0; k < single.line.losses.size(); ++k) {
    EXPECT_NEAR(shared.line.losses[k].second, single.line.losses[k].second, 1e-10 * single.line.loss);
  }
  EXPECT_NEAR(shared.lp->certificate.objective, single.lp->certificate.objective, 1e-8);
}

TEST_F(HyperlocalTest, ARerunHasTheSameBits) {
  Overfitted first, second;
  const auto one = hyperlocal_round(state(first, world_), options(), 0, {});
  const auto two = hyperlocal_round(state(second, world_), options(), 0, {});
  EXPECT_TRUE(first.w().equal(second.w()));
  EXPECT_EQ(first.lambda, second.lambda);
  EXPECT_EQ(one.line.losses, two.line.losses);
}

TEST_F(HyperlocalTest, AModelsFirstStepIsTheMinimiserOfTheQuadraticAlongTheDirection) {
  Tiny tiny;
  auto modelled = options();
  modelled.direction = DirectionKind::gradient;
  modelled.line_kind = LineKind::model;
  modelled.line.steps = 5;
  modelled.hvp_batches = 100;
  const auto s = state(tiny, world_);
  const Direction d = find_direction(s, modelled, 0, {});
  const auto slope_at = [&](double t) {
    SavedWeights weights(tiny.w());
    weights.step(d.w, t);
    const auto g = mean_gradient(tiny.objective, tiny.valid, first_sequences(tiny.valid.size()), world_);
    return dot64(g.gradient, d.w);
  };
  const double eps = 1e-4, curvature = (slope_at(eps) - slope_at(-eps)) / (2 * eps);
  ASSERT_GT(curvature, 0.0);
  const double seed = -d.slope / curvature;
  const auto line = hyperlocal_round(s, modelled, 0, {}).line;
  ASSERT_EQ(line.losses.size(), 5U);
  const std::array expected{0.0, 0.25 * seed, 0.5 * seed, seed, 2 * seed};
  for (std::size_t k = 0; k < expected.size(); ++k)
    EXPECT_NEAR(line.losses[k].first, expected[k], 1e-5 * expected[k]);
}

TEST_F(HyperlocalTest, AModelTakesNoMoreSequencesThanAProduct) {
  Overfitted tiny;
  auto modelled = options();
  modelled.direction = DirectionKind::sign;
  modelled.line_kind = LineKind::model;
  modelled.hvp_batches = 1;
  std::vector<std::string> phases;
  SearchObserver observer;
  observer.on_progress = [&](const char* phase, std::int64_t, std::int64_t) { phases.emplace_back(phase); };
  hyperlocal_round(state(tiny, world_), modelled, 0, observer);
  EXPECT_EQ(sum_over_ranks(tiny.objective.work().hvp_sequences, world_), 4);
  EXPECT_THAT(phases, ::testing::IsSupersetOf({"curvature along d", "line_search"}));
}

TEST_F(HyperlocalTest, RepeatsWithoutGettingWorse) {
  Overfitted tiny;
  auto several = options();
  several.rounds = 3;
  double loss = valid_loss(tiny);
  const auto rounds = hyperlocal_search(state(tiny, world_), several, {}).rounds;
  ASSERT_EQ(rounds.size(), 3U);
  for (const auto& round : rounds) {
    EXPECT_NEAR(round.line.losses.front().second, loss, 1e-12);
    EXPECT_LE(round.line.loss, loss);
    loss = round.line.loss;
  }
  EXPECT_NEAR(valid_loss(tiny), loss, 1e-12);
  EXPECT_NE(rounds[0].lp->y, rounds[1].lp->y);  // other probes
}

TEST_F(HyperlocalTest, WorksWithoutRegularisationInFloat32) {
  Tiny tiny(at::kFloat, {.blocks = {0, 2}, .mlp_only = {0}, .regularizers = {{0, 0}, {2, 0}}});
  const double before = valid_loss(tiny);
  const auto summary = hyperlocal_round(state(tiny, world_), options(), 0, {});
  EXPECT_TRUE(summary.lambda_after.empty());
  EXPECT_GT(summary.line.t_star, 0.0);
  EXPECT_LT(summary.line.loss, before);
  EXPECT_NEAR(valid_loss(tiny), summary.line.loss, 1e-6 * before);
  EXPECT_TRUE(same_on_all_ranks(tiny.w(), world_));
}

TEST_F(HyperlocalTest, AStoppedLinearProgramIsUsed) {
  Overfitted tiny;
  auto hasty = options();
  hasty.lp.max_iterations = 3;
  const auto summary = hyperlocal_round(state(tiny, world_), hasty, 0, {});
  EXPECT_EQ(summary.lp.value().status, "iteration_limit");
  EXPECT_LE(summary.line.loss, summary.line.losses.front().second);
}

TEST_F(HyperlocalTest, WhatIsNotFiniteEndsTheRoundWithEverythingInPlace) {
  Overfitted tiny;
  tiny.w()[5] = std::numeric_limits<double>::quiet_NaN();
  const auto lambda = tiny.lambda;
  try {
    hyperlocal_round(state(tiny, world_), options(), 0, {});
    FAIL() << "expected an AgreedError";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
  }
  EXPECT_EQ(tiny.lambda, lambda);
}

TEST_F(HyperlocalTest, InvalidOptionsAreNamed) {
  Tiny tiny;
  auto wrong = options();
  wrong.probes = 0;
  try {
    hyperlocal_round(state(tiny, world_), wrong, 0, {});
    FAIL() << "expected an AgreedError";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("probes = 0 violates probes ≥ 1"));
  }
  wrong = options();
  wrong.radius.rho = -1;
  EXPECT_THAT(wrong.violation(), HasSubstr("rho = -1"));
  wrong = options();
  wrong.line.steps = 0;
  EXPECT_THAT(wrong.violation(), HasSubstr("steps = 0"));
  EXPECT_EQ(options().violation(), "");
}

}  // namespace
}  // namespace lift
