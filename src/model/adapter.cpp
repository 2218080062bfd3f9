#include "src/model/adapter.hpp"

#include <ATen/ops/isfinite.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "src/model/atomic_folder.hpp"
#include "src/model/json_file.hpp"
#include "src/model/safetensors_writer.hpp"
#include "src/model/stored_tensor.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr auto kConfig = "adapter_config.json";
constexpr auto kWeights = "adapter_model.safetensors";
constexpr auto kA = ".lora_A.weight", kB = ".lora_B.weight";

/// h.BLOCK.LAYER.weight.
struct Layer {
  int block;
  std::string name;  ///< such as attn.c_attn
};

Layer layer_of(const std::string& weight) {
  const auto dot = weight.find('.', 2), end = weight.rfind(".weight");
  return {std::stoi(weight.substr(2, dot - 2)), weight.substr(dot + 1, end - dot - 1)};
}

std::string stored_name(const std::string& weight, const char* factor) {
  return fmt::format("base_model.model.transformer.{}{}", weight.substr(0, weight.rfind(".weight")), factor);
}

std::vector<std::string> paired_weights(const Gpt2& model) {
  std::vector<std::string> weights;
  for (const TensorSpec& spec : tensor_specs(model.config()))
    if (model.pair(spec.name)) weights.push_back(spec.name);
  return weights;
}

/// Blocks by the layers that have a pair in them.
using Blocks = std::map<std::vector<std::string>, std::vector<int>>;

Blocks blocks_by_layers(const std::vector<std::string>& weights) {
  std::map<int, std::vector<std::string>> layers;
  for (const std::string& weight : weights) {
    const Layer layer = layer_of(weight);
    layers[layer.block].push_back(layer.name);
  }
  Blocks blocks;
  for (const auto& [block, names] : layers) blocks[names].push_back(block);
  return blocks;
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '.') result += '\\';
    result += c;
  }
  return result;
}

/// What matches the layers' names, "transformer.h.1.mlp.c_fc", and nothing else: PEFT has it match in full.
std::string pattern(const Blocks& blocks) {
  std::vector<std::string> alternatives;
  for (const auto& [layers, indices] : blocks)
    alternatives.push_back(fmt::format("(?:{})\\.(?:{})", fmt::join(indices, "|"),
                                       escaped(fmt::format("{}", fmt::join(layers, "|")))));
  return fmt::format("(?:transformer\\.)?h\\.(?:{})", fmt::join(alternatives, "|"));
}

Json config_of(const Gpt2& model, const LoraSpec& spec, const fs::path& base) {
  const Blocks blocks = blocks_by_layers(paired_weights(model));
  const auto& [layers, indices] = *blocks.begin();
  const bool alike = blocks.size() == 1, all = std::ssize(indices) == model.config().layers;
  const bool whole = spec.alpha == std::floor(spec.alpha) && spec.alpha < 1e9;
  return {{"peft_type", "LORA"},
          {"task_type", "CAUSAL_LM"},
          {"base_model_name_or_path", fs::absolute(base).lexically_normal().string()},
          {"inference_mode", true},
          {"r", spec.rank},
          {"lora_alpha", whole ? Json(static_cast<std::int64_t>(spec.alpha)) : Json(spec.alpha)},
          {"lora_dropout", 0.0},
          {"bias", "none"},
          {"fan_in_fan_out", true},
          {"target_modules", alike ? Json(layers) : Json(pattern(blocks))},
          {"layers_to_transform", alike && !all ? Json(indices) : Json()}};
}

at::Tensor values_of(const at::Tensor& factor, const std::string& name) {
  auto values = factor.detach().to(at::kCPU, at::kFloat).contiguous();
  if (!at::isfinite(values).all().item<bool>())
    throw Error(ExitCode::numerical, fmt::format("{} has values that are not finite in float32", name));
  return values;
}

void write_pairs(const fs::path& file, const Gpt2& model) {
  const auto weights = paired_weights(model);
  std::vector<StoredTensor> header;
  for (const std::string& weight : weights) {
    const auto pair = model.pair(weight);
    header.push_back({stored_name(weight, kA), StoredType::f32, pair->a.sizes().vec()});
    header.push_back({stored_name(weight, kB), StoredType::f32, pair->b.sizes().vec()});
  }
  SafetensorsWriter writer(file, std::move(header));
  for (const std::string& weight : weights) {
    const auto pair = model.pair(weight);
    for (const auto& factor :
         {values_of(pair->a, weight + ".lora_A"), values_of(pair->b, weight + ".lora_B")})
      writer.add(bytes_of(factor));
  }
  writer.finish();
}

/// r of adapter_config.json.
int rank_of(const fs::path& file) {
  const Json config = read_json_object(file);
  const auto refuse = [&](const char* key, const char* expected) {
    throw Error(ExitCode::input, fmt::format("{}: {} is {}, expected {}", file.string(), key,
                                             shortened(config.value(key, Json())), expected));
  };
  if (config.value("peft_type", Json()) != "LORA") refuse("peft_type", "\"LORA\"");
  const Json rank = config.value("r", Json());
  if (!rank.is_number_unsigned() || rank == 0 || rank > 1 << 30) refuse("r", "a whole number > 0");
  return rank.get<int>();
}

/// A factor of a pair, whose extent `rank_at` is the rank.
void check_factor(const SafetensorsFile& file, const std::string& name, std::size_t rank_at, int rank) {
  const auto& entry = file.at(name);
  const auto refuse = [&](const std::string& found, const std::string& expected) {
    throw Error(ExitCode::input, fmt::format("{}: tensor '{}' {}, expected {}", file.path().string(),
                                             shortened_name(name), found, expected));
  };
  if (!is_weight_type(entry.type))
    refuse(fmt::format("is {}", to_string(entry.type)), "F32, F16, BF16 or F64");
  if (entry.shape.size() != 2 || entry.shape[rank_at] != rank)
    refuse("has shape " + shape_text(entry.shape),
           fmt::format("a matrix with {} in place {}", rank, rank_at));
  if (!at::isfinite(to_tensor(entry)).all().item<bool>()) refuse("is not finite", "finite values");
}

}  // namespace

void save_adapter(const fs::path& folder, const Gpt2& model, const LoraSpec& spec, const fs::path& base) {
  AtomicFolder target(folder, {kConfig, kWeights});
  write_file(target.draft() / kConfig,
             config_of(model, spec, base).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  write_pairs(target.draft() / kWeights, model);
  target.commit();
}

AdapterSummary inspect_adapter(const fs::path& folder) {
  const int rank = rank_of(folder / kConfig);
  const SafetensorsFile file(folder / kWeights);
  int pairs = 0;
  for (const auto& [name, entry] : file.entries()) {
    const std::string layer = name.substr(0, name.rfind(".lora_"));
    if (name == layer + kA) {
      check_factor(file, name, 0, rank);
      check_factor(file, layer + kB, 1, rank);
      ++pairs;
    } else if (name != layer + kB || !file.entries().contains(layer + kA)) {
      throw Error(ExitCode::input, fmt::format("{}: tensor '{}' is of no pair, expected LAYER{} and LAYER{}",
                                               file.path().string(), shortened_name(name), kA, kB));
    }
  }
  if (pairs == 0)
    throw Error(ExitCode::input,
                fmt::format("{}: holds no pair, expected one or more", file.path().string()));
  return {.pairs = pairs, .rank = rank};
}

}  // namespace lift
