#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "src/model/config.hpp"
#include "src/model/safetensors.hpp"

namespace lift {

/// What a test puts into a model folder: a small GPT-2 with random weights, to be spoilt as the test likes.
class ModelFolder {
 public:
  /// Two blocks, 8 wide; all tensors of the type under tensor_specs' names, biases random too.
  explicit ModelFolder(at::ScalarType type = at::kFloat);

  [[nodiscard]] static Gpt2Config small_config();

  std::string config_json = small_config().to_json();
  std::map<std::string, at::Tensor> tensors;  ///< by the name in the file
  std::string prefix;                         ///< put in front of every name

  /// config.json and model.safetensors.
  void write(const std::filesystem::path& folder) const;
  /// config.json, three shards and their index.
  void write_sharded(const std::filesystem::path& folder) const;

 private:
  void write_file(const std::filesystem::path& file, const std::vector<std::string>& names) const;
};

/// Equal in type, shape and every bit.
bool same_bits(const at::Tensor& a, const at::Tensor& b);

}  // namespace lift
