#include "src/objective/segments.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <utility>

namespace lift {

namespace {

using torch::autograd::grad;

void add_to(at::Tensor& sum, const at::Tensor& part) {
  if (part.defined()) sum = sum.defined() ? sum + part : part;
}

/// Appends pairs of what is differentiated and its cotangent, where there is one.
void append_defined(const std::vector<at::Tensor>& outputs, const std::vector<at::Tensor>& cotangents,
                    std::vector<at::Tensor>& of, std::vector<at::Tensor>& with) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!cotangents[i].defined() || !outputs[i].requires_grad()) continue;
    of.push_back(outputs[i]);
    with.push_back(cotangents[i]);
  }
}

}  // namespace

SegmentedLosses::SegmentedLosses(const Gpt2& model, const TunedParameters& tuned, at::Tensor tokens,
                                 at::Tensor hidden, Attention attention)
    : tuned_(tuned),
      tokens_(std::move(tokens)),
      head_(model.tensor("wte.weight")),
      first_input_(std::move(hidden)) {
  int first = tuned.layout().first_block();
  if (!first_input_.defined()) {
    const std::string embeddings[] = {"wte.", "wpe."};
    add_segment([this, &model](const at::Tensor&) { return model.embed(tokens_); }, embeddings);
    first = 0;
  }
  for (int block = first; block < model.config().layers; ++block) {
    const std::string prefix[] = {fmt::format("h.{}.", block)};
    add_segment([&model, block,
                 attention](const at::Tensor& x) { return model.run_blocks(x, block, block + 1, attention); },
                prefix);
  }
  const std::string norm[] = {"ln_f."}, head[] = {"wte."};
  add_segment([&model](const at::Tensor& x) { return model.final_norm(x); }, norm);
  add_segment([this](const at::Tensor& x) { return head_loss(x, head_, tokens_); }, head);
}

void SegmentedLosses::add_segment(std::function<at::Tensor(const at::Tensor&)> run,
                                  std::span<const std::string> prefixes) {
  Segment segment{std::move(run), {}};
  const auto& tensors = tuned_.layout().tensors();
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    const auto starts = [&](const std::string& prefix) { return tensors[k].name.starts_with(prefix); };
    if (std::ranges::any_of(prefixes, starts)) segment.leaves.push_back(k);
  }
  segments_.push_back(std::move(segment));
}

SegmentedLosses::Traced SegmentedLosses::trace(std::size_t k, const at::Tensor& input) const {
  Traced traced;
  at::Tensor source = input;
  if (k > 0) {
    source = input.detach().requires_grad_(true);
    traced.sources.push_back(source);
    traced.inputs = 1;
  }
  for (const std::size_t leaf : segments_[k].leaves) traced.sources.push_back(tuned_.leaves()[leaf]);
  traced.output = segments_[k].run(source);
  return traced;
}

std::vector<at::Tensor> SegmentedLosses::source_tangents(std::size_t k, const at::Tensor& input_tangent,
                                                         const Leaves& direction) const {
  std::vector<at::Tensor> tangents;
  if (k > 0) tangents.push_back(input_tangent);
  for (const std::size_t leaf : segments_[k].leaves) tangents.push_back(direction[leaf]);
  return tangents;
}

SegmentedLosses::Inputs SegmentedLosses::run_up(std::span<const Leaves> directions) const {
  Inputs inputs;
  inputs.values.push_back(first_input_);
  inputs.tangents.emplace_back(directions.size());
  for (std::size_t k = 0; k + 1 < segments_.size(); ++k) {
    if (directions.empty()) {
      const c10::NoGradGuard no_graph;
      inputs.values.push_back(segments_[k].run(inputs.values[k]));
      continue;
    }
    const Traced traced = trace(k, inputs.values[k]);
    inputs.values.push_back(traced.output.detach());
    const auto u = at::zeros_like(traced.output).requires_grad_(true);
    const auto pulled = grad({traced.output}, traced.sources, {u}, true, /*create_graph=*/true);
    auto& tangents = inputs.tangents.emplace_back();
    for (std::size_t j = 0; j < directions.size(); ++j) {
      std::vector<at::Tensor> of, with;
      append_defined(pulled, source_tangents(k, inputs.tangents[k][j], directions[j]), of, with);
      tangents.push_back(grad(of, {u}, with, /*retain_graph=*/true).front());
    }
  }
  return inputs;
}

void SegmentedLosses::add_to_leaves(std::size_t k, const std::vector<at::Tensor>& of_sources,
                                    std::size_t inputs, Leaves& sum) const {
  for (std::size_t i = 0; i < segments_[k].leaves.size(); ++i)
    add_to(sum[segments_[k].leaves[i]], of_sources[inputs + i]);
}

void SegmentedLosses::pull_down(const Inputs& inputs, std::size_t last, at::Tensor cotangent,
                                Leaves& sum) const {
  for (std::size_t k = last; k-- > 0;) {
    const Traced traced = trace(k, inputs.values[k]);
    const auto parts = grad({traced.output}, traced.sources, {cotangent});
    add_to_leaves(k, parts, traced.inputs, sum);
    if (k > 0) cotangent = parts.front();
  }
}

SegmentedLosses::Gradient SegmentedLosses::gradient() const {
  const Inputs inputs = run_up({});
  const std::size_t head = segments_.size() - 1;
  Gradient result{.losses = {}, .gradient = Leaves(tuned_.leaves().size())};
  const Traced traced = trace(head, inputs.values[head]);
  result.losses = traced.output.detach();
  const auto parts = grad({traced.output.sum()}, traced.sources);
  add_to_leaves(head, parts, traced.inputs, result.gradient);
  pull_down(inputs, head, parts.front(), result.gradient);
  return result;
}

SegmentedLosses::Products SegmentedLosses::hessian_products(std::span<const Leaves> directions) const {
  const Inputs inputs = run_up(directions);
  const std::size_t head = segments_.size() - 1;
  Products result{.losses = {}, .products = {directions.size(), Leaves(tuned_.leaves().size())}};
  at::Tensor cotangent;
  std::vector<at::Tensor> cotangent_tangents(directions.size());
  for (std::size_t k = segments_.size(); k-- > 0;) {
    const Traced traced = trace(k, inputs.values[k]);
    if (k == head) result.losses = traced.output.detach();
    const auto output = k == head ? traced.output.sum() : traced.output;
    const auto parts = grad({output}, traced.sources, {cotangent}, true, /*create_graph=*/true);
    for (std::size_t j = 0; j < directions.size(); ++j) {
      std::vector<at::Tensor> of, with;
      append_defined(parts, source_tangents(k, inputs.tangents[k][j], directions[j]), of, with);
      append_defined({output}, {cotangent_tangents[j]}, of, with);
      const auto moved = grad(of, traced.sources, with, /*retain_graph=*/true, false, /*allow_unused=*/true);
      add_to_leaves(k, moved, traced.inputs, result.products[j]);
      if (k > 0) cotangent_tangents[j] = moved.front();
    }
    if (k > 0) cotangent = parts.front().detach();
  }
  return result;
}

std::vector<SegmentedLosses::Leaves> SegmentedLosses::gauss_newton_products(
    std::span<const Leaves> directions) const {
  const Inputs inputs = run_up(directions);
  const std::size_t head = segments_.size() - 1;
  std::vector<Leaves> products(directions.size(), Leaves(tuned_.leaves().size()));
  const HeadCurvature curvature(inputs.values[head], head_, tokens_);
  for (std::size_t j = 0; j < directions.size(); ++j)
    pull_down(inputs, head, curvature.times(inputs.tangents[head][j]), products[j]);
  return products;
}

}  // namespace lift
