#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/files/atomic_file.hpp"
#include "src/model/checkpoint.hpp"
#include "src/model/safetensors.hpp"
#include "src/model/stored_tensor.hpp"
#include "tests/src/model/helpers.hpp"
#include "tests/src/model/model_folder.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class SaveTest : public testing::Test {
 protected:
  [[nodiscard]] Gpt2 read(const fs::path& folder) const {
    return load_checkpoint(folder, at::kFloat, at::kCPU, self_);
  }
  [[nodiscard]] std::vector<std::string> names(const fs::path& folder) const {
    std::vector<std::string> names;
    for (const auto& item : fs::directory_iterator(folder)) names.push_back(item.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
  TempFolder own_{self_};  ///< each rank saves below its own
};

TEST_F(SaveTest, ModelOfOurOwnIsReadBack) {
  const Gpt2 model = random_gpt2(ModelFolder::small_config(), 3, at::kFloat);
  save_checkpoint(own_ / "deep/er/model/", model, "", {});
  const Gpt2 loaded = read(own_ / "deep/er/model");
  EXPECT_EQ(loaded.config(), model.config());
  for (const TensorSpec& spec : tensor_specs(model.config())) {
    EXPECT_TRUE(same_bits(loaded.tensor(spec.name), model.tensor(spec.name))) << spec.name;
  }
  EXPECT_EQ(names(own_ / "deep/er"), std::vector<std::string>{"model"});
  EXPECT_EQ(names(own_ / "deep/er/model"),
            (std::vector<std::string>{"config.json", "generation_config.json", "model.safetensors"}));
  const Json generation = Json::parse(read_file(own_ / "deep/er/model/generation_config.json"));
  EXPECT_EQ(generation, Json({{"_from_model_config", true}, {"bos_token_id", 31}, {"eos_token_id", 31}}));
  const SafetensorsFile file(own_ / "deep/er/model/model.safetensors");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.at("transformer.wte.weight").type, StoredType::f32);
  EXPECT_FALSE(file.entries().contains("lm_head.weight"));
}

TEST_F(SaveTest, HalfTypesAreWrittenOnRequest) {
  const Gpt2 model = random_gpt2(ModelFolder::small_config(), 3, at::kFloat);
  for (const auto& [type, stored, name] :
       {std::tuple(at::kHalf, StoredType::f16, "float16"), {at::kBFloat16, StoredType::bf16, "bfloat16"}}) {
    const fs::path folder = own_ / name;
    save_checkpoint(folder, model, "", {}, type);
    const SafetensorsFile file(folder / "model.safetensors");
    EXPECT_EQ(file.at("transformer.h.0.mlp.c_fc.weight").type, stored);
    EXPECT_EQ(Json::parse(read_file(folder / "config.json")).at("dtype"), name);
    const Gpt2 loaded = read(folder);
    for (const TensorSpec& spec : tensor_specs(model.config()))
      EXPECT_TRUE(same_bits(loaded.tensor(spec.name), model.tensor(spec.name).to(type).to(at::kFloat)));
  }
}

TEST_F(SaveTest, WhatATypeCannotHoldIsRefused) {
  Gpt2 model = random_gpt2(ModelFolder::small_config(), 3, at::kFloat);
  model.set("wte.weight", at::full(model.tensor("wte.weight").sizes(), 1e5));
  try {
    save_checkpoint(own_ / "half", model, "", {}, at::kHalf);
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_NE(std::string(error.what()).find("wte.weight"), std::string::npos);
  }
  EXPECT_FALSE(fs::exists(own_ / "half"));
  EXPECT_NO_THROW(save_checkpoint(own_ / "brain", model, "", {}, at::kBFloat16));
}

TEST_F(SaveTest, ChangedTensorsComeFromTheModelAllOthersFromTheSource) {
  for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const ModelFolder source(type);
    source.write(own_ / "source");
    Gpt2 model = load_checkpoint(own_ / "source", at::kBFloat16, at::kCPU, self_);
    const at::Tensor changed = at::full({8, 32}, 3, at::TensorOptions(at::kBFloat16));
    model.set("h.1.mlp.c_fc.weight", changed);
    model.set("h.1.mlp.c_proj.bias", at::zeros({8}, at::TensorOptions(at::kBFloat16)));
    save_checkpoint(own_ / "model", model, own_ / "source", {"h.1.mlp.c_fc.weight"});
    const Gpt2 loaded = read(own_ / "model");
    for (const TensorSpec& spec : tensor_specs(model.config())) {
      const at::Tensor& expected =
          spec.name == "h.1.mlp.c_fc.weight" ? changed : source.tensors.at(spec.name);
      EXPECT_TRUE(same_bits(loaded.tensor(spec.name), expected.to(at::kFloat))) << spec.name;
    }
  }
}

TEST_F(SaveTest, FilesOfTheSourceAreKept) {
  ModelFolder source;
  Json config = Json::parse(source.config_json);
  config.erase("dtype");
  config["torch_dtype"] = "float16";
  config["bos_token_id"] = 5;
  config["task_specific_params"] = {{"text-generation", {{"max_length", 50}}}};
  source.config_json = config.dump();
  source.write_sharded(own_ / "source");
  const std::vector<std::string> kept = {"added_tokens.json", "merges.txt", "special_tokens_map.json",
                                         "tokenizer.json",    "vocab.json", "tokenizer_config.json"};
  for (const std::string& name : kept) put(own_ / "source" / name, "bytes of " + name + std::string(1, '\0'));
  put(own_ / "source/README.md", "not kept");
  const Gpt2 model = read(own_ / "source");
  save_checkpoint(own_ / "model", model, own_ / "source", {});

  EXPECT_EQ(names(own_ / "model").size(), kept.size() + 3);
  for (const std::string& name : kept) {
    EXPECT_EQ(read_file(own_ / "model" / name), "bytes of " + name + std::string(1, '\0'));
  }
  config["torch_dtype"] = "float32";
  EXPECT_EQ(Json::parse(read_file(own_ / "model/config.json")), config);
  EXPECT_EQ(Json::parse(read_file(own_ / "model/generation_config.json"))["bos_token_id"], 5);

  put(own_ / "source/generation_config.json", R"({"eos_token_id": 9})");
  save_checkpoint(own_ / "model", model, own_ / "source", {});
  EXPECT_EQ(read_file(own_ / "model/generation_config.json"), R"({"eos_token_id": 9})");
}

TEST_F(SaveTest, SavedModelIsReplacedWholeAndForeignFilesAreNot) {
  const Gpt2 first = random_gpt2(ModelFolder::small_config(), 1, at::kFloat);
  const Gpt2 second = random_gpt2(ModelFolder::small_config(), 2, at::kFloat);
  save_checkpoint(own_ / "model", first, "", {});
  save_checkpoint(own_ / "model", second, "", {});
  EXPECT_TRUE(same_bits(read(own_ / "model").tensor("wte.weight"), second.tensor("wte.weight")));
  EXPECT_EQ(names(own_.path()), std::vector<std::string>{"model"});

  // In place: the source is what is replaced.
  save_checkpoint(own_ / "model", first, own_ / "model", {"wpe.weight"});
  EXPECT_TRUE(same_bits(read(own_ / "model").tensor("wte.weight"), second.tensor("wte.weight")));
  EXPECT_TRUE(same_bits(read(own_ / "model").tensor("wpe.weight"), first.tensor("wpe.weight")));

  put(own_ / "model/notes.txt", "mine");
  expect_error(ExitCode::write, {(own_ / "model").string(), "notes.txt"},
               [&] { save_checkpoint(own_ / "model", first, "", {}); });
  EXPECT_EQ(read_file(own_ / "model/notes.txt"), "mine");
  put(own_ / "file", "mine");
  expect_error(ExitCode::write, {"file", "not a folder"},
               [&] { save_checkpoint(own_ / "file", first, "", {}); });
  expect_error(ExitCode::write, {"file/model", "Not a directory"},
               [&] { save_checkpoint(own_ / "file/model", first, "", {}); });
}

TEST_F(SaveTest, FullDiskLeavesTheOldModelAndNothingElse) {
  const Gpt2 first = random_gpt2(ModelFolder::small_config(), 1, at::kFloat);
  const Gpt2 second = random_gpt2(ModelFolder::small_config(), 2, at::kFloat);
  save_checkpoint(own_ / "model", first, "", {});
  for (const std::uint64_t limit : {0, 100, 1000, 5000}) {
    std::string message;
    {
      const FileSizeLimit full(limit);
      try {
        save_checkpoint(own_ / "model", second, "", {});
      } catch (const Error& error) {
        message = error.what();
        EXPECT_EQ(error.code(), ExitCode::write);
      }
    }
    EXPECT_THAT(message, testing::HasSubstr("File too large"));
    EXPECT_TRUE(same_bits(read(own_ / "model").tensor("wte.weight"), first.tensor("wte.weight")));
    EXPECT_EQ(names(own_.path()), std::vector<std::string>{"model"});
  }
}

TEST_F(SaveTest, WhatDoesNotFitIsRefused) {
  const Gpt2 model = random_gpt2(ModelFolder::small_config(), 1, at::kFloat);
  expect_error(ExitCode::internal, {"'wte.bias'"},
               [&] { save_checkpoint(own_ / "model", model, "", {"wte.bias"}); });
  expect_error(ExitCode::input, {"gone"}, [&] { save_checkpoint(own_ / "model", model, own_ / "gone", {}); });
  Gpt2Config longer = model.config();
  longer.positions = 17;
  save_checkpoint(own_ / "longer", random_gpt2(longer, 1, at::kFloat), "", {});
  expect_error(ExitCode::internal, {"wpe.weight", "[17, 8]", "[16, 8]"},
               [&] { save_checkpoint(own_ / "model", model, own_ / "longer", {}); });
  EXPECT_EQ(names(own_.path()), std::vector<std::string>{"longer"});
}

TEST_F(SaveTest, StandInSurvivesARoundTrip) {
  const fs::path source = shared_folder() / "models/gpt2-stand-in";
  if (!fs::exists(source)) GTEST_SKIP() << source << " is not there";
  const Gpt2 model = load_checkpoint(source, at::kFloat, at::kCPU, world_);
  if (world_.is_root()) {
    save_checkpoint(own_ / "model", model, source, {"wte.weight"});
    const SafetensorsFile before(source / "model.safetensors");
    const SafetensorsFile after(own_ / "model/model.safetensors");
    EXPECT_EQ(before.entries().size(), after.entries().size());
    for (const auto& [name, entry] : after.entries()) {
      EXPECT_TRUE(same_bits(to_tensor(entry), to_tensor(before.at(name)))) << name;
    }
    EXPECT_EQ(read_file(source / "merges.txt"), read_file(own_ / "model/merges.txt"));
  }
}

}  // namespace
}  // namespace lift
