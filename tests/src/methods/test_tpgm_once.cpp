// Radii that are learned once, on quadratics whose best radius is known, and on the small GPT-2.
#include <ATen/ops/eye.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "mpi/error.hpp"
#include "src/methods/tpgm.hpp"
#include "src/search/saved_weights.hpp"
#include "tests/src/methods/toys.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

/// The minimiser over γ in [0, ‖Δ‖] of a quadratic at θ0 + γu, u = Δ/‖Δ‖.
double best_radius(const Quadratic& loss, const at::Tensor& theta, const at::Tensor& start) {
  const double length = (theta - start).norm().item().toDouble();
  const auto u = (theta - start) / length;
  const auto image = loss.root.matmul(u);
  const double free = (image * loss.root.matmul(loss.target - start)).sum().item().toDouble() /
                      image.square().sum().item().toDouble();
  return std::clamp(free, 0.0, length);
}

class LearnRadii : public ::testing::Test {
 protected:
  TpgmSummary learn(at::Tensor theta, const at::Tensor& start, const std::vector<TunedTensor>& tensors,
                    const RadiusLoss& loss, int updates) {
    TpgmOptions options = TpgmOptions::once();
    options.updates = updates;
    return learn_radii(theta, start, tensors, loss, options, {}, world_);
  }
  Communicator world_ = Communicator::world();
  std::vector<TunedTensor> one_ = tensors_of({{"ln_f.weight", {2}}});
};

TEST_F(LearnRadii, ReachesTheAnchor) {
  const auto start = vector({0, 0});
  auto theta = vector({3, 4});
  const Quadratic loss{vector({std::sqrt(2.0), 0, 0, 1}).view({2, 2}), vector({1, 1})};
  ASSERT_NEAR(best_radius(loss, theta, start), 2 / 1.36, 1e-12);
  const auto summary = learn(theta, start, one_, loss, 1500);
  EXPECT_NEAR(summary.radii[0].radius, 1.470588, 1e-6);
  EXPECT_NEAR(summary.radii[0].ratio, 1.470588 / 5, 1e-6);
  EXPECT_EQ(summary.counts.gradients, 1500);
  EXPECT_EQ(summary.counts.projections, 1);
  EXPECT_NEAR(theta.norm().item().toDouble(), 1.470588, 1e-6);
}

// At the minimum of the loss that was trained on no radius is ever worth it; on another one it is.
TEST_F(LearnRadii, OnTheTrainingLossNothingIsConstrainedAndOnTheValidationLossItIs) {
  const auto start = normals(2, 1);
  const Quadratic training{normals(4, 2).view({2, 2}), start + vector({1.0, -0.5})};
  const Quadratic validation{normals(4, 2).view({2, 2}), start + vector({0.4, -0.3})};
  const double length = (training.target - start).norm().item().toDouble();
  ASSERT_NEAR(best_radius(training, training.target, start), length, 1e-12);
  const double inside = best_radius(validation, training.target, start);
  ASSERT_GT(inside, 0.1 * length);
  ASSERT_LT(inside, 0.9 * length);

  const auto on_training = learn(training.target.clone(), start, one_, training, 1500);
  EXPECT_NEAR(on_training.radii[0].radius, length, 1e-6);
  const auto on_validation = learn(training.target.clone(), start, one_, validation, 1500);
  EXPECT_NEAR(on_validation.radii[0].radius, inside, 1e-6);
}

TEST_F(LearnRadii, ADirectionThatOnlyHurtsEndsAtTheLeastRadius) {
  const auto start = vector({0, 0});
  const Quadratic loss{at::eye(2, at::kDouble), vector({-1, -1})};
  EXPECT_EQ(best_radius(loss, vector({3, 4}), start), 0);
  auto theta = vector({3, 4});
  const auto summary = learn(theta, start, one_, loss, 600);
  EXPECT_EQ(summary.radii[0].radius, 1e-8);
  EXPECT_LT(theta.norm().item().toDouble(), 1e-7);
}

TEST_F(LearnRadii, OneRatioForAllTensorsIsWise) {
  const auto tensors = tensors_of({{"wpe.weight", {3, 2}}, {"ln_f.weight", {4}}, {"ln_f.bias", {4}}});
  const auto start = normals(14, 1), fine_tuned = start + normals(14, 2) * 0.5;
  const double mu = 0.37;
  at::Tensor wise = start.clone();
  step_along(wise, start, fine_tuned - start, mu);
  const Quadratic loss{at::eye(14, at::kDouble), wise};
  at::Tensor theta = fine_tuned.clone();
  const auto summary = learn(theta, start, tensors, loss, 1500);
  for (const TensorRadius& tensor : summary.radii) EXPECT_NEAR(tensor.ratio, mu, 1e-6) << tensor.name;
  EXPECT_LT((theta - wise).abs().max().item().toDouble(), 1e-6);
}

TEST_F(LearnRadii, TensorsThatDidNotMoveOrAreExcludedAreReported) {
  const auto tensors = tensors_of({{"ln_f.weight", {2}}, {"ln_f.bias", {2}}, {"wpe.weight", {1, 2}}});
  const auto start = normals(6, 1);
  at::Tensor theta = start + vector({1, 1, 0, 0, 1, 1});
  const auto before = theta.clone();
  TpgmOptions options{.updates = 3, .excluded = {"wpe.weight"}};
  const Quadratic loss{at::eye(6, at::kDouble), start};
  const auto summary = learn_radii(theta, start, tensors, loss, options, {}, world_);
  EXPECT_EQ(summary.radii[0].status, RadiusStatus::learned);
  EXPECT_EQ(summary.radii[1].status, RadiusStatus::unmoved);
  EXPECT_EQ(summary.radii[2].status, RadiusStatus::excluded);
  EXPECT_FALSE(theta.narrow(0, 0, 2).equal(before.narrow(0, 0, 2)));
  EXPECT_TRUE(theta.narrow(0, 2, 4).equal(before.narrow(0, 2, 4)));
}

class TpgmOnce : public ::testing::Test {
 protected:
  static TpgmOptions options(RadialNorm norm) { return {.norm = norm, .updates = 12, .batch = 4}; }
  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
};

/// The greatest error, relative to the greatest slope, of the derivative in the radii at the middle of all
/// rows, by central differences of the validation loss.
double derivative_error(Finetuned& tiny, RadialNorm norm, RadiusRows rows) {
  const auto tensors = tiny.tuned.layout().tensors();
  const RadialProjection projection(tensors, norm);
  const at::Tensor theta = tiny.w().clone();
  at::Tensor w = tiny.w();
  const auto norms = projection.norms(theta, tiny.pretrained);
  auto radii = projection.initial_radii(norms);
  const auto largest = projection.largest(norms);
  for (std::size_t k = 0; k < radii.size(); ++k) radii[k] = radii[k] + largest[k] / 4;
  const auto sequences = first_sequences(tiny.valid.size());
  const auto at_radii = [&](const std::vector<double>& at) {
    projection.project(w, theta, tiny.pretrained, norms, at);
    return mean_gradient(tiny.objective, tiny.valid, sequences, tiny.state.comm);
  };
  const auto products = projection.products(at_radii(radii).gradient, theta, tiny.pretrained);
  const auto claimed = projection.radius_gradient(products, norms, radii, rows);
  double worst = 0, scale = 0;
  for (std::size_t k = 0; k < radii.size(); ++k) {
    const double h = 1e-4 * largest[k];
    auto above = radii, below = radii;
    above[k] += h;
    below[k] -= h;
    const double difference = (at_radii(above).loss - at_radii(below).loss) / (2 * h);
    worst = std::max(worst, std::abs(claimed[k] - difference));
    scale = std::max(scale, std::abs(difference));
  }
  return worst / scale;
}

TEST_F(TpgmOnce, DerivativeInTheRadiiIsTheCentralDifference) {
  for (const auto norm : {RadialNorm::l2, RadialNorm::mars}) {
    Finetuned tiny(world_);
    tiny.move(0.1);
    EXPECT_LT(derivative_error(tiny, norm, RadiusRows::active), 1e-6);
  }
  Finetuned tiny(world_);
  tiny.move(0.1);
  EXPECT_GT(derivative_error(tiny, RadialNorm::mars, RadiusRows::all), 1e-2) << "a wrong one is caught";
}

TEST_F(TpgmOnce, LowersTheValidationLossOfWeightsThatWentAstray) {
  Finetuned tiny(world_);
  tiny.move(0.1);
  const auto all = first_sequences(tiny.valid.size());
  const double before = mean_loss(tiny.objective, tiny.valid, all, world_);
  std::vector<TpgmProgress> told;
  const auto summary = tpgm_once(tiny.state, {.norm = RadialNorm::l2, .updates = 60, .batch = 9},
                                 [&](const TpgmProgress& progress) { told.push_back(progress); });
  EXPECT_LT(mean_loss(tiny.objective, tiny.valid, all, world_), before - 0.01);
  ASSERT_EQ(told.size(), 60U);
  EXPECT_EQ(told.front().done, 1);
  EXPECT_EQ(told.back().total, 60);
  EXPECT_EQ(told.back().radius_loss, summary.loss);
  EXPECT_EQ(summary.counts.gradients, 60);
  EXPECT_EQ(summary.counts.projections, 1);
  EXPECT_EQ(summary.radii.size(), tiny.tuned.layout().tensors().size());
}

TEST_F(TpgmOnce, AnyNumberOfRanksLearnsTheSame) {
  for (const auto norm : {RadialNorm::l2, RadialNorm::mars}) {
    Finetuned together(world_), alone(self_);
    together.move(0.1);
    alone.move(0.1);
    const auto here = tpgm_once(together.state, options(norm), {});
    const auto there = tpgm_once(alone.state, options(norm), {});
    EXPECT_LT(relative_distance(together.w(), alone.w()), 1e-10);
    EXPECT_TRUE(same_on_all_ranks(together.w(), world_));
    for (std::size_t k = 0; k < here.radii.size(); ++k)
      EXPECT_NEAR(here.radii[k].radius, there.radii[k].radius, 1e-10 * there.radii[k].radius);
  }
}

TEST_F(TpgmOnce, FloatWeightsLearnNearlyTheSame) {
  Finetuned single(world_, at::kFloat), whole(world_);
  single.move(0.1);
  whole.move(0.1);
  tpgm_once(single.state, options(RadialNorm::l2), {});
  tpgm_once(whole.state, options(RadialNorm::l2), {});
  EXPECT_LT(relative_distance(single.w().to(at::kDouble), whole.w()), 1e-3);
}

TEST_F(TpgmOnce, AnotherSeedMeetsOtherBatches) {
  Finetuned first(world_), again(world_), other(world_);
  for (Finetuned* tiny : {&first, &again, &other}) tiny->move(0.1);
  auto drawn = options(RadialNorm::l2);
  tpgm_once(first.state, drawn, {});
  tpgm_once(again.state, drawn, {});
  drawn.seed = 1;
  tpgm_once(other.state, drawn, {});
  EXPECT_TRUE(first.w().equal(again.w()));
  EXPECT_FALSE(first.w().equal(other.w()));
}

TEST_F(TpgmOnce, WhatItNeedsIsNamed) {
  const auto refused = [&](SearchState& state, const TpgmOptions& with) {
    try {
      tpgm_once(state, with, {});
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return std::string(error.what());
    }
    return std::string("nothing was refused");
  };
  Finetuned tiny(world_);
  EXPECT_THAT(refused(tiny.state, {.updates = 0}), HasSubstr("updates = 0"));
  EXPECT_THAT(refused(tiny.state, {.excluded = {"head"}}), HasSubstr("'head'"));
  tiny.state.pretrained = at::Tensor();
  EXPECT_THAT(refused(tiny.state, {}), HasSubstr("pretrained"));
  tiny.state.pretrained = tiny.pretrained;
  const SequenceSet none;
  SearchState empty{tiny.objective, tiny.regularizer, tiny.train, none,           tiny.lambda,
                    world_,         tiny.timers,      nullptr,    tiny.pretrained};
  EXPECT_THAT(refused(empty, {}), HasSubstr("validation sequences"));
}

TEST_F(TpgmOnce, ALossThatIsNotFiniteLeavesTheWeights) {
  Finetuned tiny(world_);
  tiny.w().fill_(1e200);
  const auto before = tiny.w().clone();
  try {
    tpgm_once(tiny.state, options(RadialNorm::l2), {});
    FAIL() << "expected an AgreedError";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_THAT(error.what(), HasSubstr("tpgm stopped after update 0 of 12"));
  }
  EXPECT_TRUE(tiny.w().equal(before));
}

}  // namespace
}  // namespace lift
