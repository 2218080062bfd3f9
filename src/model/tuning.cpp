#include "src/model/tuning.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "mpi/error.hpp"

namespace lift {

namespace {

Error usage(const std::string& message) {
  return {ExitCode::usage, message};
}

std::string prefix_of(int block) {
  return fmt::format("h.{}.", block);
}

void check_blocks(const Gpt2Config& config, const TuningSpec& spec) {
  if (spec.blocks.empty()) throw usage("--tune.blocks: no block is tuned, expected at least one");
  const auto tuned = [&](int block) { return std::ranges::count(spec.blocks, block) > 0; };
  for (const int block : spec.blocks) {
    if (block < 0 || block >= config.layers)
      throw usage(fmt::format("--tune.blocks: block {} is out of range, the model has blocks 0 to {}", block,
                              config.layers - 1));
    if (std::ranges::count(spec.blocks, block) > 1)
      throw usage(fmt::format("--tune.blocks: block {} is given twice", block));
  }
  for (const int block : spec.mlp_only) {
    if (!tuned(block))
      throw usage(fmt::format("--tune.mlp-only: block {} is not among --tune.blocks", block));
    if (std::ranges::count(spec.mlp_only, block) > 1)
      throw usage(fmt::format("--tune.mlp-only: block {} is given twice", block));
  }
  for (const auto& [block, groups] : spec.regularizers) {
    if (!tuned(block))
      throw usage(fmt::format("--tune.regularizers: block {} is not among --tune.blocks", block));
    if (groups < 0)
      throw usage(
          fmt::format("--tune.regularizers: block {} has {} groups, expected 0 or more", block, groups));
  }
}

void check_lora(const Gpt2Config& config, const TuningSpec& spec) {
  if (spec.embedding_groups)
    throw usage("--tune.lora has no pair for --tune.embeddings, whose tensors it would leave frozen");
  const int largest = std::min(config.width, config.inner);
  if (spec.lora->rank < 1 || spec.lora->rank > largest)
    throw usage(
        fmt::format("--tune.lora {}: expected a rank of 1 to {}, the least extent of a block's weights",
                    spec.lora->rank, largest));
  if (!(spec.lora->alpha > 0) || !std::isfinite(spec.lora->alpha))
    throw usage(fmt::format("--tune.lora-alpha {}: expected a number > 0", spec.lora->alpha));
}

/// What of W moves a tensor of the checkpoint: itself, or the pair beside it.
std::vector<TensorSpec> moved_by(const TensorSpec& tensor, const std::optional<LoraSpec>& lora) {
  if (!lora) return {tensor};
  const auto [a, b] = pair_specs(tensor, lora->rank);
  return {a, b};
}

/// Group of each tensor, or pair: contiguous runs, each cut at the boundary nearest to its share of the
/// parameters that leaves every group a tensor; −1 throughout for no groups.
std::vector<int> cut_into_groups(const std::vector<std::int64_t>& sizes, int groups) {
  const auto count = static_cast<int>(sizes.size());
  if (groups == 0) return std::vector(sizes.size(), -1);
  std::vector<std::int64_t> before(sizes.size() + 1, 0);
  for (std::size_t k = 0; k < sizes.size(); ++k) before[k + 1] = before[k] + sizes[k];
  const auto total = static_cast<double>(before.back());

  std::vector<int> group(sizes.size(), groups - 1);
  int start = 0;
  for (int g = 0; g + 1 < groups; ++g) {
    const double share = total * (g + 1) / groups;
    const auto distance = [&](int cut) { return std::abs(static_cast<double>(before[cut]) - share); };
    int cut = start + 1;
    for (int candidate = cut + 1; candidate <= count - (groups - 1 - g); ++candidate)
      if (distance(candidate) < distance(cut)) cut = candidate;
    std::fill(group.begin() + start, group.begin() + cut, g);
    start = cut;
  }
  return group;
}

}  // namespace

TunedLayout::TunedLayout(const Gpt2Config& config, const TuningSpec& spec) : lora_(spec.lora) {
  check_blocks(config, spec);
  if (lora_) check_lora(config, spec);
  auto blocks = spec.blocks;
  std::ranges::sort(blocks);
  first_block_ = blocks.front();
  const auto all = tensor_specs(config);
  if (spec.embedding_groups) add_embeddings(all, static_cast<int>(*spec.embedding_groups));
  for (const int block : blocks) add_block(all, spec, block);
}

void TunedLayout::add_block(const std::vector<TensorSpec>& all, const TuningSpec& spec, int block) {
  const bool mlp_only = std::ranges::count(spec.mlp_only, block) > 0;
  const auto prefix = prefix_of(block) + (mlp_only ? "mlp." : "");
  std::vector<std::vector<TensorSpec>> parts;
  std::vector<std::int64_t> sizes;
  for (const auto& tensor : all) {
    if (!tensor.name.starts_with(prefix) || (lora_ && !lora_->takes(tensor))) continue;
    weights_.push_back(tensor.name);
    std::int64_t size = 0;
    for (const auto& part : parts.emplace_back(moved_by(tensor, lora_))) size += part.size();
    sizes.push_back(size);
  }
  if (parts.empty())
    throw usage(
        fmt::format("--tune.lora-targets: block {} is left nothing to tune by --tune.mlp-only", block));
  const auto wanted = spec.regularizers.find(block);
  const int groups = wanted == spec.regularizers.end() ? 1 : wanted->second;
  if (groups > static_cast<int>(parts.size()))
    throw usage(fmt::format("--tune.regularizers: {} groups for block {}, which has {} {}", groups, block,
                            parts.size(), lora_ ? "low-rank pairs" : "tuned tensors"));
  const auto group = cut_into_groups(sizes, groups);
  for (std::size_t k = 0; k < parts.size(); ++k)
    for (const auto& part : parts[k]) add(part, block, group[k] < 0 ? -1 : p_ + group[k]);
  p_ += groups;
}

void TunedLayout::add_embeddings(const std::vector<TensorSpec>& all, int groups) {
  tunes_embeddings_ = true;
  first_block_ = 0;
  int group = 0;
  for (const auto& tensor : all) {
    if (tensor.name != "wte.weight" && tensor.name != "wpe.weight") continue;
    weights_.push_back(tensor.name);
    add(tensor, -1, groups == 0 ? -1 : std::min(group++, groups - 1));
  }
  p_ += groups;
}

TunedLayout TunedLayout::everything(const Gpt2Config& config) {
  TunedLayout layout;
  layout.tunes_embeddings_ = true;
  layout.p_ = 1;
  for (const auto& spec : tensor_specs(config)) layout.add(spec, -1, 0);
  layout.weights_ = layout.names();
  return layout;
}

void TunedLayout::add(const TensorSpec& spec, int block, int group) {
  tensors_.push_back({spec.name, spec.shape, n_, spec.size(), block, group});
  n_ += spec.size();
}

std::vector<std::string> TunedLayout::names() const {
  std::vector<std::string> result;
  for (const auto& tensor : tensors_) result.push_back(tensor.name);
  return result;
}

CoordinateSpan TunedLayout::coordinates(TensorRange range) const {
  if (range.first >= range.last || range.last > tensors_.size())
    throw Error(ExitCode::internal, fmt::format("there are no tuned tensors {} … {} of {}", range.first,
                                                range.last, tensors_.size()));
  const TunedTensor& last = tensors_[range.last - 1];
  const std::int64_t offset = tensors_[range.first].offset;
  return {offset, last.offset + last.size - offset};
}

TunedParameters::TunedParameters(Gpt2& model, TunedLayout layout) : layout_(std::move(layout)) {
  for (const auto& spec : model.specs()) {
    if (const auto& tensor = model.tensor(spec.name); tensor.requires_grad())
      model.set(spec.name, tensor.detach());
  }
  const auto& first = model.tensor(layout_.tensors().front().name);
  flat_ = at::empty({layout_.n()}, first.options());
  for (std::size_t k = 0; k < layout_.tensors().size(); ++k) {
    const auto& name = layout_.tensors()[k].name;
    view(flat_, k).copy_(model.tensor(name));
    leaves_.push_back(view(flat_, k).detach().requires_grad_(true));
    model.set(name, leaves_.back());
  }
}

at::Tensor TunedParameters::view(const at::Tensor& flat, std::size_t k) const {
  const auto& tensor = layout_.tensors()[k];
  return flat.narrow(0, tensor.offset, tensor.size).view(tensor.shape);
}

}  // namespace lift
