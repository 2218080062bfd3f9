#include "src/methods/weight_problems.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include "mpi/error.hpp"
#include "src/methods/exchanged_values.hpp"
#include "src/methods/penalty_descent.hpp"
#include "src/training/vectors.hpp"
#include "tests/src/training/tiny.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

class WeightProblems : public ::testing::Test {
 protected:
  Tiny tiny_;
  Communicator world_ = Communicator::world();
  WeightData data_{tiny_.objective, tiny_.regularizer, tiny_.valid, tiny_.train, 4, 3, world_};
};

/// Largest error of a partial gradient against central differences along random directions, relative.
double error_of_partial(const PartialGradients& function, const at::Tensor& x, const at::Tensor& y,
                        Partial which, double scale = 1) {
  double worst = 0;
  for (std::uint64_t k = 0; k < 3; ++k) {
    at::Tensor moved = which == Partial::x ? x : y;
    const at::Tensor start = moved.clone(), along = random_tensor(moved.sizes(), 70 + k);
    const Partials at_start = function(x, y, which, 5);
    const double slope = scale * dot64(which == Partial::x ? at_start.x : at_start.y, along);
    constexpr double kStep = 1e-5;
    const auto value = [&](double t) {
      moved.copy_(start + t * along);
      return function(x, y, Partial::none, 5).value;
    };
    const double difference = (value(kStep) - value(-kStep)) / (2 * kStep);
    moved.copy_(start);
    worst = std::max(worst, std::abs(slope - difference) / std::abs(difference));
  }
  return worst;
}

TEST_F(WeightProblems, PartialGradientsOfSplitWeightsAreTheCentralDifferences) {
  const SplitWeights weights = split_weights(data_, tiny_.lambda, 1);
  for (const auto& function : {weights.problem.upper, weights.problem.lower})
    for (const Partial which : {Partial::x, Partial::y})
      EXPECT_LT(error_of_partial(function, weights.x, weights.y, which), 1e-7);
  EXPECT_GT(error_of_partial(weights.problem.upper, weights.x, weights.y, Partial::x, 1.01), 5e-3);
}

TEST_F(WeightProblems, PartialGradientsAwayFromTheModelsOwnWeightsAreThere) {
  const SplitWeights weights = split_weights(data_, tiny_.lambda, 1);
  const at::Tensor before = tiny_.w().clone();
  const at::Tensor y = weights.y + 0.1 * random_tensor(weights.y.sizes(), 9);
  EXPECT_LT(error_of_partial(weights.problem.lower, weights.x, y, Partial::y), 1e-7);
  EXPECT_LT(error_of_partial(weights.problem.lower, weights.x, y, Partial::x), 1e-7);
  EXPECT_TRUE(tiny_.w().equal(before));
}

TEST_F(WeightProblems, BothPartialsAreOnePassAndTheSameNumbers) {
  const SplitWeights weights = split_weights(data_, tiny_.lambda, 1);
  const auto gradients = [&] { return tiny_.objective.work().gradient_sequences; };
  const auto before = gradients();
  const Partials both = weights.problem.lower(weights.x, weights.y, Partial::both, 2);
  const auto of_both = gradients() - before;
  const Partials in_x = weights.problem.lower(weights.x, weights.y, Partial::x, 2);
  const Partials in_y = weights.problem.lower(weights.x, weights.y, Partial::y, 2);
  EXPECT_EQ(gradients() - before, 3 * of_both);
  EXPECT_LT(relative_distance(both.x, in_x.x), 1e-12);
  EXPECT_LT(relative_distance(both.y, in_y.y), 1e-12);
  EXPECT_NEAR(both.value, in_x.value, 1e-12);
  EXPECT_TRUE(same_on_all_ranks(both.y, world_));
}

TEST_F(WeightProblems, TheSplitIsAtABlockAndLeavesBothSidesSomething) {
  const SplitWeights weights = split_weights(data_, tiny_.lambda, 1);
  const auto& tensors = tiny_.tuned.layout().tensors();
  EXPECT_EQ(tensors[weights.lower.first].block, 2);
  EXPECT_EQ(tensors[weights.upper.last - 1].block, 1);
  EXPECT_EQ(weights.x.numel() + weights.y.numel(), tiny_.tuned.n());
  EXPECT_THROW((void)split_weights(data_, tiny_.lambda, 2), Error);
  EXPECT_THROW((void)split_weights(data_, tiny_.lambda, 0), Error);
}

TEST_F(WeightProblems, ADrawIsABatchAndEachEpochMeetsEverySequenceOnce) {
  const DrawnBatches batches(7, 10, 4);
  std::vector<int> met(10, 0);
  for (std::int64_t draw = 3; draw < 6; ++draw)
    for (const auto sequence : batches[draw]) ++met[static_cast<std::size_t>(sequence)];
  EXPECT_EQ(met, std::vector<int>(10, 1));
  EXPECT_EQ(batches[4], batches[4]);
  EXPECT_NE(batches[0], batches[3]);
}

TEST_F(WeightProblems, PartialGradientsInLogLambdaAreTheCentralDifferences) {
  const RegularizedWeights weights = regularized_weights(data_, tiny_.lambda);
  EXPECT_LT(error_of_partial(weights.problem.lower, weights.x, weights.y, Partial::x), 1e-6);
  EXPECT_LT(error_of_partial(weights.problem.lower, weights.x, weights.y, Partial::y), 1e-7);
  EXPECT_LT(error_of_partial(weights.problem.upper, weights.x, weights.y, Partial::y), 1e-7);
  EXPECT_EQ(norm64(weights.problem.upper(weights.x, weights.y, Partial::x, 0).x), 0);
  for (std::size_t i = 0; i < tiny_.lambda.size(); ++i)
    EXPECT_NEAR(lambda_of(weights.x)[i], tiny_.lambda[i], 1e-18);
}

TEST_F(WeightProblems, LiftsOwnProblemMovesLambdaOnlyWithAValueFunction) {
  const RegularizedWeights weights = regularized_weights(data_, tiny_.lambda);
  const at::Tensor before = weights.x.clone();
  PenaltyOptions options{.method = PenaltyMethod::pbgd_free,
                         .rule = DescentRule::adam,
                         .gamma = 1,
                         .inner = 2,
                         .rate = 0.1,
                         .inner_rate = 1e-2,
                         .steps = 5};
  descend(weights.problem, options, weights.x, weights.y);
  EXPECT_TRUE(weights.x.equal(before));
  options.method = PenaltyMethod::f2sa;
  descend(weights.problem, options, weights.x, weights.y);
  EXPECT_GT(norm64(weights.x - before), 0.1);
  EXPECT_TRUE(same_on_all_ranks(weights.x, world_));
  EXPECT_TRUE(same_on_all_ranks(weights.y, world_));
}

TEST_F(WeightProblems, TheGradientInLambdaIsTheDifferenceOfTheSquares) {
  const RegularizedWeights weights = regularized_weights(data_, tiny_.lambda);
  const at::Tensor y = weights.y.clone(), value_y = weights.y * 0.5;
  const at::Tensor difference = weights.problem.lower(weights.x, y, Partial::x, 0).x -
                                weights.problem.lower(weights.x, value_y, Partial::x, 0).x;
  const auto squares = tiny_.regularizer.values(y);
  for (std::size_t i = 0; i < squares.size(); ++i)
    EXPECT_NEAR(difference[static_cast<std::int64_t>(i)].item<double>(), tiny_.lambda[i] * 0.75 * squares[i],
                1e-12 * squares[i]);
}

TEST(ExchangedValues, AreBackAtTheEnd) {
  const at::Tensor a = at::arange(5, at::kDouble), b = a + 10;
  {
    const ExchangedValues exchanged(a, b);
    EXPECT_EQ(a[0].item<double>(), 10);
    EXPECT_EQ(b[4].item<double>(), 4);
  }
  EXPECT_TRUE(a.equal(at::arange(5, at::kDouble)) && b.equal(a + 10));
  const ExchangedValues with_itself(a, a);
  EXPECT_TRUE(a.equal(at::arange(5, at::kDouble)));
}

}  // namespace
}  // namespace lift
