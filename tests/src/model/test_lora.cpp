#include "src/model/lora.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <cmath>

#include "mpi/error.hpp"
#include "src/model/lora_pairs.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Gpt2Config small_config() {
  return {.layers = 3, .width = 8, .heads = 2, .positions = 6, .vocabulary = 10, .inner = 32};
}

TuningSpec tuning(LoraSpec lora, std::map<int, int> regularizers = {}) {
  return {.blocks = {1, 2}, .mlp_only = {1}, .regularizers = std::move(regularizers), .lora = lora};
}

std::vector<int> groups_of(const TunedLayout& layout) {
  std::vector<int> result;
  for (const auto& tensor : layout.tensors()) result.push_back(tensor.group);
  return result;
}

double largest(const at::Tensor& values) {
  return values.abs().max().item().toDouble();
}

at::Tensor hidden_of(const Gpt2& model) {
  const auto entering = random_tensor({2, 5, 8}, 7, model.tensor("wte.weight").scalar_type());
  return model.run_blocks(entering, 0, 3, Attention::fused).detach();
}

TEST(LoraLayout, HasThePairOfEachTargetInCheckpointOrder) {
  const TunedLayout layout(small_config(), tuning({.rank = 3, .alpha = 3}));
  EXPECT_THAT(layout.names(), ElementsAre("h.1.mlp.c_fc.weight.lora_A", "h.1.mlp.c_fc.weight.lora_B",
                                          "h.1.mlp.c_proj.weight.lora_A", "h.1.mlp.c_proj.weight.lora_B",
                                          "h.2.attn.c_attn.weight.lora_A", "h.2.attn.c_attn.weight.lora_B",
                                          "h.2.attn.c_proj.weight.lora_A", "h.2.attn.c_proj.weight.lora_B",
                                          "h.2.mlp.c_fc.weight.lora_A", "h.2.mlp.c_fc.weight.lora_B",
                                          "h.2.mlp.c_proj.weight.lora_A", "h.2.mlp.c_proj.weight.lora_B"));
  EXPECT_THAT(layout.weights(),
              ElementsAre("h.1.mlp.c_fc.weight", "h.1.mlp.c_proj.weight", "h.2.attn.c_attn.weight",
                          "h.2.attn.c_proj.weight", "h.2.mlp.c_fc.weight", "h.2.mlp.c_proj.weight"));
  EXPECT_THAT(layout.tensors()[0].shape, ElementsAre(3, 8));
  EXPECT_THAT(layout.tensors()[1].shape, ElementsAre(32, 3));
  EXPECT_EQ(layout.n(), 3 * (4 * (8 + 32) + (8 + 24) + (8 + 8)));
  EXPECT_EQ(layout.first_block(), 1);
  std::int64_t offset = 0;
  for (const auto& tensor : layout.tensors()) {
    EXPECT_EQ(tensor.offset, offset);
    EXPECT_EQ(tensor.block, tensor.name.starts_with("h.1.") ? 1 : 2);
    offset += tensor.size;
  }
}

TEST(LoraLayout, TargetsNameOnePartOfABlock) {
  const auto weights = [](LoraTargets targets) {
    return TunedLayout(small_config(), {.blocks = {0},
                                        .mlp_only = {},
                                        .regularizers = {},
                                        .lora = LoraSpec{.rank = 2, .alpha = 2, .targets = targets}})
        .weights();
  };
  EXPECT_THAT(weights(LoraTargets::attention),
              ElementsAre("h.0.attn.c_attn.weight", "h.0.attn.c_proj.weight"));
  EXPECT_THAT(weights(LoraTargets::mlp), ElementsAre("h.0.mlp.c_fc.weight", "h.0.mlp.c_proj.weight"));
  EXPECT_EQ(weights(LoraTargets::all).size(), 4U);
}

TEST(LoraLayout, NoGroupSplitsAPair) {
  const auto with = [](int of_1, int of_2) {
    return groups_of(TunedLayout(small_config(), tuning({.rank = 2, .alpha = 2}, {{1, of_1}, {2, of_2}})));
  };
  // Pairs of block 2 hold 64, 32, 80, 80 of 256: the half, 128, is nearest to 96 (32 away, 176 is 48 away).
  EXPECT_THAT(with(1, 2), ElementsAre(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2));
  EXPECT_THAT(with(2, 4), ElementsAre(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5));
  EXPECT_THAT(with(0, 0), Each(-1));
}

TEST(LoraLayout, WrongSpecificationsNameTheOption) {
  const auto message = [](const TuningSpec& spec) {
    try {
      const TunedLayout layout(small_config(), spec);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return std::string(error.what());
    }
    return std::string("nothing thrown");
  };
  EXPECT_THAT(message(tuning({.rank = 9, .alpha = 9})),
              HasSubstr("--tune.lora 9: expected a rank of 1 to 8"));
  EXPECT_THAT(message(tuning({.rank = 0, .alpha = 1})), HasSubstr("--tune.lora 0"));
  EXPECT_EQ(message(tuning({.rank = 8, .alpha = 9})), "nothing thrown");
  EXPECT_THAT(message(tuning({.rank = 2, .alpha = 0})), HasSubstr("--tune.lora-alpha 0"));
  EXPECT_THAT(message(tuning({.rank = 2, .alpha = std::nan("")})), HasSubstr("--tune.lora-alpha"));
  EXPECT_THAT(message(tuning({.rank = 2, .alpha = 2}, {{1, 3}})), HasSubstr("which has 2 low-rank pairs"));
  EXPECT_THAT(message(tuning({.rank = 2, .alpha = 2, .targets = LoraTargets::attention})),
              HasSubstr("--tune.lora-targets: block 1 is left nothing"));
  TuningSpec embeddings = tuning({.rank = 2, .alpha = 2});
  embeddings.embedding_groups = 1;
  EXPECT_THAT(message(embeddings), HasSubstr("--tune.embeddings"));
}

/// A model with pairs of rank 3 and scale 2, both factors random.
struct Paired {
  explicit Paired(at::ScalarType type = at::kDouble)
      : model(generic_gpt2(small_config(), 0.3, 0.1, type)),
        layout(small_config(), tuning({.rank = 3, .alpha = 6})),
        plain(cast(model, type)) {
    add_pairs(model, layout, 5);
  }
  void fill() {
    std::uint64_t sequence = 60;
    for (const auto& tensor : layout.tensors())
      model.set(tensor.name,
                random_tensor(tensor.shape, sequence++, plain.tensor("wte.weight").scalar_type()));
  }
  Gpt2 model;
  TunedLayout layout;
  Gpt2 plain;  ///< without pairs
};

TEST(LoraPairs, StartAtTheModelItself) {
  const Paired at_start;
  EXPECT_TRUE(hidden_of(at_start.model).equal(hidden_of(at_start.plain)));
  for (const auto& name : at_start.layout.weights()) {
    const auto pair = at_start.model.pair(name);
    ASSERT_TRUE(pair) << name;
    EXPECT_EQ(pair->scale, 2.0);
    EXPECT_TRUE(pair->b.equal(at::zeros_like(pair->b))) << name;
    // Uniform in ±1/√in: |A| √in comes near 1 and no farther, its mean square is 1/3.
    const auto in_units = pair->a * std::sqrt(static_cast<double>(pair->a.size(1)));
    EXPECT_LE(largest(in_units), 1.0);
    EXPECT_GT(largest(in_units), 0.8);
    EXPECT_NEAR((in_units * in_units).mean().item().toDouble(), 1.0 / 3, 0.15);
  }
  EXPECT_FALSE(at_start.model.pair("h.1.attn.c_attn.weight"));
}

TEST(LoraPairs, AreTheSameForASeedWhateverElseIsTuned) {
  const Paired all;
  Gpt2 other = cast(all.plain, at::kDouble), another = cast(all.plain, at::kDouble);
  const TunedLayout fewer(small_config(),
                          {.blocks = {2},
                           .mlp_only = {},
                           .regularizers = {},
                           .lora = LoraSpec{.rank = 3, .alpha = 1, .targets = LoraTargets::mlp}});
  add_pairs(other, fewer, 5);
  add_pairs(another, fewer, 6);
  const std::string name = "h.2.mlp.c_fc.weight";
  EXPECT_TRUE(other.pair(name)->a.equal(all.model.pair(name)->a));
  EXPECT_FALSE(another.pair(name)->a.equal(all.model.pair(name)->a));
  EXPECT_FALSE(all.model.pair("h.1.mlp.c_fc.weight")->a.equal(all.model.pair(name)->a));
}

TEST(LoraPairs, ActAsTheMergedWeights) {
  Paired paired;
  paired.fill();
  const auto hidden = hidden_of(paired.model), plain = hidden_of(paired.plain);
  EXPECT_GT(largest(hidden - plain), 1e-2);
  for (const double scale : {2.0, 2.02, 0.0}) {
    Gpt2 dense = cast(paired.plain, at::kDouble);
    for (const auto& name : paired.layout.weights()) {
      const auto pair = paired.model.pair(name);
      dense.set(name, paired.plain.tensor(name) + at::mm(pair->b, pair->a).t() * scale);
    }
    const double distance = largest(hidden_of(dense) - hidden) / largest(hidden);
    if (scale == 2.0) {
      EXPECT_LT(distance, 1e-13);
    } else {
      EXPECT_GT(distance, 1e-4) << "a wrong scale is seen";
    }
  }
}

TEST(LoraPairs, MergeIntoAModelWithout) {
  Paired paired;
  paired.fill();
  const auto before = hidden_of(paired.model);
  const auto of_attention = merged_tensor(paired.model, "h.2.attn.c_attn.weight").clone();
  EXPECT_TRUE(merged_tensor(paired.model, "h.1.attn.c_attn.weight")
                  .equal(paired.plain.tensor("h.1.attn.c_attn.weight")));
  merge_pairs(paired.model);
  EXPECT_LT(largest(hidden_of(paired.model) - before), 1e-13 * largest(before));
  EXPECT_TRUE(paired.model.tensor("h.2.attn.c_attn.weight").equal(of_attention));
  EXPECT_FALSE(paired.model.pair("h.2.attn.c_attn.weight"));
  EXPECT_EQ(paired.model.specs().size(), tensor_specs(small_config()).size());
  EXPECT_THROW((void)paired.model.tensor("h.2.attn.c_attn.weight.lora_A"), Error);
}

TEST(LoraPairs, AreRoundedOnceInFloat32) {
  Paired paired(at::kFloat);
  paired.fill();
  const std::string name = "h.2.mlp.c_proj.weight";
  const auto pair = paired.model.pair(name);
  const auto exact = paired.plain.tensor(name).to(at::kDouble) +
                     at::mm(pair->b.to(at::kDouble), pair->a.to(at::kDouble)).t() * 2.0;
  EXPECT_TRUE(merged_tensor(paired.model, name).equal(exact.to(at::kFloat)));
}

TEST(LoraPairs, GoWithACopyInAnotherType) {
  Paired paired;
  paired.fill();
  const Gpt2 rounded = cast(paired.model, at::kBFloat16);
  for (const auto& name : paired.layout.weights()) {
    const auto pair = rounded.pair(name);
    ASSERT_TRUE(pair) << name;
    EXPECT_TRUE(pair->a.equal(paired.model.pair(name)->a.to(at::kBFloat16)));
    EXPECT_EQ(pair->scale, 2.0);
  }
}

TEST(LoraPairs, StandBesideWeightMatricesOfBlocksOnly) {
  Paired paired;
  const auto a = random_tensor({2, 8}, 1), b = random_tensor({8, 2}, 2);
  EXPECT_THROW(paired.model.add_pair("wpe.weight", {a, b}), Error);
  EXPECT_THROW(paired.model.add_pair("h.0.ln_1.weight", {a, b}), Error);
  EXPECT_THROW(paired.model.add_pair("h.2.attn.c_proj.weight", {a, b}), Error) << "it has one";
  EXPECT_THROW(paired.model.add_pair("h.0.attn.c_attn.weight", {a, b}), Error) << "B has too few rows";
}

TEST(LoraParameters, MoveThePairsAndNothingElse) {
  Paired paired;
  const TunedParameters tuned(paired.model, paired.layout);
  tuned.flat().copy_(random_tensor({tuned.n()}, 9));
  for (const auto& spec : paired.model.specs()) {
    const bool is_factor = spec.name.find(".lora_") != std::string::npos;
    EXPECT_EQ(paired.model.tensor(spec.name).requires_grad(), is_factor) << spec.name;
    if (!is_factor) {
      EXPECT_TRUE(paired.model.tensor(spec.name).equal(paired.plain.tensor(spec.name)));
    }
  }
  const auto& last = paired.layout.tensors().back();
  EXPECT_TRUE(
      paired.model.tensor(last.name).equal(tuned.view(tuned.flat(), paired.layout.tensors().size() - 1)));
}

TEST(LoraParameters, NeedTheModelsPairs) {
  Gpt2 model = generic_gpt2(small_config(), 0.3, 0.1, at::kDouble);
  const TunedLayout layout(small_config(), tuning({.rank = 3, .alpha = 6}));
  EXPECT_THROW(TunedParameters(model, layout), Error);
}

}  // namespace
}  // namespace lift
