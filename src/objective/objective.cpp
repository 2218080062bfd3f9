#include "src/objective/objective.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "mpi/error.hpp"
#include "src/objective/segments.hpp"

namespace lift {

namespace {

using torch::autograd::variable_list;

/// Calls `action(offset, part)` for the micro-batches of `sequences`.
template <typename Action>
void for_each_micro_batch(std::span<const std::int64_t> sequences, int micro_batch, const Action& action) {
  const auto size = static_cast<std::size_t>(micro_batch);
  for (std::size_t offset = 0; offset < sequences.size(); offset += size)
    action(static_cast<std::int64_t>(offset),
           sequences.subspan(offset, std::min(size, sequences.size() - offset)));
}

/// Appends the losses [B] of `sequences` to `out`.
void append_finite(const at::Tensor& losses, std::span<const std::int64_t> sequences,
                   std::vector<double>& out) {
  const auto on_host = losses.detach().cpu().contiguous();
  const auto* values = on_host.const_data_ptr<double>();
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    if (!std::isfinite(values[i]))
      throw Error(ExitCode::numerical, fmt::format("the loss of sequence {} is {}, expected a finite number",
                                                   sequences[i], values[i]));
    out.push_back(values[i]);
  }
}

}  // namespace

double forward_units(const WorkCount& work) noexcept {
  constexpr double kGradient = 3, kProduct = 2.9 * kGradient;
  return static_cast<double>(work.loss_sequences) + kGradient * static_cast<double>(work.gradient_sequences) +
         kProduct * static_cast<double>(work.hvp_sequences);
}

Objective::Objective(const Gpt2& model, const TunedParameters& tuned, int micro_batch,
                     Activations activations)
    : model_(&model), tuned_(&tuned), micro_batch_(micro_batch), activations_(activations) {
  if (micro_batch < 1)
    throw Error(ExitCode::usage, fmt::format("--micro-batch = {}, expected at least 1", micro_batch));
}

std::vector<double> Objective::losses(const SequenceSet& set, Sequences sequences) const {
  const c10::NoGradGuard no_graph;
  std::vector<double> result;
  for_each_micro_batch(sequences, micro_batch_, [&](std::int64_t, Sequences part) {
    const auto batch = tokens(set, part);
    append_finite(graph_losses(batch, prefix_of(batch), Attention::fused), part, result);
  });
  work_.loss_sequences += std::ssize(sequences);
  return result;
}

std::vector<double> Objective::add_gradient(const SequenceSet& set, Sequences sequences,
                                            at::Tensor& gradient) const {
  const auto type = tuned_->flat().scalar_type();
  check_flat(gradient, type == at::kBFloat16 ? at::kFloat : type, "gradient");
  std::vector<double> result;
  for_each_micro_batch(sequences, micro_batch_, [&](std::int64_t, Sequences part) {
    const auto batch = tokens(set, part);
    if (activations_ == Activations::recompute) {
      const auto found = segmented(batch, Attention::fused).gradient();
      add_parts(found.gradient, gradient);
      append_finite(found.losses, part, result);
      return;
    }
    const auto losses = graph_losses(batch, prefix_of(batch), Attention::fused);
    add_parts(torch::autograd::grad({losses.sum()}, tuned_->leaves()), gradient);
    append_finite(losses, part, result);
  });
  work_.gradient_sequences += std::ssize(sequences);
  return result;
}

std::vector<double> Objective::add_part_gradient(const SequenceSet& set, Sequences sequences,
                                                 TensorRange part, at::Tensor& gradient) const {
  const TunedLayout& layout = tuned_->layout();
  const CoordinateSpan span = layout.coordinates(part);
  if (gradient.sizes() != at::IntArrayRef({span.size}))
    throw Error(ExitCode::internal, fmt::format("gradient is not a tensor of {} values", span.size));
  std::vector<double> result;
  for_each_micro_batch(sequences, micro_batch_, [&](std::int64_t, Sequences batch) {
    at::Tensor losses;
    const auto parts = part_gradients(tokens(set, batch), part, losses);
    append_finite(losses, batch, result);
    for (std::size_t k = part.first; k < part.last; ++k) {
      const auto& found = parts[k - part.first];
      if (!found.defined()) continue;
      const TunedTensor& tensor = layout.tensors()[k];
      gradient.narrow(0, tensor.offset - span.offset, tensor.size).add_(found.reshape({-1}));
    }
  });
  work_.gradient_sequences += std::ssize(sequences);
  return result;
}

std::vector<at::Tensor> Objective::part_gradients(const at::Tensor& tokens, TensorRange part,
                                                  at::Tensor& losses) const {
  const auto first = static_cast<std::ptrdiff_t>(part.first), last = static_cast<std::ptrdiff_t>(part.last);
  if (activations_ == Activations::recompute) {
    auto found = segmented(tokens, Attention::fused).gradient();
    losses = found.losses;
    return {found.gradient.begin() + first, found.gradient.begin() + last};
  }
  const at::Tensor entering = prefix_of(tokens);
  const int begin = tuned_->layout().first_block(), block = tuned_->layout().tensors()[part.first].block;
  losses = block > begin ? sequence_losses_from(*model_, run_without_graph(tokens, entering, begin, block),
                                                block, tokens, Attention::fused)
                         : graph_losses(tokens, entering, Attention::fused);
  const auto& leaves = tuned_->leaves();
  return torch::autograd::grad({losses.sum()}, {leaves.begin() + first, leaves.begin() + last});
}

at::Tensor Objective::run_without_graph(const at::Tensor& tokens, const at::Tensor& entering, int first,
                                        int last) const {
  const c10::NoGradGuard no_graph;
  return model_->run_blocks(entering.defined() ? entering : model_->embed(tokens), first, last,
                            Attention::fused);
}

void Objective::add_hessian_vector(const SequenceSet& set, Sequences sequences, const at::Tensor& v,
                                   at::Tensor& product) const {
  add_hessian_vectors(set, sequences, {&v, 1}, {&product, 1});
}

void Objective::add_hessian_vectors(const SequenceSet& set, Sequences sequences,
                                    std::span<const at::Tensor> v, std::span<at::Tensor> products) const {
  if (v.empty()) return;
  check_products(v, products);
  for_each_micro_batch(sequences, micro_batch_, [&](std::int64_t, Sequences part) {
    const auto batch = tokens(set, part);
    std::vector<double> checked;
    if (activations_ == Activations::recompute) {
      const auto found = segmented(batch, Attention::twice_differentiable).hessian_products(parts_of(v));
      append_finite(found.losses, part, checked);
      for (std::size_t j = 0; j < v.size(); ++j) add_parts(found.products[j], products[j]);
      return;
    }
    const auto losses = graph_losses(batch, prefix_of(batch), Attention::twice_differentiable);
    append_finite(losses, part, checked);
    const auto& leaves = tuned_->leaves();
    const auto gradient = torch::autograd::grad({losses.sum()}, leaves, {}, true, /*create_graph=*/true);
    for (std::size_t j = 0; j < v.size(); ++j) {
      const bool more = j + 1 < v.size();
      add_parts(torch::autograd::grad(gradient, leaves, parts_of(v[j]), /*retain_graph=*/more, false,
                                      /*allow_unused=*/true),
                products[j]);
    }
  });
  work_.hvp_sequences += std::ssize(sequences) * std::ssize(v);
}

void Objective::add_gauss_newton_vectors(const SequenceSet& set, Sequences sequences,
                                         std::span<const at::Tensor> v,
                                         std::span<at::Tensor> products) const {
  if (tuned_->layout().tunes_embeddings())
    throw Error(ExitCode::usage, "Gauss–Newton products need a frozen head, but the embeddings are tuned");
  if (v.empty()) return;
  check_products(v, products);
  for_each_micro_batch(sequences, micro_batch_, [&](std::int64_t, Sequences part) {
    const auto batch = tokens(set, part);
    if (activations_ == Activations::recompute) {
      const auto found = segmented(batch, Attention::twice_differentiable).gauss_newton_products(parts_of(v));
      for (std::size_t j = 0; j < v.size(); ++j) add_parts(found[j], products[j]);
    } else {
      add_gauss_newton_batch(batch, v, products);
    }
  });
  work_.hvp_sequences += std::ssize(sequences) * std::ssize(v);
}

void Objective::add_gauss_newton_batch(const at::Tensor& batch, std::span<const at::Tensor> v,
                                       std::span<at::Tensor> products) const {
  const auto& leaves = tuned_->leaves();
  const auto& head = model_->tensor("wte.weight");
  const auto hidden = final_hidden(*model_, prefix_of(batch), tuned_->layout().first_block(),
                                   Attention::twice_differentiable);
  // Jᵀu is linear in u: its derivative in u along v is J v, whatever u is.
  const auto u = at::zeros_like(hidden).requires_grad_(true);
  const auto pulled = torch::autograd::grad({hidden}, leaves, {u}, true, /*create_graph=*/true);
  const HeadCurvature curvature(hidden, head, batch);
  for (std::size_t j = 0; j < v.size(); ++j) {
    const auto tangent = torch::autograd::grad(pulled, {u}, parts_of(v[j]), true).front();
    const auto bent = curvature.times(tangent);
    const bool more = j + 1 < v.size();
    add_parts(torch::autograd::grad({hidden}, leaves, {bent}, /*retain_graph=*/more), products[j]);
  }
}

at::Tensor Objective::prefix(const SequenceSet& set, Sequences sequences) const {
  const c10::NoGradGuard no_graph;
  if (tuned_->layout().tunes_embeddings()) return {};
  std::vector<at::Tensor> parts;
  for_each_micro_batch(sequences, micro_batch_,
                       [&](std::int64_t, Sequences part) { parts.push_back(prefix_of(tokens(set, part))); });
  if (parts.empty()) return at::empty({0, set.length(), model_->config().width}, tuned_->flat().options());
  return at::cat(parts);
}

std::vector<double> Objective::losses_from(const at::Tensor& hidden, const SequenceSet& set,
                                           Sequences sequences) const {
  const c10::NoGradGuard no_graph;
  std::vector<double> result;
  for_each_micro_batch(sequences, micro_batch_, [&](std::int64_t offset, Sequences part) {
    const auto entering = hidden.defined() ? hidden.narrow(0, offset, std::ssize(part)) : hidden;
    append_finite(graph_losses(tokens(set, part), entering, Attention::fused), part, result);
  });
  work_.loss_sequences += std::ssize(sequences);
  return result;
}

at::Tensor Objective::tokens(const SequenceSet& set, Sequences sequences) const {
  auto batch = at::empty({std::ssize(sequences), set.length()}, at::kLong);
  auto* out = batch.data_ptr<std::int64_t>();
  for (const auto sequence : sequences) out = std::ranges::copy(set[sequence], out).out;
  return batch.to(tuned_->flat().device());
}

at::Tensor Objective::prefix_of(const at::Tensor& tokens) const {
  if (tuned_->layout().tunes_embeddings()) return {};
  const c10::NoGradGuard no_graph;
  work_.prefix_sequences += tokens.size(0);
  return model_->run_blocks(model_->embed(tokens), 0, tuned_->layout().first_block(), Attention::fused);
}

at::Tensor Objective::graph_losses(const at::Tensor& tokens, const at::Tensor& hidden,
                                   Attention attention) const {
  const auto entering = hidden.defined() ? hidden : model_->embed(tokens);
  return sequence_losses_from(*model_, entering, tuned_->layout().first_block(), tokens, attention);
}

std::vector<at::Tensor> Objective::parts_of(const at::Tensor& flat) const {
  std::vector<at::Tensor> parts;
  for (std::size_t k = 0; k < tuned_->leaves().size(); ++k) parts.push_back(tuned_->view(flat, k));
  return parts;
}

std::vector<std::vector<at::Tensor>> Objective::parts_of(std::span<const at::Tensor> flats) const {
  std::vector<std::vector<at::Tensor>> parts;
  for (const auto& flat : flats) parts.push_back(parts_of(flat));
  return parts;
}

void Objective::add_parts(const std::vector<at::Tensor>& parts, at::Tensor& flat) const {
  for (std::size_t k = 0; k < parts.size(); ++k)
    if (parts[k].defined()) tuned_->view(flat, k).add_(parts[k]);
}

SegmentedLosses Objective::segmented(const at::Tensor& tokens, Attention attention) const {
  return {*model_, *tuned_, tokens, prefix_of(tokens), attention};
}

void Objective::check_products(std::span<const at::Tensor> v, std::span<const at::Tensor> products) const {
  const auto type = tuned_->flat().scalar_type();
  if (type == at::kBFloat16)
    throw Error(ExitCode::internal, "curvature products need a float32 or float64 model");
  for (const auto& direction : v) check_flat(direction, type, "v");
  for (const auto& product : products) check_flat(product, type, "product");
}

void Objective::check_flat(const at::Tensor& flat, at::ScalarType type, const char* name) const {
  const auto& w = tuned_->flat();
  if (flat.sizes() != w.sizes() || flat.scalar_type() != type || flat.device() != w.device())
    throw Error(ExitCode::internal,
                fmt::format("{} is not a tensor of {} values of type {} on the model's device", name,
                            w.numel(), c10::toString(type)));
}

}  // namespace lift
