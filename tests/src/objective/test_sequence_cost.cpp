#include "src/objective/sequence_cost.hpp"

#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <optional>

#include "src/model/lora_pairs.hpp"
#include "src/objective/objective.hpp"
#include "tests/src/objective/live_bytes.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

TEST(SequenceCost, CountsTheMatrixProducts) {
  const Gpt2Config config{.layers = 2, .width = 4, .heads = 2, .positions = 3, .vocabulary = 10, .inner = 16};
  const TunedLayout layout(config, {.blocks = {1}, .mlp_only = {1}, .regularizers = {}});
  const SequenceCost cost = sequence_cost(config, layout, 3, at::kFloat);
  const double linear = 1152, attention = 72, head = 240;  // 2·3·192 weights, 2·3²·4, 2·3·4·10
  const double tuned = 768;                                // 2·3·128 weights of the MLP
  EXPECT_EQ(cost.prefix, linear + attention);
  EXPECT_EQ(cost.loss, linear + attention + head);
  EXPECT_EQ(cost.gradient, 2 * linear + 3.5 * attention + tuned + 2 * head);
  EXPECT_EQ(cost.hvp, 2 * linear + 5 * attention + 2 * tuned + 3 * head);
  EXPECT_EQ(cost.gradient_bytes, 3 * (6 * 4 + 16 + 4 + 16) * 4);
  EXPECT_EQ(sequence_cost(config, layout, 3, at::kDouble).gradient_bytes, 2 * cost.gradient_bytes);
  const SequenceCost again = sequence_cost(config, layout, 3, at::kFloat, Activations::recompute);
  EXPECT_EQ(again.gradient, cost.gradient + linear + attention);
  EXPECT_EQ(again.hvp, cost.hvp + 2 * linear + 5 * attention + 2 * tuned);
}

TEST(SequenceCost, CountsThePairsBesideTheirWeights) {
  const Gpt2Config config{.layers = 2, .width = 4, .heads = 2, .positions = 3, .vocabulary = 10, .inner = 16};
  const TunedLayout layout(
      config, {.blocks = {1}, .mlp_only = {1}, .regularizers = {}, .lora = LoraSpec{.rank = 2, .alpha = 2}});
  const SequenceCost cost = sequence_cost(config, layout, 3, at::kFloat);
  const double linear = 1152, attention = 72, head = 240;  // as above
  const double pairs = 480;                                // 2·3·80: two pairs of 2·(4 + 16) weights
  EXPECT_EQ(cost.prefix, linear + attention);
  EXPECT_EQ(cost.loss, linear + pairs + attention + head);
  EXPECT_EQ(cost.gradient, 2 * (linear + pairs) + 3.5 * attention + pairs + 2 * head);
  EXPECT_EQ(cost.hvp, 2 * (linear + pairs) + 5 * attention + 2 * pairs + 3 * head);
  EXPECT_EQ(cost.gradient_bytes, 3 * (6 * 4 + 16 + 4 + 2 + 16 + 2) * 4) << "x and x Aᵀ of each";
  const SequenceCost again = sequence_cost(config, layout, 3, at::kFloat, Activations::recompute);
  EXPECT_EQ(again.gradient, cost.gradient + linear + pairs + attention);
}

/// What is held of the forward pass, and what is tuned.
struct Held {
  const char* name;
  Activations activations;
  std::optional<LoraSpec> lora = {};
};

/// A model whose blocks outweigh its head, so that activations are what is measured.
struct WideModel {
  static Gpt2Config config() {
    return {.layers = 4, .width = 96, .heads = 3, .positions = 64, .vocabulary = 50, .inner = 384};
  }
  static Gpt2 paired(const TunedLayout& layout) {
    Gpt2 model = generic_gpt2(config(), 0.02, 0.02, at::kFloat);
    add_pairs(model, layout, 1);
    return model;
  }
  explicit WideModel(const Held& held)
      : layout(config(), {.blocks = {1, 3}, .mlp_only = {3}, .regularizers = {}, .lora = held.lora}),
        activations(held.activations) {}

  TunedLayout layout;
  Activations activations;
  Gpt2 model = paired(layout);
  TunedParameters tuned{model, layout};
  SequenceSet set{std::vector<Token>(4 * 64, 7), 64};
  Objective objective{model, tuned, 4, activations};
  std::vector<std::int64_t> sequences{0, 1, 2, 3};
  SequenceCost cost = sequence_cost(config(), layout, 64, at::kFloat, activations);
};

class SequenceCostBytes : public ::testing::TestWithParam<Held> {};

TEST_P(SequenceCostBytes, AreWithinAFactorOfTwoOfWhatIsAllocated) {
  const WideModel wide(GetParam());
  auto product = at::zeros_like(wide.tuned.flat());
  const auto v = random_tensor({wide.tuned.n()}, 1, at::kFloat);
  const auto peak_of = [&](const auto& evaluate) {
    evaluate();  // what is made once is not counted
    const LiveBytes memory;
    evaluate();
    return static_cast<double>(memory.peak());
  };
  const double gradient = peak_of([&] { wide.objective.add_gradient(wide.set, wide.sequences, product); });
  EXPECT_LT(gradient, 2 * 4 * wide.cost.gradient_bytes);
  EXPECT_GT(gradient, 0.5 * 4 * wide.cost.gradient_bytes);
  const double hvp =
      peak_of([&] { wide.objective.add_hessian_vector(wide.set, wide.sequences, v, product); });
  EXPECT_LT(hvp, 2 * 4 * wide.cost.hvp_bytes);
  EXPECT_GT(hvp, 0.5 * 4 * wide.cost.hvp_bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Of, SequenceCostBytes,
    ::testing::Values(Held{"Kept", Activations::keep}, Held{"Recomputed", Activations::recompute},
                      Held{"KeptOfPairs", Activations::keep, LoraSpec{.rank = 4, .alpha = 4}},
                      Held{"RecomputedOfPairs", Activations::recompute, LoraSpec{.rank = 4, .alpha = 4}}),
    [](const auto& info) { return info.param.name; });

TEST(SequenceCost, TheRateIsMeasured) {
  const double rate = matrix_product_rate(WideModel::config(), 64, at::kFloat, at::kCPU);
  EXPECT_GT(rate, 1e6);
  EXPECT_LT(rate, 1e16);
}

}  // namespace
}  // namespace lift
