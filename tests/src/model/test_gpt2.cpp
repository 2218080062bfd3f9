#include "src/model/gpt2.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "mpi/error.hpp"
#include "src/model/checkpoint.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

Gpt2Config small_config() {
  Gpt2Config config;
  config.layers = 2;
  config.width = 12;
  config.heads = 3;
  config.positions = 16;
  config.vocabulary = 29;
  config.inner = 20;
  return config;
}

at::Tensor last_hidden(const Gpt2& model, const at::Tensor& tokens, Attention attention) {
  const auto hidden = model.run_blocks(model.embed(tokens), 0, model.config().layers, attention);
  return model.final_norm(hidden);
}

at::Tensor some_tokens() {
  return (at::arange(24, at::kLong) * 7).remainder(29).view({2, 12});
}

class Gpt2Test : public ::testing::TestWithParam<Attention> {};

TEST_P(Gpt2Test, IsCausal) {
  auto model = random_gpt2(small_config(), 5, at::kDouble);
  // Attention must depend on its inputs, and the plain path is taken only where a derivative may be asked
  // for.
  for (const char* name : {"h.0.attn.c_attn.weight", "h.1.attn.c_attn.weight"})
    model.set(name, (model.tensor(name) * 50).requires_grad_());
  const auto tokens = some_tokens();
  auto changed = tokens.clone();
  changed.select(1, 7).add_(1).remainder_(29);
  const auto before = last_hidden(model, tokens, GetParam()), after = last_hidden(model, changed, GetParam());
  EXPECT_TRUE(before.narrow(1, 0, 7).equal(after.narrow(1, 0, 7))) << "positions before the change";
  for (std::int64_t t = 7; t < 12; ++t)
    EXPECT_GT((before - after).select(1, t).abs().min().item().toDouble(), 1e-9) << "position " << t;
}

TEST_P(Gpt2Test, TreatsSequencesOfABatchAlone) {
  auto model = random_gpt2(small_config(), 5, at::kDouble);
  model.set("h.0.attn.c_attn.bias", model.tensor("h.0.attn.c_attn.bias").clone().requires_grad_());
  const auto tokens = some_tokens();
  const auto both = last_hidden(model, tokens, GetParam());
  const auto second = last_hidden(model, tokens.narrow(0, 1, 1), GetParam());
  EXPECT_LT((both.narrow(0, 1, 1) - second).abs().max().item().toDouble(), 1e-13);
}

INSTANTIATE_TEST_SUITE_P(Paths, Gpt2Test,
                         ::testing::Values(Attention::fused, Attention::twice_differentiable),
                         [](const auto& info) {
                           return info.param == Attention::fused ? "fused" : "twice_differentiable";
                         });

TEST(Gpt2, RandomWeightsAreThoseOfHfAndOfTheSeed) {
  auto config = small_config();
  config.width = 96;
  config.inner = 384;
  const auto model = random_gpt2(config, 5, at::kFloat), same = random_gpt2(config, 5, at::kFloat);
  const auto other = random_gpt2(config, 6, at::kFloat);
  const auto deviation = [&](const char* name) { return model.tensor(name).std().item().toDouble(); };
  EXPECT_NEAR(deviation("h.0.mlp.c_fc.weight"), 0.02, 4e-4);
  EXPECT_NEAR(deviation("h.1.mlp.c_proj.weight"), 0.01, 2e-4) << "0.02/√(2·2 layers)";
  EXPECT_NEAR(deviation("h.1.attn.c_proj.weight"), 0.01, 3e-4);
  for (const auto& spec : tensor_specs(config)) {
    EXPECT_TRUE(model.tensor(spec.name).equal(same.tensor(spec.name))) << spec.name;
    EXPECT_EQ(model.tensor(spec.name).equal(other.tensor(spec.name)), spec.shape.size() == 1) << spec.name;
    EXPECT_FALSE(model.tensor(spec.name).requires_grad());
  }
  EXPECT_TRUE(model.tensor("ln_f.weight").equal(at::ones({96})));
  EXPECT_TRUE(model.tensor("h.0.attn.c_attn.bias").equal(at::zeros({3 * 96})));
  EXPECT_FALSE(model.tensor("h.0.mlp.c_fc.weight").equal(model.tensor("h.1.mlp.c_fc.weight")));
}

TEST(Gpt2, TensorsThatDoNotFitAreRefused) {
  auto model = random_gpt2(small_config(), 5, at::kFloat);
  EXPECT_THROW((void)model.tensor("h.2.ln_1.weight"), Error);
  EXPECT_THROW(model.set("ln_f.bias", at::zeros({13})), Error);
  EXPECT_THROW(model.set("ln_f.bias", at::zeros({12}, at::kDouble)), Error);
  EXPECT_THROW(Gpt2(small_config(), {{"wte.weight", at::zeros({29, 12})}}), Error);
  EXPECT_THROW((void)model.embed(at::zeros({1, 17}, at::kLong)), Error) << "more tokens than positions";
}

TEST(Gpt2, LogitsAreThoseOfHf) {
  const auto models = shared_folder() / "models";
  if (!std::filesystem::exists(models / "reference.json"))
    GTEST_SKIP() << models / "reference.json"
                 << " is not there";
  nlohmann::json reference;
  std::ifstream(models / "reference.json") >> reference;
  const auto ids = reference["prompt_ids"].get<std::vector<std::int64_t>>();
  const auto tokens = at::tensor(at::ArrayRef<std::int64_t>(ids), at::kLong).unsqueeze(0);
  const auto world = Communicator::world();
  const c10::NoGradGuard no_graph;
  for (const auto& [type, tolerance] : {std::pair{at::kFloat, 1e-4}, std::pair{at::kDouble, 1e-9}}) {
    const auto model = load_checkpoint(models / "gpt2-stand-in", type, at::kCPU, world);
    const auto hidden = last_hidden(model, tokens, Attention::fused);
    const auto logits = hidden[0][-1].matmul(model.tensor("wte.weight").t());
    for (const auto& [token, expected] : reference["last_logits"].items())
      EXPECT_NEAR(logits[std::stoll(token)].item().toDouble(), expected.get<double>(), tolerance);
    EXPECT_EQ(logits.argmax().item().toLong(), reference["last_argmax"].get<std::int64_t>());
    EXPECT_NEAR(at::logsumexp(logits, 0).item().toDouble(), reference["last_logsumexp"].get<double>(),
                tolerance);
  }
}

}  // namespace
}  // namespace lift
