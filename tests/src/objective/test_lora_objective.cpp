// Derivatives in the pairs of low-rank adaptation.
#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <numeric>

#include "mpi/communicator.hpp"
#include "src/model/lora_pairs.hpp"
#include "src/objective/distributed.hpp"
#include "src/objective/objective.hpp"
#include "src/objective/training_objective.hpp"
#include "tests/src/objective/derivative_check.hpp"
#include "tests/src/objective/toy.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

const std::vector<std::int64_t> kSequences = {4, 0, 6, 1};

TunedLayout lora_layout() {
  TuningSpec spec = toy_tuning();
  spec.lora = LoraSpec{.rank = 3, .alpha = 5};
  return {toy_config(), spec};
}

/// The toy with the pairs in the place of what it tunes.
struct LoraToy {
  explicit LoraToy(at::ScalarType type = at::kDouble)
      : dense(type), model(with_pairs(dense.model)), tuned(model, lora_layout()) {}
  static Gpt2 with_pairs(const Gpt2& plain) {
    Gpt2 model = cast(plain, plain.tensor("wte.weight").scalar_type());
    add_pairs(model, lora_layout(), 3);
    return model;
  }
  /// Puts W where neither factor is special.
  void fill() const {
    at::Tensor flat = tuned.flat();
    flat.copy_(random_tensor({tuned.n()}, 70) * 0.3);
  }

  Toy dense;  ///< whose tuned tensors hold all that pairs stand beside
  Gpt2 model;
  TunedParameters tuned;
};

double inner_product(const at::Tensor& a, const at::Tensor& b) {
  return a.dot(b).item().toDouble();
}
double length_of(const at::Tensor& a) {
  return a.norm().item().toDouble();
}

class LoraObjective : public ::testing::Test {
 protected:
  [[nodiscard]] at::Tensor random_direction(std::uint64_t sequence) const {
    const auto v = random_tensor({toy_.tuned.n()}, sequence);
    return v / v.norm();
  }
  [[nodiscard]] at::Tensor gradient(const Objective& objective) const {
    auto result = at::zeros_like(toy_.tuned.flat());
    objective.add_gradient(toy_.dense.set, kSequences, result);
    return result;
  }
  [[nodiscard]] at::Tensor product(const Objective& objective, const at::Tensor& v) const {
    auto result = at::zeros_like(toy_.tuned.flat());
    objective.add_hessian_vector(toy_.dense.set, kSequences, v, result);
    return result;
  }
  [[nodiscard]] at::Tensor gauss_newton(const Objective& objective, const at::Tensor& v) const {
    auto result = at::zeros_like(toy_.tuned.flat());
    objective.add_gauss_newton_vectors(toy_.dense.set, kSequences, {&v, 1}, {&result, 1});
    return result;
  }
  template <typename F>
  [[nodiscard]] auto at_weights(const F& f) const {
    return [this, f](const at::Tensor& w) {
      auto flat = toy_.tuned.flat();
      const auto before = flat.clone();
      flat.copy_(w);
      const at::Tensor result = f();
      flat.copy_(before);
      return result;
    };
  }
  [[nodiscard]] at::Tensor loss() const {
    const auto losses = objective_.losses(toy_.dense.set, kSequences);
    return at::zeros({1}, at::kDouble) + std::accumulate(losses.begin(), losses.end(), 0.0);
  }

  LoraToy toy_;
  Objective objective_{toy_.model, toy_.tuned, 3};
  Objective recomputing_{toy_.model, toy_.tuned, 3, Activations::recompute};
};

TEST_F(LoraObjective, GradientIsTheCentralDifferenceOfTheLosses) {
  toy_.fill();
  const auto v = random_direction(20), g = gradient(objective_);
  const auto losses = at_weights([&] { return loss(); });
  const auto error = [&](const at::Tensor& claimed) {
    return derivative_error(losses, toy_.tuned.flat().clone(), v, (claimed * v).sum().view({1}), 1e-3);
  };
  EXPECT_LT(error(g), 1e-9);
  auto wrong = g.clone();
  toy_.tuned.view(wrong, 1).mul_(1.01);
  EXPECT_GT(error(wrong), 1e-6);
}

TEST_F(LoraObjective, HessianVectorIsTheCentralDifferenceOfTheGradient) {
  const auto gradients = at_weights([&] { return gradient(objective_); });
  const auto error = [&](const at::Tensor& v, const at::Tensor& claimed) {
    return derivative_error(gradients, toy_.tuned.flat().clone(), v, claimed, 1e-3);
  };
  const auto v = random_direction(21);
  EXPECT_LT(error(v, product(objective_, v)), 1e-8) << "at B = 0";
  toy_.fill();
  const auto right = product(objective_, v);
  EXPECT_LT(error(v, right), 1e-8);
  auto wrong = right.clone();
  toy_.tuned.view(wrong, 0).mul_(1.01);
  EXPECT_GT(error(v, wrong), 1e-6);
}

TEST_F(LoraObjective, HessianAndGaussNewtonAreSymmetric) {
  toy_.fill();
  const auto u = random_direction(22), v = random_direction(23);
  const auto hv = product(objective_, v), gv = gauss_newton(objective_, v);
  EXPECT_NEAR(inner_product(u, hv), inner_product(v, product(objective_, u)), 1e-12 * length_of(hv));
  EXPECT_NEAR(inner_product(u, gv), inner_product(v, gauss_newton(objective_, u)), 1e-12 * length_of(gv));
  EXPECT_GT(inner_product(v, gv), 0.0);
  EXPECT_GT(length_of(gv - hv), 1e-3 * length_of(hv));
}

/// ∂L/∂A = s Bᵀ (∂L/∂W)ᵀ and ∂L/∂B = s (∂L/∂W)ᵀ Aᵀ with W the dense weights.
TEST_F(LoraObjective, GradientIsThatOfTheMergedWeightsTakenToThePairs) {
  toy_.fill();
  const double scale = 5.0 / 3;
  at::Tensor merged = toy_.dense.tuned.flat();
  const auto& dense = toy_.dense.tuned.layout().tensors();
  for (std::size_t k = 0; k < dense.size(); ++k)
    toy_.dense.tuned.view(merged, k).copy_(merged_tensor(toy_.model, dense[k].name));
  const Objective of_dense(toy_.dense.model, toy_.dense.tuned, 3);
  auto whole = at::zeros_like(merged);
  const auto losses = of_dense.add_gradient(toy_.dense.set, kSequences, whole);
  EXPECT_THAT(objective_.losses(toy_.dense.set, kSequences),
              ::testing::Pointwise(::testing::DoubleNear(1e-12), losses));
  const auto g = gradient(objective_);
  std::size_t pairs = 0;
  for (std::size_t k = 0; k < dense.size(); ++k) {
    const auto pair = toy_.model.pair(dense[k].name);
    if (!pair) continue;
    const auto of_weight = toy_.dense.tuned.view(whole, k);
    const auto of_a = at::mm(pair->b.detach().t(), of_weight.t()) * scale;
    const auto of_b = at::mm(of_weight.t(), pair->a.detach().t()) * scale;
    EXPECT_LT(length_of(toy_.tuned.view(g, 2 * pairs) - of_a), 1e-12 * length_of(of_a)) << dense[k].name;
    EXPECT_LT(length_of(toy_.tuned.view(g, 2 * pairs + 1) - of_b), 1e-12 * length_of(of_b)) << dense[k].name;
    ++pairs;
  }
  EXPECT_EQ(pairs, 6U);
}

TEST_F(LoraObjective, AtTheStartOnlyBHasAGradient) {
  const auto g = gradient(objective_);
  const auto& tensors = toy_.tuned.layout().tensors();
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    const double length = length_of(toy_.tuned.view(g, k));
    if (tensors[k].name.ends_with(".lora_A")) {
      EXPECT_EQ(length, 0.0) << tensors[k].name;
    } else {
      EXPECT_GT(length, 1e-6) << tensors[k].name;
    }
  }
}

TEST_F(LoraObjective, RecomputedActivationsGiveTheSame) {
  toy_.fill();
  const auto near = [](const at::Tensor& again, const at::Tensor& kept) {
    EXPECT_LT(length_of(again - kept), 1e-12 * length_of(kept));
  };
  const auto v = random_direction(24);
  near(gradient(recomputing_), gradient(objective_));
  near(product(recomputing_, v), product(objective_, v));
  near(gauss_newton(recomputing_, v), gauss_newton(objective_, v));
}

TEST_F(LoraObjective, LossesFromThePrefixAreTheSameBits) {
  toy_.fill();
  const auto prefix = objective_.prefix(toy_.dense.set, kSequences);
  EXPECT_EQ(objective_.losses_from(prefix, toy_.dense.set, kSequences),
            objective_.losses(toy_.dense.set, kSequences));
}

TEST_F(LoraObjective, RanksThatShareTheSequencesAgreeWithOne) {
  toy_.fill();
  const auto all = first_sequences(toy_.dense.set.size());
  const auto v = random_direction(25);
  const auto world = Communicator::world(), self = Communicator::self();
  const auto together = mean_gradient(objective_, toy_.dense.set, all, world);
  const auto alone = mean_gradient(objective_, toy_.dense.set, all, self);
  EXPECT_LT(length_of(together.gradient - alone.gradient), 1e-13 * length_of(alone.gradient));
  const auto product = mean_hessian_vector(objective_, toy_.dense.set, all, v, world);
  const auto expected = mean_hessian_vector(objective_, toy_.dense.set, all, v, self);
  EXPECT_LT(length_of(product - expected), 1e-13 * length_of(expected));
}

TEST(LoraTraining, InBfloat16FollowsTheMasterPairs) {
  const LoraToy toy(at::kFloat);
  toy.fill();
  const Objective objective(toy.model, toy.tuned, 3);
  const TrainingObjective training(objective, TrainingPrecision::bf16);
  const auto distance = [&] {
    auto exact = at::zeros_like(toy.tuned.flat()), rounded = exact.clone();
    objective.add_gradient(toy.dense.set, kSequences, exact);
    training.add_gradient(toy.dense.set, kSequences, rounded);
    return length_of(rounded - exact) / length_of(exact);
  };
  const double at_first = distance();
  EXPECT_LT(at_first, 3e-2);
  EXPECT_GT(at_first, 1e-4);
  at::Tensor flat = toy.tuned.flat();
  flat.mul_(1.5);
  EXPECT_LT(distance(), 3e-2);
}

}  // namespace
}  // namespace lift
