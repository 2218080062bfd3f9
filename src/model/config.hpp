#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lift {

/// Shape of a GPT-2, from HF's config.json.
struct Gpt2Config {
  int layers = 12;
  int width = 768;
  int heads = 12;
  int positions = 1024;
  int vocabulary = 50257;
  int inner = 3072;  ///< width of the MLP's hidden layer: n_inner, or 4 × width
  double layer_norm_epsilon = 1e-5;

  /// Reads `folder`/config.json as HF writes it, or wrote it in the past (`n_ctx` for `n_positions`).
  ///
  /// Keys about dropout are accepted and ignored: LiFT uses none.
  /// Throws  Error(input) naming file, key, the value found and what was expected: no such file, not a GPT-2,
  ///         an option that is not implemented (another activation, cross attention, an untied head, …) or an
  ///         impossible shape.
  /// Test    tests/src/model/test_config.cpp
  static Gpt2Config load(const std::filesystem::path& folder);
  /// As HF's config.json; load() gives this configuration back. The last token of the vocabulary is the one
  /// that begins and ends a text, as in GPT-2.
  [[nodiscard]] std::string to_json() const;
  bool operator==(const Gpt2Config&) const = default;
};

/// Name (without `transformer.`) and shape of one tensor of the checkpoint.
struct TensorSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  [[nodiscard]] std::int64_t size() const noexcept;
};

/// All tensors of a GPT-2 in checkpoint order: wte, wpe, then block by block ln_1, attn.c_attn, attn.c_proj,
/// ln_2, mlp.c_fc, mlp.c_proj, weight before bias, and ln_f; linear weights are [in, out] as in HF's Conv1D.
std::vector<TensorSpec> tensor_specs(const Gpt2Config& config);

}  // namespace lift
