#include "src/objective/objective.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "tests/src/objective/derivative_check.hpp"
#include "tests/src/objective/live_bytes.hpp"
#include "tests/src/objective/toy.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

const std::vector<std::int64_t> kSequences = {4, 0, 6, 1};

double inner_product(const at::Tensor& a, const at::Tensor& b) {
  return a.dot(b).item().toDouble();
}
double length_of(const at::Tensor& a) {
  return a.norm().item().toDouble();
}

/// The functions of W that an Objective is, at a W given.
class ObjectiveTest : public ::testing::Test {
 protected:
  explicit ObjectiveTest(at::ScalarType type = at::kDouble, std::optional<TunedLayout> layout = {})
      : toy_(type, std::move(layout)) {}

  [[nodiscard]] at::Tensor random_direction(std::uint64_t sequence) const {
    const auto v = random_tensor({toy_.tuned.n()}, sequence);
    return (v / v.norm()).to(toy_.tuned.flat().scalar_type());
  }
  [[nodiscard]] at::Tensor gradient(const Objective& objective) const {
    auto result = at::zeros_like(toy_.tuned.flat());
    objective.add_gradient(toy_.set, kSequences, result);
    return result;
  }
  [[nodiscard]] at::Tensor product(const Objective& objective, const at::Tensor& v) const {
    auto result = at::zeros_like(toy_.tuned.flat());
    objective.add_hessian_vector(toy_.set, kSequences, v, result);
    return result;
  }
  [[nodiscard]] at::Tensor loss_at(const at::Tensor& w) {
    return at_weights(w, [&] { return summed_loss(); });
  }
  [[nodiscard]] at::Tensor gradient_at(const at::Tensor& w) {
    return at_weights(w, [&] { return gradient(objective_); });
  }

  template <typename F>
  at::Tensor at_weights(const at::Tensor& w, const F& f) {
    auto flat = toy_.tuned.flat();
    const auto before = flat.clone();
    flat.copy_(w);
    auto result = f();
    flat.copy_(before);
    return result;
  }

  Toy toy_;
  Objective objective_{toy_.model, toy_.tuned, 2};

 private:
  [[nodiscard]] at::Tensor summed_loss() const {
    const auto losses = objective_.losses(toy_.set, kSequences);
    return at::zeros({1}, at::kDouble) + std::accumulate(losses.begin(), losses.end(), 0.0);
  }
};

TEST_F(ObjectiveTest, GradientIsTheCentralDifferenceOfTheLosses) {
  const auto v = random_direction(20), w = toy_.tuned.flat().clone(), g = gradient(objective_);
  const auto slope = (g * v).sum().view({1});
  const auto f = [&](const at::Tensor& x) { return loss_at(x); };
  EXPECT_LT(derivative_error(f, w, v, slope, 1e-3), 1e-9);
}

TEST_F(ObjectiveTest, GradientOfAPartIsThatPartOfTheGradient) {
  const auto whole = gradient(objective_);
  const TunedLayout& layout = toy_.tuned.layout();
  const Objective recomputing(toy_.model, toy_.tuned, 2, Activations::recompute);
  const std::size_t count = layout.tensors().size();
  for (const TensorRange part : {TensorRange{0, count}, TensorRange{0, 3}, TensorRange{count - 5, count}}) {
    const CoordinateSpan span = layout.coordinates(part);
    const auto expected = whole.narrow(0, span.offset, span.size);
    for (const Objective* objective : std::initializer_list<const Objective*>{&objective_, &recomputing}) {
      auto found = at::zeros({span.size}, at::kDouble);
      const auto losses = objective->add_part_gradient(toy_.set, kSequences, part, found);
      EXPECT_LT(length_of(found - expected), 1e-12 * length_of(expected));
      EXPECT_EQ(losses.size(), kSequences.size());
    }
  }
  auto wrong = at::zeros({3}, at::kDouble);
  EXPECT_THROW((void)objective_.add_part_gradient(toy_.set, kSequences, {0, count}, wrong), Error);
  EXPECT_THROW((void)layout.coordinates({2, 2}), Error);
  EXPECT_THROW((void)layout.coordinates({0, count + 1}), Error);
}

TEST_F(ObjectiveTest, HessianVectorIsTheCentralDifferenceOfTheGradient) {
  const auto v = random_direction(21), w = toy_.tuned.flat().clone();
  const auto f = [&](const at::Tensor& x) { return gradient_at(x); };
  EXPECT_LT(derivative_error(f, w, v, product(objective_, v), 1e-3), 1e-8);
}

TEST_F(ObjectiveTest, AWrongGradientOrProductIsCaught) {
  const auto v = random_direction(22), w = toy_.tuned.flat().clone(), g = gradient(objective_);
  // Wrong by one tensor scaled by 1 %, as a forgotten factor would be.
  const auto wrong = [&](const at::Tensor& right) {
    auto x = right.clone();
    toy_.tuned.view(x, 0).mul_(1.01);
    return x;
  };
  const auto loss = [&](const at::Tensor& x) { return loss_at(x); };
  EXPECT_GT(derivative_error(loss, w, v, (wrong(g) * v).sum().view({1}), 1e-3), 1e-6);
  const auto grad = [&](const at::Tensor& x) { return gradient_at(x); };
  EXPECT_GT(derivative_error(grad, w, v, wrong(product(objective_, v)), 1e-3), 1e-6);
}

TEST_F(ObjectiveTest, GaussNewtonIsTheHessianOfTheLossBetweenJacobians) {
  const auto v = random_direction(26), w = toy_.tuned.flat().clone();
  const auto batch = objective_.tokens(toy_.set, kSequences);
  const auto hidden_at = [&](const at::Tensor& x) {
    return at_weights(x, [&] {
      const c10::NoGradGuard no_graph;
      return final_hidden(toy_.model, toy_.model.embed(batch), 0, Attention::fused);
    });
  };
  const double h = 1e-4;
  const auto tangent = (hidden_at(w + h * v) - hidden_at(w - h * v)) / (2 * h);
  const auto bent =
      HeadCurvature(hidden_at(w), toy_.model.tensor("wte.weight").detach(), batch).times(tangent);
  auto product = at::zeros_like(w);
  objective_.add_gauss_newton_vectors(toy_.set, kSequences, {&v, 1}, {&product, 1});
  const double expected = (tangent * bent).sum().item().toDouble();
  EXPECT_NEAR(inner_product(v, product), expected, 1e-7 * expected);
  const auto u = random_direction(27);
  auto other = at::zeros_like(w);
  objective_.add_gauss_newton_vectors(toy_.set, kSequences, {&u, 1}, {&other, 1});
  EXPECT_NEAR(inner_product(u, product), inner_product(v, other), 1e-12);
}

/// The same where the embeddings, and with them the head, are tuned.
class TunedEmbeddings : public ObjectiveTest {
 protected:
  TunedEmbeddings()
      : ObjectiveTest(
            at::kDouble,
            TunedLayout(toy_config(),
                        {.blocks = {2}, .mlp_only = {}, .regularizers = {}, .embedding_groups = 2})) {}
};

TEST_F(TunedEmbeddings, GradientIsTheCentralDifferenceOfTheLosses) {
  const auto v = random_direction(20), w = toy_.tuned.flat().clone(), g = gradient(objective_);
  const auto slope = (g * v).sum().view({1});
  const auto f = [&](const at::Tensor& x) { return loss_at(x); };
  EXPECT_LT(derivative_error(f, w, v, slope, 1e-3), 1e-9);
}

TEST_F(TunedEmbeddings, HessianVectorIsTheCentralDifferenceOfTheGradient) {
  const auto v = random_direction(21), w = toy_.tuned.flat().clone();
  const auto f = [&](const at::Tensor& x) { return gradient_at(x); };
  EXPECT_LT(derivative_error(f, w, v, product(objective_, v), 1e-3), 1e-8);
}

TEST_F(TunedEmbeddings, HaveNoGaussNewtonProducts) {
  const auto v = random_direction(21);
  auto result = at::zeros_like(v);
  EXPECT_THROW(objective_.add_gauss_newton_vectors(toy_.set, kSequences, {&v, 1}, {&result, 1}), Error);
}

TEST_F(ObjectiveTest, HessianIsSymmetric) {
  const auto u = random_direction(23), v = random_direction(24);
  const auto hu = product(objective_, u), hv = product(objective_, v);
  EXPECT_LT(std::abs(inner_product(u, hv) - inner_product(v, hu)), 1e-10 * std::abs(inner_product(u, hv)));
}

TEST_F(ObjectiveTest, ProductsAreTheColumnsOfTheDenseHessian) {
  const auto n = toy_.tuned.n();
  const auto& leaves = toy_.tuned.leaves();
  std::vector<at::Tensor> flat;
  const auto losses =
      sequence_losses(toy_.model, objective_.tokens(toy_.set, kSequences), Attention::twice_differentiable);
  for (const auto& part : torch::autograd::grad({losses.sum()}, leaves, {}, true, true))
    flat.push_back(part.flatten());
  const auto g = at::cat(flat);
  for (std::int64_t k = 0; k < n; k += 37) {
    std::vector<at::Tensor> row;
    for (const auto& part : torch::autograd::grad({g[k]}, leaves, {}, true, false))
      row.push_back(part.flatten());
    auto unit = at::zeros_like(toy_.tuned.flat());
    unit[k] = 1.0;
    EXPECT_LT(length_of(product(objective_, unit) - at::cat(row)), 1e-12 * length_of(at::cat(row)) + 1e-15);
  }
}

TEST_F(ObjectiveTest, KeyBiasesAreANullDirection) {
  auto v = at::zeros_like(toy_.tuned.flat());
  const auto& tensors = toy_.tuned.layout().tensors();
  const auto width = toy_.model.config().width;
  for (std::size_t k = 0; k < tensors.size(); ++k)
    if (tensors[k].name.ends_with("attn.c_attn.bias"))
      toy_.tuned.view(v, k).narrow(0, width, width).copy_(random_tensor({width}, 25));
  ASSERT_GT(length_of(v), 1.0);
  EXPECT_LT(length_of(product(objective_, v)), 1e-13);
  EXPECT_GT(length_of(product(objective_, random_direction(26))), 1e-3);
}

TEST_F(ObjectiveTest, MicroBatchesChangeRoundingOnly) {
  const auto v = random_direction(27);
  const Objective one(toy_.model, toy_.tuned, 1), all(toy_.model, toy_.tuned, 100);
  const auto losses = all.losses(toy_.set, kSequences);
  EXPECT_THAT(one.losses(toy_.set, kSequences), ::testing::Pointwise(::testing::DoubleNear(1e-13), losses));
  EXPECT_LT(length_of(gradient(one) - gradient(all)), 1e-12 * length_of(gradient(all)));
  EXPECT_LT(length_of(product(one, v) - product(all, v)), 1e-12 * length_of(product(all, v)));
}

TEST_F(ObjectiveTest, SeveralProductsAtOnceAreTheSameBits) {
  const std::vector<at::Tensor> v = {random_direction(28), random_direction(29), random_direction(30)};
  std::vector<at::Tensor> products(3);
  for (auto& x : products) x = at::zeros_like(toy_.tuned.flat());
  objective_.add_hessian_vectors(toy_.set, kSequences, v, products);
  for (std::size_t j = 0; j < v.size(); ++j) EXPECT_TRUE(products[j].equal(product(objective_, v[j])));
}

TEST_F(ObjectiveTest, ResultsAreAddedAndTheLossesReturned) {
  auto twice = gradient(objective_);
  const auto once = twice.clone();
  const auto losses = objective_.add_gradient(toy_.set, kSequences, twice);
  EXPECT_LT(length_of(twice - once * 2), 1e-14 * length_of(once));
  EXPECT_THAT(losses,
              ::testing::Pointwise(::testing::DoubleNear(1e-14), objective_.losses(toy_.set, kSequences)));
}

TEST_F(ObjectiveTest, LossesFromThePrefixAreTheSameBits) {
  const auto prefix = objective_.prefix(toy_.set, kSequences);
  const auto before = objective_.work().prefix_sequences;
  EXPECT_EQ(objective_.losses_from(prefix, toy_.set, kSequences), objective_.losses(toy_.set, kSequences));
  EXPECT_EQ(objective_.work().prefix_sequences, before + std::ssize(kSequences)) << "of losses() alone";
}

TEST_F(ObjectiveTest, WorkIsCountedInSequences) {
  const auto v = random_direction(31);
  (void)objective_.losses(toy_.set, kSequences);
  (void)gradient(objective_);
  std::vector<at::Tensor> products = {at::zeros_like(v), at::zeros_like(v)};
  objective_.add_hessian_vectors(toy_.set, kSequences, std::vector{v, v}, products);
  EXPECT_EQ(objective_.work().loss_sequences, 4);
  EXPECT_EQ(objective_.work().gradient_sequences, 4);
  EXPECT_EQ(objective_.work().hvp_sequences, 8);
  EXPECT_EQ(objective_.work().prefix_sequences, 12);
}

TEST_F(ObjectiveTest, MemoryStaysFlatOverManyProducts) {
  const auto v = random_direction(32);
  auto sum = at::zeros_like(v);
  const LiveBytes memory;
  objective_.add_hessian_vector(toy_.set, kSequences, v, sum);
  const auto live = memory.now(), peak = memory.peak();
  for (int i = 0; i < 50; ++i) objective_.add_hessian_vector(toy_.set, kSequences, v, sum);
  EXPECT_EQ(memory.now(), live);
  EXPECT_EQ(memory.peak(), peak);
  EXPECT_EQ(live, 0);
}

TEST_F(ObjectiveTest, TheFirstSequenceWithoutAFiniteLossIsNamed) {
  auto flat = toy_.tuned.flat();
  flat[5] = std::numeric_limits<double>::quiet_NaN();
  const auto failure = [](const auto& run) {
    try {
      run();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::numerical);
      return std::string(error.what());
    }
    return std::string("nothing thrown");
  };
  EXPECT_THAT(failure([&] { (void)objective_.losses(toy_.set, kSequences); }),
              ::testing::HasSubstr("sequence 4"));
  EXPECT_THAT(failure([&] { (void)gradient(objective_); }), ::testing::HasSubstr("sequence 4"));
  EXPECT_THAT(failure([&] { (void)product(objective_, random_direction(33)); }),
              ::testing::HasSubstr("sequence 4"));
}

TEST_F(ObjectiveTest, TensorsThatDoNotFitAreRefused) {
  auto longer = at::zeros({toy_.tuned.n() + 1}, at::kDouble);
  auto narrower = at::zeros({toy_.tuned.n()}, at::kFloat);
  EXPECT_THROW(objective_.add_gradient(toy_.set, kSequences, longer), Error);
  EXPECT_THROW(objective_.add_gradient(toy_.set, kSequences, narrower), Error);
  EXPECT_THROW(Objective(toy_.model, toy_.tuned, 0), Error);
}

class FloatObjectiveTest : public ObjectiveTest {
 protected:
  FloatObjectiveTest() : ObjectiveTest(at::kFloat) {}
};

TEST_F(FloatObjectiveTest, HessianIsSymmetricToRounding) {
  const auto u = random_direction(40), v = random_direction(41);
  const auto hu = product(objective_, u).to(at::kDouble), hv = product(objective_, v).to(at::kDouble);
  const auto limit = 1e-4 * length_of(hv) * length_of(u) / std::sqrt(static_cast<double>(toy_.tuned.n()));
  EXPECT_LE(std::abs(inner_product(u.to(at::kDouble), hv) - inner_product(v.to(at::kDouble), hu)), limit);
}

TEST(PretrainingObjective, HasTwoDerivativesInEveryTensor) {
  Toy toy(at::kDouble, TunedLayout::everything(toy_config()));
  const Objective objective(toy.model, toy.tuned, 3);
  auto g = at::zeros_like(toy.tuned.flat());
  objective.add_gradient(toy.set, kSequences, g);
  const auto w = toy.tuned.flat().clone(), direction = random_tensor({toy.tuned.n()}, 50);
  const auto v = direction / direction.norm();
  const auto f = [&](const at::Tensor& x) {
    toy.tuned.flat().detach().copy_(x);
    const auto losses = objective.losses(toy.set, kSequences);
    return at::zeros({1}, at::kDouble) + std::accumulate(losses.begin(), losses.end(), 0.0);
  };
  EXPECT_LT(derivative_error(f, w, v, (g * v).sum().view({1}), 1e-3), 1e-9);
  toy.tuned.flat().detach().copy_(w);
  auto product = at::zeros_like(w);
  objective.add_hessian_vector(toy.set, kSequences, v, product);
  const auto gradient_at = [&](const at::Tensor& x) {
    toy.tuned.flat().detach().copy_(x);
    auto gradient = at::zeros_like(x);
    objective.add_gradient(toy.set, kSequences, gradient);
    return gradient;
  };
  EXPECT_LT(derivative_error(gradient_at, w, v, product, 1e-3), 1e-8);
  toy.tuned.flat().detach().copy_(w);
  EXPECT_FALSE(objective.prefix(toy.set, kSequences).defined());
  EXPECT_EQ(objective.losses_from({}, toy.set, kSequences), objective.losses(toy.set, kSequences));
}

}  // namespace
}  // namespace lift
