#include "src/model/tuning.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <gmock/gmock.h>

#include <functional>

#include "mpi/error.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Groups of the tuned tensors in order.
std::vector<int> groups_of(const TunedLayout& layout) {
  std::vector<int> result;
  for (const auto& tensor : layout.tensors()) result.push_back(tensor.group);
  return result;
}

Gpt2Config small_config() {
  Gpt2Config config;
  config.layers = 3;
  config.width = 8;
  config.heads = 2;
  config.positions = 6;
  config.vocabulary = 10;
  config.inner = 32;
  return config;
}

TEST(TunedLayout, CountsThePapersParameters) {
  const Gpt2Config gpt2_small;
  EXPECT_EQ(TunedLayout(gpt2_small, {.blocks = {7}, .mlp_only = {}, .regularizers = {}}).n(), 7'087'872);
  EXPECT_EQ(TunedLayout(gpt2_small, {.blocks = {1}, .mlp_only = {1}, .regularizers = {}}).n(), 4'722'432);
  const TunedLayout paper(
      gpt2_small, {.blocks = {1, 7, 11}, .mlp_only = {1, 11}, .regularizers = {{1, 1}, {7, 0}, {11, 1}}});
  EXPECT_EQ(paper.n(), 16'532'736);
  EXPECT_EQ(paper.p(), 2);
  EXPECT_EQ(paper.first_block(), 1);
  EXPECT_THAT(groups_of(paper),
              ElementsAre(0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1));
}

TEST(TunedLayout, FollowsTheCheckpointOrderWhateverTheOrderGiven) {
  const TunedLayout layout(small_config(), {.blocks = {2, 0}, .mlp_only = {0}, .regularizers = {}});
  std::vector<std::string> expected;
  std::int64_t offset = 0;
  for (const auto& spec : tensor_specs(small_config()))
    if (spec.name.starts_with("h.0.mlp.") || spec.name.starts_with("h.2.")) expected.push_back(spec.name);
  EXPECT_EQ(layout.names(), expected);
  for (const auto& tensor : layout.tensors()) {
    EXPECT_EQ(tensor.offset, offset);
    EXPECT_EQ(tensor.block, tensor.name.starts_with("h.0.") ? 0 : 2);
    offset += tensor.size;
  }
  EXPECT_EQ(layout.n(), offset);
  EXPECT_EQ(layout.first_block(), 0);
  EXPECT_FALSE(layout.tunes_embeddings());
}

TEST(TunedLayout, CutsGroupsWherePartsComeClosestToEqual) {
  const auto with_groups = [](int count) {
    return groups_of(
        TunedLayout(small_config(), {.blocks = {1}, .mlp_only = {}, .regularizers = {{1, count}}}));
  };
  // Sizes 8 8 | 192 24 | 64 8 | 8 8 | 256 32 | 256 8, 872 in all; before them 0 8 16 208 232 296 304 312 320
  // 576 608 864. The half, 436, is nearest to 320 (116 away, 576 is 140 away).
  EXPECT_THAT(with_groups(2), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1));
  // Thirds 290.7 and 581.3 are nearest to 296 and 576.
  EXPECT_THAT(with_groups(3), ElementsAre(0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2));
  EXPECT_THAT(with_groups(12), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)) << "one tensor each";
  EXPECT_THAT(with_groups(0), ::testing::Each(-1));
}

TEST(TunedLayout, NumbersGroupsInTheOrderOfW) {
  const TunedLayout layout(small_config(),
                           {.blocks = {0, 1, 2}, .mlp_only = {0, 1, 2}, .regularizers = {{0, 2}, {1, 0}}});
  EXPECT_EQ(layout.p(), 3);
  EXPECT_THAT(groups_of(layout), ElementsAre(0, 0, 1, 1, -1, -1, -1, -1, 2, 2, 2, 2));
}

TEST(TunedLayout, TunedEmbeddingsComeFirstWithGroupsOfTheirOwn) {
  const auto with_groups = [](std::int64_t count) {
    return TunedLayout(small_config(),
                       {.blocks = {1}, .mlp_only = {1}, .regularizers = {}, .embedding_groups = count});
  };
  const auto layout = with_groups(2);
  EXPECT_TRUE(layout.tunes_embeddings());
  EXPECT_EQ(layout.first_block(), 0) << "nothing below is frozen";
  EXPECT_EQ(layout.names()[0], "wte.weight");
  EXPECT_EQ(layout.names()[1], "wpe.weight");
  EXPECT_THAT(groups_of(layout), ElementsAre(0, 1, 2, 2, 2, 2));
  EXPECT_THAT(groups_of(with_groups(1)), ElementsAre(0, 0, 1, 1, 1, 1));
  EXPECT_THAT(groups_of(with_groups(0)), ElementsAre(-1, -1, 0, 0, 0, 0));
  EXPECT_EQ(with_groups(0).p(), 1);
}

TEST(TunedLayout, EverythingIsEveryTensorInOneGroup) {
  const auto layout = TunedLayout::everything(small_config());
  std::int64_t total = 0;
  for (const auto& spec : tensor_specs(small_config())) total += spec.size();
  EXPECT_EQ(layout.n(), total);
  EXPECT_EQ(layout.p(), 1);
  EXPECT_TRUE(layout.tunes_embeddings());
  EXPECT_EQ(layout.names().front(), "wte.weight");
  EXPECT_EQ(layout.names().back(), "ln_f.bias");
}

TEST(TunedLayout, WrongSpecificationsNameTheOption) {
  const auto message = [](const TuningSpec& spec) {
    try {
      const TunedLayout layout(small_config(), spec);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return std::string(error.what());
    }
    return std::string("nothing thrown");
  };
  EXPECT_THAT(message({}), HasSubstr("--tune.blocks: no block"));
  EXPECT_THAT(message({.blocks = {3}, .mlp_only = {}, .regularizers = {}}), HasSubstr("blocks 0 to 2"));
  EXPECT_THAT(message({.blocks = {-1}, .mlp_only = {}, .regularizers = {}}), HasSubstr("block -1"));
  EXPECT_THAT(message({.blocks = {1, 1}, .mlp_only = {}, .regularizers = {}}), HasSubstr("twice"));
  EXPECT_THAT(message({.blocks = {1}, .mlp_only = {2}, .regularizers = {}}), HasSubstr("--tune.mlp-only"));
  EXPECT_THAT(message({.blocks = {1}, .mlp_only = {1, 1}, .regularizers = {}}), HasSubstr("twice"));
  EXPECT_THAT(message({.blocks = {1}, .mlp_only = {}, .regularizers = {{0, 1}}}),
              HasSubstr("--tune.regularizers"));
  EXPECT_THAT(message({.blocks = {1}, .mlp_only = {}, .regularizers = {{1, -1}}}),
              HasSubstr("--tune.regularizers"));
  EXPECT_THAT(message({.blocks = {1}, .mlp_only = {1}, .regularizers = {{1, 5}}}),
              HasSubstr("4 tuned tensors"));
}

TEST(TunedParameters, MoveTheModelAndNothingElse) {
  auto model = random_gpt2(small_config(), 3, at::kFloat);
  std::vector<at::Tensor> before;
  for (const auto& spec : tensor_specs(small_config())) before.push_back(model.tensor(spec.name).clone());
  const TunedParameters tuned(
      model, TunedLayout(model.config(), {.blocks = {1}, .mlp_only = {1}, .regularizers = {}}));
  EXPECT_FALSE(tuned.flat().requires_grad());
  tuned.flat().copy_(at::arange(tuned.n(), at::kFloat));

  std::size_t i = 0, k = 0;
  for (const auto& spec : tensor_specs(small_config())) {
    const bool is_tuned = spec.name.starts_with("h.1.mlp.");
    const auto& tensor = model.tensor(spec.name);
    EXPECT_EQ(tensor.requires_grad(), is_tuned) << spec.name;
    EXPECT_EQ(tensor.equal(before[i++]), !is_tuned) << spec.name;
    if (!is_tuned) continue;
    EXPECT_TRUE(tensor.is_same(tuned.leaves()[k]));
    EXPECT_TRUE(tensor.equal(tuned.view(tuned.flat(), k)));
    EXPECT_EQ(tensor.flatten()[0].item().toLong(), tuned.layout().tensors()[k++].offset);
  }
}

TEST(TunedParameters, StartFromTheModelsValues) {
  auto model = random_gpt2(small_config(), 3, at::kDouble);
  const auto weight = model.tensor("h.2.mlp.c_proj.weight").clone();
  const TunedParameters tuned(
      model, TunedLayout(model.config(), {.blocks = {0, 2}, .mlp_only = {}, .regularizers = {}}));
  const auto& last = tuned.layout().tensors()[tuned.leaves().size() - 2];
  EXPECT_EQ(last.name, "h.2.mlp.c_proj.weight");
  EXPECT_TRUE(tuned.flat().narrow(0, last.offset, last.size).view({32, 8}).equal(weight));
}

TEST(TunedParameters, OfAnotherLayoutTakeOver) {
  auto model = random_gpt2(small_config(), 3, at::kDouble);
  { const TunedParameters first(model, TunedLayout::everything(model.config())); }
  const TunedParameters second(
      model, TunedLayout(model.config(), {.blocks = {2}, .mlp_only = {2}, .regularizers = {}}));
  for (const auto& spec : tensor_specs(small_config()))
    EXPECT_EQ(model.tensor(spec.name).requires_grad(), spec.name.starts_with("h.2.mlp.")) << spec.name;
}

}  // namespace
}  // namespace lift
