#include "src/objective/training_objective.hpp"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "tests/src/objective/toy.hpp"

namespace lift {
namespace {

const std::vector<std::int64_t> kSequences = {4, 0, 6, 1};

class TrainingObjectiveTest : public ::testing::Test {
 protected:
  struct Answer {
    std::vector<double> losses;
    at::Tensor gradient;
  };
  Answer gradient_in(TrainingPrecision precision) {
    const TrainingObjective training(objective_, precision);
    Answer answer{{}, at::zeros_like(toy_.tuned.flat())};
    answer.losses = training.add_gradient(toy_.set, kSequences, answer.gradient);
    return answer;
  }
  static double distance(const at::Tensor& a, const at::Tensor& b) {
    return ((a - b).norm() / b.norm()).item().toDouble();
  }

  Toy toy_{at::kFloat};
  Objective objective_{toy_.model, toy_.tuned, 3};
};

TEST_F(TrainingObjectiveTest, InTheModelsTypeItIsTheObjective) {
  const auto answer = gradient_in(TrainingPrecision::model);
  auto expected = at::zeros_like(answer.gradient);
  EXPECT_EQ(answer.losses, objective_.add_gradient(toy_.set, kSequences, expected));
  EXPECT_TRUE(answer.gradient.equal(expected));
}

TEST_F(TrainingObjectiveTest, InBfloat16ItIsCloseAndNotTheSame) {
  const auto w = toy_.tuned.flat().clone();
  const auto exact = gradient_in(TrainingPrecision::model), rounded = gradient_in(TrainingPrecision::bf16);
  EXPECT_EQ(rounded.gradient.scalar_type(), at::kFloat);
  // A unit roundoff is 2⁻⁹; a gradient passes through a few dozen operations.
  EXPECT_LT(distance(rounded.gradient, exact.gradient), 3e-2);
  EXPECT_GT(distance(rounded.gradient, exact.gradient), 1e-4);
  EXPECT_THAT(rounded.losses, ::testing::Pointwise(::testing::DoubleNear(3e-2), exact.losses));
  EXPECT_TRUE(toy_.tuned.flat().equal(w));
}

TEST_F(TrainingObjectiveTest, AWrongSignWouldBeSeen) {
  const auto exact = gradient_in(TrainingPrecision::model), rounded = gradient_in(TrainingPrecision::bf16);
  EXPECT_GT(distance(-rounded.gradient, exact.gradient), 1);
}

TEST_F(TrainingObjectiveTest, FollowsTheMasterWeights) {
  const TrainingObjective training(objective_, TrainingPrecision::bf16);
  auto first = at::zeros_like(toy_.tuned.flat()), second = first.clone();
  training.add_gradient(toy_.set, kSequences, first);
  at::Tensor flat = toy_.tuned.flat();
  flat.mul_(1.5);
  training.add_gradient(toy_.set, kSequences, second);
  EXPECT_LT(distance(second, gradient_in(TrainingPrecision::model).gradient), 3e-2);
  EXPECT_GT(distance(second, first), 0.1);
}

TEST_F(TrainingObjectiveTest, RecomputedActivationsGiveTheSameGradient) {
  const Objective again(toy_.model, toy_.tuned, 3, Activations::recompute);
  const TrainingObjective training(again, TrainingPrecision::bf16);
  auto gradient = at::zeros_like(toy_.tuned.flat());
  training.add_gradient(toy_.set, kSequences, gradient);
  EXPECT_LT(distance(gradient, gradient_in(TrainingPrecision::bf16).gradient), 1e-2);
}

TEST_F(TrainingObjectiveTest, WorkIsCountedByTheObjective) {
  gradient_in(TrainingPrecision::bf16);
  EXPECT_EQ(objective_.work().gradient_sequences, 4);
  EXPECT_EQ(objective_.work().prefix_sequences, 4);
  EXPECT_EQ(objective_.work().loss_sequences, 0);
}

TEST_F(TrainingObjectiveTest, MeansOverRanksAreInTheModelsType) {
  const TrainingObjective training(objective_, TrainingPrecision::bf16);
  const auto together = mean_gradient(training, toy_.set, kSequences, Communicator::world());
  const auto alone = mean_gradient(training, toy_.set, kSequences, Communicator::self());
  EXPECT_EQ(together.gradient.scalar_type(), at::kFloat);
  // Other micro-batches, other roundings.
  EXPECT_LT(distance(together.gradient, alone.gradient), 2e-2);
  EXPECT_NEAR(together.loss, alone.loss, 1e-2);
}

TEST_F(TrainingObjectiveTest, ProductsInTf32AreAllowedOnlyWhileItComputes) {
  at::globalContext().setFloat32MatmulPrecision("highest");
  {
    const Tf32Products products;
    EXPECT_EQ(at::globalContext().float32MatmulPrecision(), at::Float32MatmulPrecision::HIGH);
  }
  EXPECT_EQ(at::globalContext().float32MatmulPrecision(), at::Float32MatmulPrecision::HIGHEST);
}

TEST(TrainingObjective, NeedsFloat32MasterWeights) {
  Toy toy(at::kDouble);
  const Objective objective(toy.model, toy.tuned, 2);
  EXPECT_THROW(TrainingObjective(objective, TrainingPrecision::bf16), Error);
  EXPECT_THROW(TrainingObjective(objective, TrainingPrecision::tf32), Error);
  EXPECT_NO_THROW(TrainingObjective(objective, TrainingPrecision::model));
}

TEST(Objective, OfABfloat16ModelHasNoCurvatureProducts) {
  Toy toy(at::kBFloat16);
  const Objective objective(toy.model, toy.tuned, 2);
  auto v = at::zeros_like(toy.tuned.flat()), product = v.clone();
  EXPECT_THROW(objective.add_hessian_vector(toy.set, kSequences, v, product), Error);
}

}  // namespace
}  // namespace lift
