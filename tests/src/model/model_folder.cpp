#include "tests/src/model/model_folder.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "src/model/safetensors.hpp"
#include "src/model/stored_tensor.hpp"
#include "tests/src/model/helpers.hpp"

namespace lift {
namespace {

/// Of models that must be refused, too.
StoredType any_stored_type(at::ScalarType type) {
  if (at::isFloatingType(type)) return stored_type(type);
  return type == at::kLong ? StoredType::i64 : StoredType::u8;
}

}  // namespace

ModelFolder::ModelFolder(at::ScalarType type) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (const TensorSpec& spec : tensor_specs(small_config())) {
    at::Tensor tensor = at::empty(spec.shape, at::TensorOptions(at::kFloat));
    std::generate_n(tensor.data_ptr<float>(), tensor.numel(), [&] { return normal(random); });
    tensors[spec.name] = tensor.to(type);
  }
}

Gpt2Config ModelFolder::small_config() {
  return {.layers = 2, .width = 8, .heads = 2, .positions = 16, .vocabulary = 32, .inner = 32};
}

void ModelFolder::write(const std::filesystem::path& folder) const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  std::filesystem::create_directories(folder);
  put(folder / "config.json", config_json);
  write_file(folder / "model.safetensors", names);
}

void ModelFolder::write_sharded(const std::filesystem::path& folder) const {
  std::array<std::vector<std::string>, 3> shards;
  std::size_t next = 0;
  nlohmann::json index = {{"metadata", {{"total_size", 1}}}};
  std::filesystem::create_directories(folder);
  put(folder / "config.json", config_json);
  for (const auto& [name, tensor] : tensors) {
    const std::size_t shard = next++ % shards.size();
    shards[shard].push_back(name);
    index["weight_map"][prefix + name] = "part-" + std::to_string(shard) + ".safetensors";
  }
  for (std::size_t k = 0; k < shards.size(); ++k) {
    write_file(folder / ("part-" + std::to_string(k) + ".safetensors"), shards[k]);
  }
  put(folder / "model.safetensors.index.json", index.dump());
}

void ModelFolder::write_file(const std::filesystem::path& file, const std::vector<std::string>& names) const {
  std::vector<TensorToWrite> written;
  for (const std::string& name : names) {
    const at::Tensor& tensor = tensors.at(name);
    written.push_back(
        {prefix + name, any_stored_type(tensor.scalar_type()), tensor.sizes().vec(), bytes_of(tensor)});
  }
  write_safetensors(file, written);
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const std::span<const std::byte> x = bytes_of(a);
  const std::span<const std::byte> y = bytes_of(b);
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

}  // namespace lift
