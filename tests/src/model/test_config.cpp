#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "src/model/config.hpp"
#include "tests/src/model/helpers.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using Json = nlohmann::json;

class ConfigTest : public testing::Test {
 protected:
  Gpt2Config load(const std::string& text) {
    put(folder_ / "config.json", text);
    return Gpt2Config::load(folder_.path());
  }

  /// A valid configuration in which `patch` replaces keys, and drops those it gives as null.
  static std::string patched(const Json& patch) {
    Json json = Json::parse(Gpt2Config{}.to_json());
    json.merge_patch(patch);
    return json.dump();
  }

  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
};

TEST_F(ConfigTest, WhatIsWrittenIsReadBack) {
  const Gpt2Config config{.layers = 3,
                          .width = 24,
                          .heads = 6,
                          .positions = 17,
                          .vocabulary = 101,
                          .inner = 50,
                          .layer_norm_epsilon = 3e-6};
  EXPECT_EQ(load(config.to_json()), config);
  EXPECT_EQ(load(Gpt2Config{}.to_json()), Gpt2Config{});
  EXPECT_NE(config, Gpt2Config{});
}

TEST_F(ConfigTest, InnerWidthIsFourfoldUnlessGiven) {
  EXPECT_EQ(load(patched({{"n_embd", 120}})).inner, 480);
  EXPECT_EQ(load(R"({"model_type": "gpt2", "n_inner": null, "n_layer": 1, "n_embd": 8, "n_head": 2,
                     "n_positions": 4, "vocab_size": 9})")
                .inner,
            32);
  EXPECT_EQ(load(patched({{"n_inner", 100}})).inner, 100);
}

// The configuration of the first GPT-2 on the HF hub, from 2019.
TEST_F(ConfigTest, OldNamesAreUnderstood) {
  const std::string old = R"({"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"],
    "attn_pdrop": 0.1, "bos_token_id": 50256, "embd_pdrop": 0.1, "eos_token_id": 50256, "n_ctx": 1024,
    "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_embd": 1600, "n_head": 25,
    "n_layer": 48, "resid_pdrop": 0.1, "summary_type": "cls_index", "torch_dtype": "float16",
    "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}}, "vocab_size": 50257})";
  const Gpt2Config config = load(old);
  EXPECT_EQ(config.positions, 1024);
  EXPECT_EQ(config.width, 1600);
  EXPECT_EQ(config.layers, 48);
}

TEST_F(ConfigTest, TheTwoNamesOfTheSameActivationAreAccepted) {
  EXPECT_EQ(load(patched({{"activation_function", "gelu_pytorch_tanh"}})), Gpt2Config{});
  EXPECT_EQ(load(patched({{"activation_function", "gelu_new"}})), Gpt2Config{});
}

struct Refusal {
  Json patch;
  std::string key;
  std::string found;
};

TEST_F(ConfigTest, WhatIsNotImplementedIsRefusedByKeyAndValue) {
  const std::vector<Refusal> refusals = {
      {{{"model_type", "llama"}}, "model_type", "\"llama\""},
      {{{"model_type", nullptr}, {"architectures", nullptr}}, "model_type", "missing"},
      {{{"architectures", {"GPT2DoubleHeadsModel"}}}, "architectures", "GPT2DoubleHeadsModel"},
      {{{"architectures", {"GPT2LMHeadModel", "GPT2Model"}}}, "architectures", "GPT2LMHeadModel"},
      {{{"activation_function", "relu"}}, "activation_function", "\"relu\""},
      {{{"activation_function", "gelu"}}, "activation_function", "\"gelu\""},
      {{{"scale_attn_weights", false}}, "scale_attn_weights", "false"},
      {{{"scale_attn_by_inverse_layer_idx", true}}, "scale_attn_by_inverse_layer_idx", "true"},
      {{{"reorder_and_upcast_attn", true}}, "reorder_and_upcast_attn", "true"},
      {{{"add_cross_attention", true}}, "add_cross_attention", "true"},
      {{{"tie_word_embeddings", false}}, "tie_word_embeddings", "false"},
      {{{"quantization_config", {{"bits", 4}}}}, "quantization_config", "bits"},
      {{{"pruned_heads", {{"1", {0}}}}}, "pruned_heads", "\"1\""},
      {{{"n_head", 7}}, "n_head", "7"},
      {{{"n_head", 0}}, "n_head", "0"},
      {{{"n_head", nullptr}}, "n_head", "missing"},
      {{{"n_layer", -12}}, "n_layer", "-12"},
      {{{"n_layer", 2'000'000'000}}, "n_layer", "2000000000"},
      {{{"n_embd", 768.5}}, "n_embd", "768.5"},
      {{{"n_embd", "768"}}, "n_embd", "\"768\""},
      {{{"n_embd", 1'000'000'000}}, "n_embd", "1000000000"},
      {{{"n_positions", nullptr}}, "n_positions", "missing"},
      {{{"vocab_size", 1e30}}, "vocab_size", "1e+30"},
      {{{"vocab_size", true}}, "vocab_size", "true"},
      {{{"n_inner", 0}}, "n_inner", "0"},
      {{{"n_inner", 2'147'483'647}}, "n_inner", "2147483647"},
      {{{"layer_norm_epsilon", 0}}, "layer_norm_epsilon", "0"},
      {{{"layer_norm_epsilon", "1e-5"}}, "layer_norm_epsilon", "1e-5"}};
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(refusal.patch.dump());
    expect_error(ExitCode::input, {"config.json: " + refusal.key + " is ", refusal.found, "expected"},
                 [&] { load(patched(refusal.patch)); });
  }
}

TEST_F(ConfigTest, WhatIsNotAConfigurationIsRefused) {
  expect_error(ExitCode::input, {"config.json", "No such file"}, [&] { Gpt2Config::load(folder_.path()); });
  expect_error(ExitCode::input, {"config.json", "not valid JSON"}, [&] { load("{\"n_layer\": 12,"); });
  expect_error(ExitCode::input, {"config.json", "not valid JSON"}, [&] { load(""); });
  expect_error(ExitCode::input, {"config.json", "expected an object"}, [&] { load("[1, 2]"); });
  expect_error(ExitCode::input, {"config.json", "\"n_layer\" stands twice"},
               [&] { load(R"({"n_layer": 12, "n_layer": 13})"); });
  const std::string deep(100'000, '[');
  expect_error(ExitCode::input, {"config.json", "nested", "expected at most 100"},
               [&] { load("{\"n_layer\": " + deep + std::string(deep.size(), ']') + "}"); });
  std::filesystem::remove(folder_ / "config.json");
  std::filesystem::create_directory(folder_ / "config.json");
  expect_error(ExitCode::input, {"config.json", "folder"}, [&] { Gpt2Config::load(folder_.path()); });
}

TEST_F(ConfigTest, ValuesMayBeNestedWhereNothingReadsThem) {
  const std::string deep = std::string(99, '[') + std::string(99, ']');
  EXPECT_EQ(load(patched({{"extra", Json::parse(deep)}})), Gpt2Config{});
}

TEST(TensorSpecs, OfTheLargestConfigurationDoNotOverflow) {
  const Gpt2Config largest{.layers = 10'000,
                           .width = 1 << 20,
                           .heads = 1,
                           .positions = INT32_MAX,
                           .vocabulary = INT32_MAX,
                           .inner = 1 << 24};
  std::int64_t parameters = 0;
  for (const TensorSpec& spec : tensor_specs(largest)) {
    ASSERT_GT(spec.size(), 0);
    ASSERT_FALSE(__builtin_add_overflow(parameters, spec.size(), &parameters)) << spec.name;
  }
}

TEST(TensorSpecs, CountGpt2SmallInCheckpointOrder) {
  const std::vector<TensorSpec> specs = tensor_specs(Gpt2Config{});
  std::int64_t parameters = 0;
  for (const TensorSpec& spec : specs) parameters += spec.size();
  EXPECT_EQ(parameters, 124'439'808);
  ASSERT_EQ(specs.size(), 2U + 12U * 12U + 2U);
  const std::vector<std::string> first = {"wte.weight",
                                          "wpe.weight",
                                          "h.0.ln_1.weight",
                                          "h.0.ln_1.bias",
                                          "h.0.attn.c_attn.weight",
                                          "h.0.attn.c_attn.bias",
                                          "h.0.attn.c_proj.weight",
                                          "h.0.attn.c_proj.bias",
                                          "h.0.ln_2.weight",
                                          "h.0.ln_2.bias",
                                          "h.0.mlp.c_fc.weight",
                                          "h.0.mlp.c_fc.bias",
                                          "h.0.mlp.c_proj.weight",
                                          "h.0.mlp.c_proj.bias",
                                          "h.1.ln_1.weight"};
  for (std::size_t k = 0; k < first.size(); ++k) EXPECT_EQ(specs[k].name, first[k]);
  EXPECT_EQ(specs[4].shape, (std::vector<std::int64_t>{768, 2304}));
  EXPECT_EQ(specs[12].shape, (std::vector<std::int64_t>{3072, 768}));
  EXPECT_EQ(specs.back().name, "ln_f.bias");
}

}  // namespace
}  // namespace lift
