#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "mpi/error.hpp"
#include "src/model/atomic_folder.hpp"
#include "src/model/checkpoint.hpp"
#include "src/model/checkpoint_files.hpp"
#include "src/model/json_file.hpp"
#include "src/model/lora_pairs.hpp"
#include "src/model/safetensors_writer.hpp"
#include "src/model/stored_tensor.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr auto kConfig = "config.json";
constexpr auto kWeights = "model.safetensors";
constexpr auto kGeneration = "generation_config.json";
constexpr std::array kTokenizerFiles = {
    "vocab.json",       "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json"};

std::vector<std::string> all_names() {
  std::vector<std::string> names(kTokenizerFiles.begin(), kTokenizerFiles.end());
  names.insert(names.end(), {kConfig, kWeights, kGeneration});
  return names;
}

/// HF's name of a type.
const char* dtype_of(at::ScalarType type) {
  return type == at::kHalf ? "float16" : type == at::kBFloat16 ? "bfloat16" : "float32";
}

/// config.json of the source, or of the model's shape, said to be of `type`.
Json typed_config(const Gpt2Config& config, const fs::path& source, at::ScalarType type) {
  Json json = source.empty() ? Json::parse(config.to_json()) : read_json_object(source / kConfig);
  const bool old_key = json.contains("torch_dtype");
  if (old_key) json["torch_dtype"] = dtype_of(type);
  if (!old_key || json.contains("dtype")) json["dtype"] = dtype_of(type);
  return json;
}

void write_json(const fs::path& file, const Json& json) {
  write_file(file, json.dump(2) + "\n");
}

/// What HF derives from a config.json that has no generation_config.json beside it.
Json generation_config(const Json& config, int vocabulary) {
  return {{"_from_model_config", true},
          {"bos_token_id", config.value("bos_token_id", Json(vocabulary - 1))},
          {"eos_token_id", config.value("eos_token_id", Json(vocabulary - 1))}};
}

bool copy_if_there(const char* name, const fs::path& source, const fs::path& draft) {
  std::error_code error;
  if (source.empty() || !fs::exists(source / name, error)) return false;
  write_file(draft / name, read_file(source / name));
  return true;
}

/// Values of one tensor as they are to be written: in the type of the file, contiguous, on the CPU.
class WeightSource {
 public:
  WeightSource(const Gpt2& model, const fs::path& source, const std::vector<std::string>& changed,
               at::ScalarType type)
      : model_(model), changed_(changed), type_(type) {
    if (!source.empty()) original_.emplace(source);
  }

  [[nodiscard]] at::Tensor values(const TensorSpec& spec) const {
    const bool from_model = !original_ || model_.pair(spec.name) ||
                            std::find(changed_.begin(), changed_.end(), spec.name) != changed_.end();
    const at::Tensor stored = from_model ? merged_tensor(model_, spec.name) : original(spec);
    auto values = stored.to(at::kCPU, type_).contiguous();
    if (!at::isfinite(values).all().item<bool>())
      throw Error(ExitCode::numerical, fmt::format("{} has values beyond {}, in which it was to be saved",
                                                   spec.name, dtype_of(type_)));
    return values;
  }
  [[nodiscard]] at::ScalarType type() const noexcept { return type_; }

 private:
  [[nodiscard]] at::Tensor original(const TensorSpec& spec) const {
    const SafetensorsFile::Entry& entry = original_->entry(spec.name);
    if (entry.shape != spec.shape) {
      throw Error(ExitCode::internal,
                  fmt::format("{} has shape {}, the model's has {}", original_->where(spec.name),
                              shape_text(entry.shape), shape_text(spec.shape)));
    }
    return to_tensor(entry);
  }

  const Gpt2& model_;
  const std::vector<std::string>& changed_;
  at::ScalarType type_;
  std::optional<CheckpointFiles> original_;
};

void write_weights(const fs::path& file, const std::vector<TensorSpec>& specs, const WeightSource& weights) {
  std::vector<StoredTensor> header;
  for (const TensorSpec& spec : specs)
    header.push_back({"transformer." + spec.name, stored_type(weights.type()), spec.shape});
  SafetensorsWriter writer(file, std::move(header));
  for (const TensorSpec& spec : specs) {
    const at::Tensor values = weights.values(spec);
    writer.add(bytes_of(values));
  }
  writer.finish();
}

void check_names(const std::vector<std::string>& changed, const std::vector<TensorSpec>& specs) {
  for (const std::string& name : changed) {
    if (std::none_of(specs.begin(), specs.end(), [&](const TensorSpec& spec) { return spec.name == name; })) {
      throw Error(ExitCode::internal,
                  fmt::format("'{}' is to be saved, but is no tensor of the model", name));
    }
  }
}

}  // namespace

void save_checkpoint(const fs::path& folder, const Gpt2& model, const fs::path& source,
                     const std::vector<std::string>& changed, at::ScalarType type) {
  const std::vector<TensorSpec> specs = tensor_specs(model.config());
  check_names(changed, specs);
  const WeightSource weights(model, source, changed, type);
  const Json config = typed_config(model.config(), source, type);
  AtomicFolder target(folder, all_names());
  write_json(target.draft() / kConfig, config);
  for (const char* name : kTokenizerFiles) copy_if_there(name, source, target.draft());
  if (!copy_if_there(kGeneration, source, target.draft())) {
    write_json(target.draft() / kGeneration, generation_config(config, model.config().vocabulary));
  }
  write_weights(target.draft() / kWeights, specs, weights);
  target.commit();
}

}  // namespace lift
