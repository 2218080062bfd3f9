#include "src/model/adapter.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>
#include <gmock/gmock.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "src/files/atomic_file.hpp"
#include "src/model/checkpoint.hpp"
#include "src/model/lora_pairs.hpp"
#include "src/model/safetensors.hpp"
#include "src/model/stored_tensor.hpp"
#include "tests/src/model/helpers.hpp"
#include "tests/src/model/model_folder.hpp"
#include "tests/support/random_gpt2.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kRank = 2;

/// A model whose source lies in a folder, with pairs that are not at their start.
class AdapterTest : public testing::Test {
 protected:
  AdapterTest() { ModelFolder().write(own_ / "base"); }

  [[nodiscard]] Gpt2 read(const fs::path& folder) const {
    return load_checkpoint(folder, at::kFloat, at::kCPU, self_);
  }
  /// Pairs as `tuning` says, written into "adapter".
  Gpt2 save(TuningSpec tuning, double alpha = 3) {
    tuning.lora = LoraSpec{.rank = kRank, .alpha = alpha};
    Gpt2 model = read(own_ / "base");
    const TunedLayout layout(model.config(), tuning);
    add_pairs(model, layout, 1);
    std::uint64_t sequence = 20;
    for (const auto& tensor : layout.tensors())
      model.set(tensor.name, random_tensor(tensor.shape, sequence++, at::kFloat));
    save_adapter(own_ / "adapter", model, *layout.lora(), own_ / "base");
    return model;
  }
  [[nodiscard]] Json config() const { return Json::parse(read_file(own_ / "adapter/adapter_config.json")); }
  [[nodiscard]] std::string weights() const { return own_ / "adapter/adapter_model.safetensors"; }
  void put_config(const std::string& key, const Json& value) {
    Json json = config();
    json[key] = value;
    put(own_ / "adapter/adapter_config.json", json.dump());
  }
  /// The adapter's file with one tensor as the test likes, or without it.
  void put_weights(const std::string& changed, const std::optional<at::Tensor>& to) {
    std::vector<at::Tensor> values;
    std::vector<TensorToWrite> tensors;
    const SafetensorsFile file(weights());
    for (const auto& [name, entry] : file.entries()) {
      if (name == changed && !to) continue;
      values.push_back(name == changed ? *to : to_tensor(entry));
      tensors.push_back({name, stored_type(values.back().scalar_type()), values.back().sizes().vec(), {}});
    }
    for (std::size_t k = 0; k < tensors.size(); ++k) tensors[k].bytes = bytes_of(values[k]);
    write_safetensors(weights(), tensors);
  }

  Communicator self_ = Communicator::self();
  TempFolder own_{self_};  ///< each rank works below its own
};

const std::string kFirst = "base_model.model.transformer.h.1.mlp.c_fc.lora_A.weight";

TEST_F(AdapterTest, HoldsThePairsByPeftsNames) {
  const Gpt2 model = save({.blocks = {1}, .mlp_only = {1}, .regularizers = {}});
  const SafetensorsFile file(weights());
  EXPECT_EQ(file.entries().size(), 4U);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  for (const std::string layer : {"h.1.mlp.c_fc", "h.1.mlp.c_proj"}) {
    const auto pair = model.pair(layer + ".weight");
    const std::string stored = "base_model.model.transformer." + layer;
    EXPECT_TRUE(same_bits(to_tensor(file.at(stored + ".lora_A.weight")), pair->a));
    EXPECT_TRUE(same_bits(to_tensor(file.at(stored + ".lora_B.weight")), pair->b));
  }
  const auto found = inspect_adapter(own_ / "adapter");
  EXPECT_EQ(found.pairs, 2);
  EXPECT_EQ(found.rank, kRank);
}

TEST_F(AdapterTest, ItsConfigurationIsWhatPeftReads) {
  save({.blocks = {1}, .mlp_only = {1}, .regularizers = {}});
  EXPECT_EQ(config(), Json({{"peft_type", "LORA"},
                            {"task_type", "CAUSAL_LM"},
                            {"base_model_name_or_path", fs::absolute(own_ / "base").string()},
                            {"inference_mode", true},
                            {"r", kRank},
                            {"lora_alpha", 3},
                            {"lora_dropout", 0.0},
                            {"bias", "none"},
                            {"fan_in_fan_out", true},
                            {"target_modules", {"mlp.c_fc", "mlp.c_proj"}},
                            {"layers_to_transform", {1}}}));
  save({.blocks = {0, 1}, .mlp_only = {}, .regularizers = {}}, 0.5);
  EXPECT_EQ(config().at("layers_to_transform"), Json());
  EXPECT_EQ(config().at("lora_alpha"), 0.5);
  EXPECT_EQ(config().at("target_modules"), Json({"attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"}));
}

TEST_F(AdapterTest, BlocksThatDifferAreTargetedByAPatternOfTheirLayersAlone) {
  save({.blocks = {0, 1}, .mlp_only = {1}, .regularizers = {}});
  EXPECT_EQ(config().at("layers_to_transform"), Json());
  const std::regex pattern(config().at("target_modules").get<std::string>());
  const auto stored = SafetensorsFile(weights()).entries();
  for (const char* block : {"h.0.", "h.1.", "h.10.", "h.11."}) {
    for (const char* layer :
         {"attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj", "attn", "attnxc_attn"}) {
      const std::string name = std::string("transformer.") + block + layer;
      EXPECT_EQ(std::regex_match(name, pattern),
                stored.contains("base_model.model." + name + ".lora_A.weight"))
          << name;
    }
  }
}

TEST_F(AdapterTest, TheModelIsSavedMerged) {
  const Gpt2 model = save({.blocks = {0, 1}, .mlp_only = {1}, .regularizers = {}});
  save_checkpoint(own_ / "merged", model, own_ / "base", {});
  const Gpt2 merged = read(own_ / "merged"), base = read(own_ / "base");
  for (const TensorSpec& spec : tensor_specs(model.config())) {
    at::Tensor expected = base.tensor(spec.name);
    if (const auto pair = model.pair(spec.name))
      expected = (expected.to(at::kDouble) +
                  at::mm(pair->b.to(at::kDouble), pair->a.to(at::kDouble)).t() * (3.0 / kRank))
                     .to(at::kFloat);
    EXPECT_TRUE(same_bits(merged.tensor(spec.name), expected.contiguous())) << spec.name;
  }
}

TEST_F(AdapterTest, AFactorThatIsNotFiniteIsRefused) {
  Gpt2 model = save({.blocks = {1}, .mlp_only = {1}, .regularizers = {}});
  model.tensor("h.1.mlp.c_fc.weight.lora_B").fill_(std::numeric_limits<float>::infinity());
  expect_error(ExitCode::numerical, {"h.1.mlp.c_fc.weight.lora_B", "not finite"},
               [&] { save_adapter(own_ / "other", model, {.rank = kRank, .alpha = 1}, own_ / "base"); });
  EXPECT_FALSE(fs::exists(own_ / "other"));
}

TEST_F(AdapterTest, WhatIsBrokenIsNamed) {
  const auto broken = [&](const std::vector<std::string>& parts, const auto& spoil) {
    save({.blocks = {1}, .mlp_only = {1}, .regularizers = {}});
    spoil();
    expect_error(ExitCode::input, parts, [&] { (void)inspect_adapter(own_ / "adapter"); });
  };
  broken({"adapter_config.json: peft_type is \"IA3\""}, [&] { put_config("peft_type", "IA3"); });
  broken({"adapter_config.json: r is -1"}, [&] { put_config("r", -1); });
  broken({"c_fc.lora_A.weight", "[2, 8]", "with 3 in place 0"}, [&] { put_config("r", 3); });
  broken({"adapter_config.json"}, [&] { put(own_ / "adapter/adapter_config.json", "{"); });
  broken({"adapter_model.safetensors"}, [&] { fs::resize_file(weights(), fs::file_size(weights()) - 1); });
  broken({"c_fc.lora_B.weight", "is of no pair"}, [&] { put_weights(kFirst, std::nullopt); });
  broken({"c_fc.lora_A.weight", "is not finite"}, [&] {
    put_weights(kFirst, at::Tensor(random_tensor({kRank, 8}, 1) / 0.0));
  });
}

}  // namespace
}  // namespace lift
