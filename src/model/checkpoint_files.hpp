#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "src/model/config.hpp"
#include "src/model/safetensors.hpp"

namespace lift {

/// A model folder in the HF layout, opened and checked by its configuration and headers; no value is read.
///
/// Tensors go by the names of tensor_specs(), however the files spell them (`transformer.` in front or not).
/// A token embedding that is there only as the head, `lm_head.weight`, is found as `wte.weight`. The causal
/// masks that old versions of HF stored with a model (`attn.bias`, `attn.masked_bias`) are passed over.
///
/// Ownership  move-only; keeps the files mapped.
/// Throws     the constructor Error(input), naming file and tensor: see load_checkpoint.
/// Test       tests/src/model/test_checkpoint.cpp
class CheckpointFiles {
 public:
  explicit CheckpointFiles(const std::filesystem::path& folder);

  [[nodiscard]] const Gpt2Config& config() const noexcept { return config_; }
  /// `name` as in tensor_specs(config()).
  [[nodiscard]] const SafetensorsFile::Entry& entry(const std::string& name) const;
  /// File and tensor as messages name them: "m/model.safetensors: tensor 'transformer.wte.weight'".
  [[nodiscard]] std::string where(const std::string& name) const;
  /// Throws Error(input) if the files hold a head whose bytes are not those of the token embedding. Reads
  /// both.
  void check_tied_head() const;

 private:
  struct Stored {
    const SafetensorsFile* file;
    std::string name;  ///< as in the file
  };
  void open_single(const std::filesystem::path& file);
  void open_shards(const std::filesystem::path& index);
  void add_tensors(const SafetensorsFile& file);
  void check_tensors() const;
  void check_tensor(const TensorSpec& spec) const;

  std::filesystem::path folder_;
  Gpt2Config config_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, Stored> tensors_;
};

}  // namespace lift
