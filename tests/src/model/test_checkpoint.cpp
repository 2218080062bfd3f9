#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "src/files/atomic_file.hpp"
#include "src/model/checkpoint.hpp"
#include "tests/src/model/helpers.hpp"
#include "tests/src/model/model_folder.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class CheckpointTest : public testing::Test {
 protected:
  /// Runs `fill` on rank 0 only; all ranks see the folder afterwards.
  fs::path made(const std::function<void(const fs::path&)>& fill) {
    const fs::path folder = folder_ / ("m" + std::to_string(count_++));
    agree(world_, [&] {
      if (world_.is_root()) fill(folder);
    });
    return folder;
  }
  fs::path written(const ModelFolder& model) {
    return made([&](const fs::path& folder) { model.write(folder); });
  }
  Gpt2 load(const fs::path& folder, at::ScalarType type = at::kFloat) const {
    return load_checkpoint(folder, type, at::kCPU, world_);
  }

  /// Every rank gets the same error, and inspect_checkpoint the same unless it is one of the values.
  void expect_refused(const fs::path& folder, const std::vector<std::string>& parts, bool by_header = true) {
    std::string message;
    expect_error(ExitCode::input, parts, [&] {
      try {
        load(folder);
      } catch (const AgreedError& error) {
        message = error.what();
        throw;
      }
    });
    EXPECT_NE(message, "");
    for (const std::string& other : gather_texts(message, world_)) EXPECT_EQ(other, message);
    if (by_header) {
      expect_error(ExitCode::input, parts, [&] { inspect_checkpoint(folder); });
    } else {
      EXPECT_EQ(inspect_checkpoint(folder), ModelFolder::small_config());
    }
  }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
  int count_ = 0;
};

void expect_tensors(const Gpt2& model, const ModelFolder& expected, at::ScalarType type = at::kFloat) {
  for (const TensorSpec& spec : tensor_specs(ModelFolder::small_config())) {
    EXPECT_TRUE(same_bits(model.tensor(spec.name), expected.tensors.at(spec.name).to(type))) << spec.name;
  }
}

TEST_F(CheckpointTest, EveryRankGetsTheValuesOfTheFile) {
  const ModelFolder model;
  const fs::path folder = written(model);
  const Gpt2 loaded = load(folder);
  EXPECT_EQ(loaded.config(), ModelFolder::small_config());
  EXPECT_EQ(inspect_checkpoint(folder), ModelFolder::small_config());
  expect_tensors(loaded, model);
  expect_tensors(load(folder, at::kDouble), model, at::kDouble);
  expect_tensors(load(folder, at::kBFloat16), model, at::kBFloat16);
}

TEST_F(CheckpointTest, StoredTypesAreConvertedExactly) {
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kDouble}) {
    const ModelFolder model(type);
    expect_tensors(load(written(model)), model);
  }
  ModelFolder mixed;
  mixed.tensors["wte.weight"] = mixed.tensors["wte.weight"].to(at::kHalf);
  expect_tensors(load(written(mixed)), mixed);
}

TEST_F(CheckpointTest, NamesMayHaveThePrefix) {
  ModelFolder model;
  model.prefix = "transformer.";
  expect_tensors(load(written(model)), model);
  expect_tensors(load(made([&](const fs::path& folder) { model.write_sharded(folder); })), model);
}

TEST_F(CheckpointTest, ShardsAreJoined) {
  const ModelFolder model;
  expect_tensors(load(made([&](const fs::path& folder) { model.write_sharded(folder); })), model);
}

TEST_F(CheckpointTest, MasksOfOldVersionsArePassedOver) {
  ModelFolder model;
  for (const std::string block : {"h.0.", "h.1."}) {
    model.tensors[block + "attn.bias"] = at::ones({1, 1, 16, 16}, at::TensorOptions(at::kByte));
    model.tensors[block + "attn.masked_bias"] =
        at::full({}, -std::numeric_limits<float>::infinity(), at::TensorOptions(at::kFloat));
  }
  expect_tensors(load(written(model)), model);
}

TEST_F(CheckpointTest, HeadMustBeTheEmbedding) {
  ModelFolder model;
  const at::Tensor embedding = model.tensors["wte.weight"];
  model.tensors["lm_head.weight"] = embedding;
  expect_tensors(load(written(model)), model);

  model.tensors["lm_head.weight"] = embedding.clone();
  model.tensors["lm_head.weight"].data_ptr<float>()[255] += 1e-6F;
  expect_refused(written(model),
                 {"model.safetensors", "'lm_head.weight' differs from 'wte.weight'", "untied"},
                 /*by_header=*/false);
}

TEST_F(CheckpointTest, EmbeddingMayBeThereAsTheHeadAlone) {
  const ModelFolder model;
  ModelFolder headed = model;
  headed.tensors["lm_head.weight"] = model.tensors.at("wte.weight");
  headed.tensors.erase("wte.weight");
  expect_tensors(load(written(headed)), model);
}

TEST_F(CheckpointTest, TensorsThatDoNotFitAreNamed) {
  ModelFolder model;
  model.tensors.erase("h.1.mlp.c_fc.bias");
  expect_refused(written(model), {"model.safetensors", "'h.1.mlp.c_fc.bias' is missing", "[32]"});

  model = ModelFolder();
  model.tensors["h.1.mlp.c_fc.weight"] = model.tensors["h.1.mlp.c_fc.weight"].t().contiguous();
  expect_refused(written(model),
                 {"model.safetensors", "'h.1.mlp.c_fc.weight'", "[32, 8]", "expected [8, 32]"});

  model = ModelFolder();
  model.tensors["h.0.ln_1.bias"] = at::zeros({8}, at::TensorOptions(at::kLong));
  expect_refused(written(model), {"model.safetensors", "'h.0.ln_1.bias' has type I64", "F32"});

  model = ModelFolder();
  model.tensors["h.2.ln_1.bias"] = at::zeros({8}, at::TensorOptions(at::kFloat));
  expect_refused(written(model), {"model.safetensors", "'h.2.ln_1.bias' does not belong", "2 blocks"});

  model = ModelFolder();
  model.tensors["transformer.wpe.weight"] = model.tensors["wpe.weight"];
  expect_refused(written(model), {"model.safetensors", "'wpe.weight'", "a second time"});

  model = ModelFolder();
  Json config = Json::parse(model.config_json);
  config["vocab_size"] = 33;
  model.config_json = config.dump();
  expect_refused(written(model), {"'wte.weight' has shape [32, 8], expected [33, 8]"});
}

TEST_F(CheckpointTest, ValuesThatAreNotFiniteAreCounted) {
  ModelFolder model;
  float* values = model.tensors["h.1.mlp.c_proj.weight"].data_ptr<float>();
  values[3] = std::numeric_limits<float>::quiet_NaN();
  values[200] = -std::numeric_limits<float>::infinity();
  model.prefix = "transformer.";
  expect_refused(
      written(model),
      {"model.safetensors", "'transformer.h.1.mlp.c_proj.weight' has 2 of 256 values that are not finite"},
      /*by_header=*/false);
}

TEST_F(CheckpointTest, ValuesBeyondTheTypeAskedForAreRefused) {
  ModelFolder model;
  model.tensors["ln_f.bias"].data_ptr<float>()[0] = 1e6F;
  const fs::path folder = written(model);
  expect_error(ExitCode::input, {"'ln_f.bias' has 1 of 8 values that are not finite"},
               [&] { load(folder, at::kHalf); });
  expect_tensors(load(folder), model);
}

TEST_F(CheckpointTest, IndexMustDescribeItsShards) {
  const ModelFolder model;
  const auto with_index = [&](const std::function<void(Json&, const fs::path&)>& change) {
    return made([&](const fs::path& folder) {
      model.write_sharded(folder);
      const fs::path index = folder / "model.safetensors.index.json";
      Json json = Json::parse(read_file(index));
      change(json, folder);
      put(index, json.dump());
    });
  };
  constexpr auto kIndex = "model.safetensors.index.json";
  expect_refused(with_index([](Json&, const fs::path& folder) { fs::remove(folder / "part-1.safetensors"); }),
                 {"part-1.safetensors", "No such file"});
  expect_refused(with_index([](Json& json, const fs::path&) { json.erase("weight_map"); }),
                 {kIndex, "weight_map"});
  expect_refused(with_index([](Json& json, const fs::path&) { json["weight_map"]["wte.weight"] = 3; }),
                 {kIndex, "weight_map gives 3 for tensor 'wte.weight'"});
  expect_refused(with_index([](Json& json, const fs::path&) {
                   json["weight_map"]["wte.weight"] = "../part-0.safetensors";
                 }),
                 {kIndex, "../part-0.safetensors", "file name in the same folder"});
  expect_refused(
      with_index([](Json& json, const fs::path&) { json["weight_map"]["wte.bias"] = "part-0.safetensors"; }),
      {"part-0.safetensors", "no tensor 'wte.bias'", kIndex});
  expect_refused(with_index([](Json& json, const fs::path&) { json["weight_map"].erase("wte.weight"); }),
                 {"holds tensor 'wte.weight'", kIndex});
  expect_refused(
      with_index([](Json&, const fs::path& folder) { put(folder / "part-2.safetensors", "short"); }),
      {"part-2.safetensors", "has 5 bytes"});
}

TEST_F(CheckpointTest, FoldersWithoutSafetensorsAreRefused) {
  expect_refused(folder_ / "nowhere", {"nowhere", "no such folder"});
  expect_refused(made([](const fs::path& folder) { put(folder, "text"); }),
                 {"is a file, expected a model folder"});
  expect_refused(made([](const fs::path& folder) { fs::create_directory(folder); }),
                 {"neither model.safetensors nor model.safetensors.index.json"});
  for (const std::string name : {"pytorch_model.bin", "ckpt.pt", "pytorch_model.bin.index.json"}) {
    expect_refused(made([&](const fs::path& folder) {
                     ModelFolder().write(folder);
                     fs::rename(folder / "model.safetensors", folder / name);
                     put(folder / "aaa.bin", "");
                   }),
                   {name.starts_with("pytorch_model") ? name : "aaa.bin", "safetensors only", "python -c",
                    "safe_serialization=True"});
  }
  expect_refused(made([](const fs::path& folder) {
                   ModelFolder().write(folder);
                   fs::remove(folder / "config.json");
                 }),
                 {"config.json", "No such file"});
}

TEST_F(CheckpointTest, DamagedFilesAreRefusedOnEveryRank) {
  const std::string config = ModelFolder().config_json;
  const std::string whole = read_file(written(ModelFolder()) / "model.safetensors");
  const fs::path folder = made([&](const fs::path& made) {
    fs::create_directory(made);
    put(made / "config.json", config);
  });
  for (std::size_t size = 0; size < whole.size(); size += 64) {
    SCOPED_TRACE(size);
    world_.barrier();
    if (world_.is_root()) put(folder / "model.safetensors", whole.substr(0, size));
    expect_error(ExitCode::input, {"model.safetensors"}, [&] { load(folder); });
  }
}

// Two ranks that see different files stand for two nodes with copies of their own.
TEST_F(CheckpointTest, CopiesOfTheNodesMustBeEqual) {
  if (world_.size() < 2) GTEST_SKIP() << "needs two ranks";
  ModelFolder model;
  const fs::path first = written(model);
  const fs::path copy = written(model);
  model.tensors["ln_f.bias"].data_ptr<float>()[7] += 1e-6F;
  const fs::path changed = written(model);
  Json config = Json::parse(model.config_json);
  config["n_head"] = 4;
  model.config_json = config.dump();
  const fs::path other_heads = written(model);

  const bool first_node = world_.rank() == 0;
  const Communicator node = world_.split(first_node ? 0 : 1, world_.rank());
  const auto load_with = [&](const fs::path& other) {
    return load_checkpoint(first_node ? first : other, at::kFloat, at::kCPU, world_, node);
  };
  EXPECT_EQ(load_with(copy).config(), ModelFolder::small_config());
  expect_error(ExitCode::input, {changed.string(), "the weights on this node"}, [&] { load_with(changed); });
  expect_error(ExitCode::input, {other_heads.string(), "config.json on this node"},
               [&] { load_with(other_heads); });
}

}  // namespace
}  // namespace lift
