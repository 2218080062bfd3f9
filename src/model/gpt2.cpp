#include "src/model/gpt2.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/mm.h>
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
#include "src/model/lora.hpp"

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

void Gpt2::add_pair(const std::string& weight, const LowRankPair& pair) {
  const auto i = index(weight);
  const bool of_a_block = i >= kFirstBlock && i < after_blocks();
  if (!of_a_block || specs_[i].shape.size() != 2 || pairs_.contains(i) || pair.a.dim() != 2)
    throw Error(ExitCode::internal, fmt::format("{} takes no such low-rank pair", weight));
  const auto specs = pair_specs(specs_[i], static_cast<int>(pair.a.size(0)));
  pairs_.emplace(i, PairIndex{tensors_.size(), tensors_.size() + 1, pair.scale});
  for (const auto& spec : specs) {
    index_.emplace(spec.name, tensors_.size());
    specs_.push_back(spec);
    tensors_.emplace_back();
  }
  set(specs[0].name, pair.a);
  set(specs[1].name, pair.b);
}

std::optional<LowRankPair> Gpt2::pair(const std::string& weight) const {
  const auto found = pairs_.find(index(weight));
  if (found == pairs_.end()) return std::nullopt;
  const auto& [a, b, scale] = found->second;
  return LowRankPair{tensors_[a], tensors_[b], scale};
}

void Gpt2::drop_pairs() {
  pairs_.clear();
  const auto kept = tensor_specs(config_).size();
  for (auto i = kept; i < specs_.size(); ++i) index_.erase(specs_[i].name);
  specs_.resize(kept);
  tensors_.resize(kept);
}

at::Tensor Gpt2::embed(const at::Tensor& tokens) const {
  const auto length = tokens.size(1);
  if (length > config_.positions)
    throw Error(ExitCode::internal,
                fmt::format("{} tokens exceed the model's {} positions", length, config_.positions));
  return at::embedding(tensors_[0], tokens) + tensors_[1].narrow(0, 0, length);
}

std::size_t Gpt2::after_blocks() const noexcept {
  return kFirstBlock + static_cast<std::size_t>(config_.layers) * kBlockTensors;
}

at::Tensor Gpt2::linear(const at::Tensor& x, std::size_t weight) const {
  const auto& w = tensors_[weight];  // as in HF's Conv1D: [in, out]
  const auto rows = x.reshape({-1, w.size(0)});
  auto y = at::addmm(tensors_[weight + 1], rows, w);
  if (const auto pair = pairs_.find(weight); pair != pairs_.end()) {
    const auto& [a, b, scale] = pair->second;
    y = at::addmm(y, at::mm(rows, tensors_[a].t()), tensors_[b].t(), /*beta=*/1, /*alpha=*/scale);
  }
  auto shape = x.sizes().vec();
  shape.back() = w.size(1);
  return y.view(shape);
}

at::Tensor Gpt2::norm(const at::Tensor& x, std::size_t weight) const {
  return at::layer_norm(x, {config_.width}, tensors_[weight], tensors_[weight + 1],
                        config_.layer_norm_epsilon);
}

at::Tensor Gpt2::attend(const at::Tensor& hidden, std::size_t block, Attention attention) const {
  const auto batch = hidden.size(0), length = hidden.size(1);
  const auto joined = linear(hidden, block + c_attn_weight)
                          .view({batch, length, 3, config_.heads, config_.width / config_.heads})
                          .permute({2, 0, 3, 1, 4});
  const auto q = joined[0], k = joined[1], v = joined[2];
  const bool differentiable = attention == Attention::twice_differentiable && q.requires_grad();
  const auto heads = differentiable ? causal_attention(q, k, v)
                                    : at::scaled_dot_product_attention(q, k, v, {}, 0.0, /*is_causal=*/true);
  const auto merged = heads.transpose(1, 2).reshape({batch, length, config_.width});
  return linear(merged, block + attn_c_proj_weight);
}

at::Tensor Gpt2::run_blocks(at::Tensor hidden, int first, int last, Attention attention) const {
  for (int b = first; b < last; ++b) {
    const std::size_t block = kFirstBlock + static_cast<std::size_t>(b) * kBlockTensors;
    hidden = hidden + attend(norm(hidden, block + ln_1_weight), block, attention);
    const auto inner = at::gelu(linear(norm(hidden, block + ln_2_weight), block + c_fc_weight), "tanh");
    hidden = hidden + linear(inner, block + mlp_c_proj_weight);
  }
  return hidden;
}

at::Tensor Gpt2::final_norm(const at::Tensor& hidden) const {
  return norm(hidden, after_blocks());
}

Gpt2 cast(const Gpt2& model, at::ScalarType type) {
  const auto converted = [type](const at::Tensor& tensor) {
    return tensor.detach().to(tensor.device(), type, /*non_blocking=*/false, /*copy=*/true);
  };
  const auto specs = tensor_specs(model.config());
  std::unordered_map<std::string, at::Tensor> weights;
  for (const auto& spec : specs) weights[spec.name] = converted(model.tensor(spec.name));
  Gpt2 result(model.config(), weights);
  for (const auto& spec : specs) {
    if (const auto pair = model.pair(spec.name))
      result.add_pair(spec.name, {converted(pair->a), converted(pair->b), pair->scale});
  }
  return result;
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
