#include "src/objective/sequence_cost.hpp"

#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

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

/// A model whose blocks outweigh its head, so that activations are what is measured.
struct WideModel {
  static Gpt2Config config() {
    return {.layers = 4, .width = 96, .heads = 3, .positions = 64, .vocabulary = 50, .inner = 384};
  }
  Gpt2 model = generic_gpt2(config(), 0.02, 0.02, at::kFloat);
  TunedParameters tuned{model,
                        TunedLayout(config(), {.blocks = {1, 3}, .mlp_only = {3}, .regularizers = {}})};
  SequenceSet set{std::vector<Token>(4 * 64, 7), 64};
  Activations activations = Activations::keep;
  Objective objective{model, tuned, 4, activations};
  std::vector<std::int64_t> sequences{0, 1, 2, 3};
  double estimated_gradient = 4 * cost().gradient_bytes;
  double estimated_hvp = 4 * cost().hvp_bytes;

  explicit WideModel(Activations kept) : activations(kept) {}
  [[nodiscard]] SequenceCost cost() const {
    return sequence_cost(config(), tuned.layout(), 64, at::kFloat, activations);
  }
};

class SequenceCostBytes : public ::testing::TestWithParam<Activations> {};

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
  EXPECT_LT(gradient, 2 * wide.estimated_gradient);
  EXPECT_GT(gradient, 0.5 * wide.estimated_gradient);
  const double hvp =
      peak_of([&] { wide.objective.add_hessian_vector(wide.set, wide.sequences, v, product); });
  EXPECT_LT(hvp, 2 * wide.estimated_hvp);
  EXPECT_GT(hvp, 0.5 * wide.estimated_hvp);
}

INSTANTIATE_TEST_SUITE_P(Of, SequenceCostBytes, ::testing::Values(Activations::keep, Activations::recompute));

TEST(SequenceCost, TheRateIsMeasured) {
  const double rate = matrix_product_rate(WideModel::config(), 64, at::kFloat, at::kCPU);
  EXPECT_GT(rate, 1e6);
  EXPECT_LT(rate, 1e16);
}

}  // namespace
}  // namespace lift
