#include "src/objective/sequence_loss.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "mpi/error.hpp"
#include "src/objective/head_blocks.hpp"
#include "tests/src/objective/live_bytes.hpp"
#include "tests/src/objective/toy.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

using torch::autograd::grad;

/// What head_loss is: ATen's cross-entropy of the full logits.
at::Tensor plain_loss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& tokens) {
  const auto length = tokens.size(1) - 1;
  std::vector<at::Tensor> losses;
  for (std::int64_t b = 0; b < tokens.size(0); ++b)
    losses.push_back(at::cross_entropy_loss(hidden[b].narrow(0, 0, length).matmul(head.t()),
                                            tokens[b].narrow(0, 1, length)));
  return at::stack(losses);
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item().toDouble();
}

struct Instance {
  at::Tensor hidden, head, tokens, weight;
};

Instance instance(std::int64_t batch, std::int64_t length, std::int64_t width, std::int64_t vocabulary) {
  const auto tokens = (random_tensor({batch, length}, 3).abs() * 1000).to(at::kLong).remainder(vocabulary);
  return {random_tensor({batch, length, width}, 1).requires_grad_(), random_tensor({vocabulary, width}, 2),
          tokens, random_tensor({batch}, 4)};
}

TEST(HeadLoss, EqualsCrossEntropyWithItsFirstDerivatives) {
  auto x = instance(3, 7, 5, 13);
  x.head.requires_grad_();
  const auto ours = head_loss(x.hidden, x.head, x.tokens), plain = plain_loss(x.hidden, x.head, x.tokens);
  EXPECT_LT(relative(ours, plain), 1e-14);
  const auto our_gradient = grad({ours}, {x.hidden, x.head}, {x.weight});
  const auto gradient = grad({plain}, {x.hidden, x.head}, {x.weight});
  EXPECT_LT(relative(our_gradient[0], gradient[0]), 1e-14);
  EXPECT_LT(relative(our_gradient[1], gradient[1]), 1e-14);
  EXPECT_EQ(our_gradient[0].select(1, 6).abs().max().item().toDouble(), 0.0) << "no target, no gradient";
}

TEST(HeadLoss, EqualsCrossEntropyInItsSecondDerivative) {
  const auto x = instance(3, 7, 5, 13);
  const auto u = random_tensor({3, 7, 5}, 5);
  const auto weight = x.weight.clone().requires_grad_();
  const auto product = [&](const at::Tensor& losses) {
    const auto gradient = grad({losses}, {x.hidden}, {weight}, true, true);
    return grad(gradient, {x.hidden, weight}, {u});
  };
  const auto ours = product(head_loss(x.hidden, x.head, x.tokens));
  const auto plain = product(plain_loss(x.hidden, x.head, x.tokens));
  EXPECT_LT(relative(ours[0], plain[0]), 1e-13);
  EXPECT_LT(relative(ours[1], plain[1]), 1e-13) << "in the cotangent of the losses";
}

TEST(HeadLoss, EqualsCrossEntropyInItsSecondDerivativeInHiddenAndHead) {
  auto x = instance(3, 7, 5, 13);
  x.head.requires_grad_();
  const std::vector<at::Tensor> directions{random_tensor({3, 7, 5}, 5), random_tensor({13, 5}, 6)};
  const auto product = [&](const at::Tensor& losses) {
    const auto gradient = grad({losses}, {x.hidden, x.head}, {x.weight}, true, true);
    return grad(gradient, {x.hidden, x.head}, directions);
  };
  const auto ours = product(head_loss(x.hidden, x.head, x.tokens));
  const auto plain = product(plain_loss(x.hidden, x.head, x.tokens));
  EXPECT_LT(relative(ours[0], plain[0]), 1e-13);
  EXPECT_LT(relative(ours[1], plain[1]), 1e-13);
}

TEST(HeadLoss, ItsHessianProductIsThatOfTheSummedLosses) {
  const auto x = instance(3, 7, 5, 13);
  const auto u = random_tensor({3, 7, 5}, 5);
  const auto gradient = grad({plain_loss(x.hidden, x.head, x.tokens).sum()}, {x.hidden}, {}, true, true);
  const auto expected = grad(gradient, {x.hidden}, {u})[0];
  const auto product = HeadCurvature(x.hidden.detach(), x.head, x.tokens).times(u);
  EXPECT_LT(relative(product, expected), 1e-13);
  EXPECT_GT((product * u).sum().item().toDouble(), 0.0);
}

TEST(HeadLoss, RefusesDerivativesItDoesNotHave) {
  auto x = instance(2, 4, 5, 13);
  x.head.requires_grad_();
  const auto gradient = grad({head_loss(x.hidden, x.head, x.tokens).sum()}, {x.hidden}, {}, true, true);
  EXPECT_THROW(grad({gradient[0].sum()}, {x.head}), Error) << "a mixed second derivative";
  const auto again = grad({head_loss(x.hidden, x.head, x.tokens).sum()}, {x.hidden}, {}, true, true);
  EXPECT_THROW(grad({again[0].sum()}, {x.hidden}, {}, true, true), Error)
      << "the graph of a third derivative";
}

TEST(HeadLoss, DoesNotDependOnTheSequencesBeside) {
  const auto x = instance(4, 450, 3, 5000);
  ASSERT_GT(4 * 449, head_blocks::kRows) << "more than one part";
  const auto losses = head_loss(x.hidden, x.head, x.tokens);
  const auto gradient = grad({losses.sum()}, {x.hidden}, {}, true, true)[0];
  const auto u = random_tensor({4, 450, 3}, 6);
  const auto product = grad({gradient}, {x.hidden}, {u})[0];
  for (std::int64_t b = 0; b < 4; ++b) {
    const auto hidden = x.hidden.detach().narrow(0, b, 1).clone().requires_grad_();
    const auto one = head_loss(hidden, x.head, x.tokens.narrow(0, b, 1));
    const auto one_gradient = grad({one.sum()}, {hidden}, {}, true, true)[0];
    EXPECT_LT(relative(one[0], losses[b]), 1e-14);
    EXPECT_LT(relative(one_gradient[0], gradient[b]), 1e-13);
    EXPECT_LT(relative(grad({one_gradient}, {hidden}, {u.narrow(0, b, 1)})[0][0], product[b]), 1e-13);
  }
}

TEST(HeadLoss, NeverHoldsTheLogitsWhole) {
  const std::int64_t vocabulary = 50257, batch = 2, length = 512;
  auto x = instance(batch, length, 4, vocabulary);
  const auto hidden = x.hidden.detach().to(at::kFloat).requires_grad_();
  const auto head = x.head.to(at::kFloat);
  const std::int64_t scratch = head_scratch_bytes(at::kCPU, batch * (length - 1), vocabulary);
  const LiveBytes memory;
  const auto gradient = grad({head_loss(hidden, head, x.tokens).sum()}, {hidden}, {}, true, true);
  EXPECT_LT(memory.peak(), 2 * scratch);
  EXPECT_TRUE(grad(gradient, {hidden}, {at::ones(hidden.sizes(), at::kFloat)})[0].defined());
  EXPECT_LT(memory.peak(), 3 * scratch) << "the second derivative holds two blocks";
}

TEST(HeadLoss, StaysFiniteWhereProbabilitiesVanish) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    const auto tokens = at::arange(3, at::kLong).unsqueeze(0);
    const auto head = at::arange(3, type).unsqueeze(1);
    const auto hidden = at::ones({1, 3, 1}, type) * -4000;  // logits 0, −4000, −8000; targets 1 and 2
    EXPECT_DOUBLE_EQ(head_loss(hidden, head, tokens).item().toDouble(), 6000.0);
    EXPECT_DOUBLE_EQ(head_loss(-hidden, head, tokens).item().toDouble(), 2000.0);
  }
}

TEST(SequenceLosses, AreLnVAtUniformLogits) {
  const auto config = toy_config();
  auto model = random_gpt2(config, 1, at::kDouble);
  model.set("wte.weight", at::zeros_like(model.tensor("wte.weight")));
  const auto tokens = at::arange(10, at::kLong).view({1, 10});
  const auto loss = sequence_losses(model, tokens, Attention::fused).item().toDouble();
  EXPECT_NEAR(loss, std::log(config.vocabulary), 1e-15);
}

TEST(SequenceLosses, AgreeInBothAttentionPaths) {
  const Toy toy;
  const auto tokens = at::arange(22, at::kLong).remainder(11).view({2, 11});
  const auto run = [&](Attention attention) {
    const auto losses = sequence_losses(toy.model, tokens, attention);
    auto parts = grad({losses.sum()}, toy.tuned.leaves());
    for (auto& part : parts) part = part.flatten();
    return std::pair(losses, at::cat(parts));
  };
  const auto [fused, fused_gradient] = run(Attention::fused);
  const auto [plain, plain_gradient] = run(Attention::twice_differentiable);
  EXPECT_LT(relative(fused, plain), 1e-14);
  EXPECT_LT(relative(fused_gradient, plain_gradient), 1e-13);
}

TEST(SequenceLosses, ContinueFromTheHiddenStatesOfAnyBlock) {
  const Toy toy;
  const c10::NoGradGuard no_graph;
  const auto tokens = at::arange(22, at::kLong).remainder(11).view({2, 11});
  const auto whole = sequence_losses(toy.model, tokens, Attention::fused);
  for (int first = 0; first <= toy.model.config().layers; ++first) {
    const auto hidden = toy.model.run_blocks(toy.model.embed(tokens), 0, first, Attention::fused);
    const auto rest = sequence_losses_from(toy.model, hidden, first, tokens, Attention::fused);
    EXPECT_TRUE(rest.equal(whole)) << "from block " << first;
  }
}

}  // namespace
}  // namespace lift
