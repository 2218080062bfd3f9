#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/model/config.hpp"

namespace lift {

/// Fused attention kernels are the faster ones, and have no second derivative. Where no derivative will be
/// asked for, the fused ones are used in both cases.
enum class Attention { fused, twice_differentiable };

/// A and B beside a weight matrix W [in, out] of a block, which then acts as W + scale (B A)ᵀ (LoraSpec).
struct LowRankPair {
  at::Tensor a;  ///< [r, in]
  at::Tensor b;  ///< [out, r]
  double scale = 1;
};

/// A GPT-2 (Radford et al. 2019) as named tensors and the functions that run them: pre-layer-norm blocks,
/// GELU in its tanh form, causal attention, head tied to the token embedding, no dropout.
///
/// Shapes      tokens: [B, T] int64 with T ≤ positions; hidden: [B, T, width].
/// Types       all tensors of one floating type and on one device.
/// Ownership   move-only; `tensor` hands out references that stay valid but over add_pair() and drop_pairs();
///             set() replaces one by a tensor of equal shape, type and device (TunedParameters puts its
///             leaves there).
/// Throws      Error(internal) for an unknown name or a tensor that does not fit.
/// Test        tests/src/model/test_gpt2.cpp: HF's numbers in reference.json, causality, loss ln V at uniform
///             logits.
class Gpt2 {
 public:
  /// `weights` by name as tensor_specs(config); others are ignored. Throws Error(internal) if one is missing
  /// or has another shape, or if types or devices differ.
  Gpt2(Gpt2Config config, const std::unordered_map<std::string, at::Tensor>& weights);
  Gpt2(Gpt2&&) = default;
  Gpt2& operator=(Gpt2&&) = default;

  [[nodiscard]] const Gpt2Config& config() const noexcept { return config_; }
  [[nodiscard]] const at::Tensor& tensor(const std::string& name) const;
  void set(const std::string& name, at::Tensor value);
  /// Of all tensors: tensor_specs(config()), and the pairs in the order in which they came.
  [[nodiscard]] const std::vector<TensorSpec>& specs() const noexcept { return specs_; }

  /// Puts a pair beside `weight`, whose layer then runs as x W + b + scale (x Aᵀ) Bᵀ: the product B A is
  /// never formed. A and B are tensors of the model by the names of pair_specs().
  void add_pair(const std::string& weight, const LowRankPair& pair);
  /// The pair beside `weight`, if it has one.
  [[nodiscard]] std::optional<LowRankPair> pair(const std::string& weight) const;
  /// Leaves the weights as they are, without what their pairs add.
  void drop_pairs();

  /// Token plus position embeddings.
  [[nodiscard]] at::Tensor embed(const at::Tensor& tokens) const;
  /// Blocks first … last−1.
  [[nodiscard]] at::Tensor run_blocks(at::Tensor hidden, int first, int last, Attention attention) const;
  /// ln_f; what the head multiplies with wteᵀ.
  [[nodiscard]] at::Tensor final_norm(const at::Tensor& hidden) const;

 private:
  struct PairIndex {
    std::size_t a, b;
    double scale;
  };
  [[nodiscard]] std::size_t index(const std::string& name) const;
  /// The layer of tensors_[weight] and the bias behind it, over the last dimension of x.
  [[nodiscard]] at::Tensor linear(const at::Tensor& x, std::size_t weight) const;
  [[nodiscard]] at::Tensor attend(const at::Tensor& hidden, std::size_t block, Attention attention) const;
  [[nodiscard]] at::Tensor norm(const at::Tensor& x, std::size_t weight) const;
  [[nodiscard]] std::size_t after_blocks() const noexcept;

  Gpt2Config config_;
  std::vector<TensorSpec> specs_;
  std::vector<at::Tensor> tensors_;  ///< in the order of specs_
  std::unordered_map<std::string, std::size_t> index_;
  std::map<std::size_t, PairIndex> pairs_;  ///< by the weight
};

/// A copy of `model`, its pairs too, with all tensors in `type` on the same device; none requires a gradient.
Gpt2 cast(const Gpt2& model, at::ScalarType type);

/// A GPT-2 with HF's random initialisation (normal, std 0.02; residual projections 0.02/√(2 layers); biases
/// 0, layer-norm weights 1), made on the CPU and so the same for a seed on every device. Used by `lift
/// pretrain` and the tests.
///
/// Method  Philox(seed, RandomStream::weights), sequence = index of the tensor in tensor_specs(config).
Gpt2 random_gpt2(const Gpt2Config& config, std::uint64_t seed, at::ScalarType type,
                 at::Device device = at::kCPU);

}  // namespace lift
