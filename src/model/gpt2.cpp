#include "src/model/gpt2.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "src/model/causal_attention.hpp"

namespace lift {

namespace {

// Positions in tensor_specs(): wte, wpe, the blocks, ln_f weight and bias.
constexpr std::size_t kFirstBlock = 2;
enum BlockTensor : std::size_t {
  ln_1_weight,
  ln_1_bias,
  c_attn_weight,
  c_attn_bias,
  attn_c_proj_weight,
  attn_c_proj_bias,
  ln_2_weight,
  ln_2_bias,
  c_fc_weight,
  c_fc_bias,
  mlp_c_proj_weight,
  mlp_c_proj_bias,
  kBlockTensors
};

/// x W + b over the last dimension, W as in HF's Conv1D: [in, out].
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  auto shape = x.sizes().vec();
  shape.back() = weight.size(1);
  return at::addmm(bias, x.reshape({-1, weight.size(0)}), weight).view(shape);
}

bool is_residual_projection(const std::string& name) {
  return name.ends_with("c_proj.weight");
}

at::Tensor random_weights(const TensorSpec& spec, const Philox& philox, std::size_t sequence,
                          double deviation, at::ScalarType type) {
  auto values = at::empty(spec.shape, at::kDouble);
  philox.normals(sequence, 0, std::span(values.data_ptr<double>(), static_cast<std::size_t>(values.numel())));
  return values.mul_(deviation).to(type);
}

}  // namespace

Gpt2::Gpt2(Gpt2Config config, const std::unordered_map<std::string, at::Tensor>& weights)
    : config_(config), specs_(tensor_specs(config)) {
  for (const auto& spec : specs_) {
    const auto found = weights.find(spec.name);
    if (found == weights.end())
      throw Error(ExitCode::internal, fmt::format("tensor {} is missing", spec.name));
    index_.emplace(spec.name, tensors_.size());
    tensors_.push_back(found->second);
    set(spec.name, found->second);
  }
}

std::size_t Gpt2::index(const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) throw Error(ExitCode::internal, fmt::format("the model has no tensor {}", name));
  return found->second;
}

const at::Tensor& Gpt2::tensor(const std::string& name) const {
  return tensors_[index(name)];
}

void Gpt2::set(const std::string& name, at::Tensor value) {
  const auto i = index(name);
  if (value.sizes() != at::IntArrayRef(specs_[i].shape))
    throw Error(ExitCode::internal,
                fmt::format("tensor {} has shape [{}], expected [{}]", name,
                            fmt::join(value.sizes().vec(), ", "), fmt::join(specs_[i].shape, ", ")));
  if (value.scalar_type() != tensors_.front().scalar_type() || value.device() != tensors_.front().device())
    throw Error(ExitCode::internal,
                fmt::format("tensor {} has another type or device than {}", name, specs_.front().name));
  tensors_[i] = std::move(value);
}

at::Tensor Gpt2::embed(const at::Tensor& tokens) const {
  const auto length = tokens.size(1);
  if (length > config_.positions)
    throw Error(ExitCode::internal,
                fmt::format("{} tokens exceed the model's {} positions", length, config_.positions));
  return at::embedding(tensors_[0], tokens) + tensors_[1].narrow(0, 0, length);
}

at::Tensor Gpt2::attend(const at::Tensor& hidden, const at::Tensor* block, Attention attention) const {
  const auto batch = hidden.size(0), length = hidden.size(1);
  const auto joined = linear(hidden, block[c_attn_weight], block[c_attn_bias])
                          .view({batch, length, 3, config_.heads, config_.width / config_.heads})
                          .permute({2, 0, 3, 1, 4});
  const auto q = joined[0], k = joined[1], v = joined[2];
  const bool differentiable = attention == Attention::twice_differentiable && q.requires_grad();
  const auto heads = differentiable ? causal_attention(q, k, v)
                                    : at::scaled_dot_product_attention(q, k, v, {}, 0.0, /*is_causal=*/true);
  const auto merged = heads.transpose(1, 2).reshape({batch, length, config_.width});
  return linear(merged, block[attn_c_proj_weight], block[attn_c_proj_bias]);
}

at::Tensor Gpt2::run_blocks(at::Tensor hidden, int first, int last, Attention attention) const {
  const auto norm = [this](const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    return at::layer_norm(x, {config_.width}, weight, bias, config_.layer_norm_epsilon);
  };
  for (int b = first; b < last; ++b) {
    const auto* block = &tensors_[kFirstBlock + static_cast<std::size_t>(b) * kBlockTensors];
    hidden = hidden + attend(norm(hidden, block[ln_1_weight], block[ln_1_bias]), block, attention);
    const auto inner = at::gelu(
        linear(norm(hidden, block[ln_2_weight], block[ln_2_bias]), block[c_fc_weight], block[c_fc_bias]),
        "tanh");
    hidden = hidden + linear(inner, block[mlp_c_proj_weight], block[mlp_c_proj_bias]);
  }
  return hidden;
}

at::Tensor Gpt2::final_norm(const at::Tensor& hidden) const {
  const auto weight = tensors_.end() - 2;
  return at::layer_norm(hidden, {config_.width}, *weight, *(weight + 1), config_.layer_norm_epsilon);
}

Gpt2 cast(const Gpt2& model, at::ScalarType type) {
  std::unordered_map<std::string, at::Tensor> weights;
  for (const auto& spec : tensor_specs(model.config())) {
    const at::Tensor& tensor = model.tensor(spec.name);
    weights[spec.name] = tensor.detach().to(tensor.device(), type, /*non_blocking=*/false, /*copy=*/true);
  }
  return {model.config(), weights};
}

Gpt2 random_gpt2(const Gpt2Config& config, std::uint64_t seed, at::ScalarType type, at::Device device) {
  const Philox philox(seed, RandomStream::weights);
  const double residual_scale = 1.0 / std::sqrt(2.0 * config.layers);
  const auto on_device = at::TensorOptions(type).device(device);
  std::unordered_map<std::string, at::Tensor> weights;
  const auto specs = tensor_specs(config);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto& spec = specs[i];
    if (spec.shape.size() == 1) {
      weights[spec.name] =
          spec.name.ends_with(".weight") ? at::ones(spec.shape, on_device) : at::zeros(spec.shape, on_device);
      continue;
    }
    const double deviation = 0.02 * (is_residual_projection(spec.name) ? residual_scale : 1.0);
    weights[spec.name] = random_weights(spec, philox, i, deviation, type).to(device);
  }
  return {config, weights};
}

}  // namespace lift
