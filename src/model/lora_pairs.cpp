#include "src/model/lora_pairs.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "mpi/philox.hpp"

namespace lift {

namespace {

at::Tensor random_a(const TensorSpec& spec, const Philox& philox, std::size_t sequence) {
  const auto values = at::empty(spec.shape, at::kDouble);
  const double bound = 1.0 / std::sqrt(static_cast<double>(spec.shape[1]));
  auto* out = values.data_ptr<double>();
  for (std::int64_t k = 0; k < values.numel(); ++k)
    out[k] = bound * (2 * philox.uniform(sequence, static_cast<std::uint64_t>(k)) - 1);
  return values;
}

}  // namespace

void add_pairs(Gpt2& model, const TunedLayout& layout, std::uint64_t seed) {
  if (!layout.lora()) return;
  const Philox philox(seed, RandomStream::lora);
  const auto specs = tensor_specs(model.config());
  const auto weights = layout.weights();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (std::ranges::count(weights, specs[i].name) == 0) continue;
    const auto [a, b] = pair_specs(specs[i], layout.lora()->rank);
    const auto like = model.tensor(specs[i].name).options().requires_grad(false);
    model.add_pair(specs[i].name, {.a = random_a(a, philox, i).to(like),
                                   .b = at::zeros(b.shape, like),
                                   .scale = layout.lora()->scale()});
  }
}

at::Tensor merged_tensor(const Gpt2& model, const std::string& name) {
  const auto tensor = model.tensor(name).detach();
  const auto pair = model.pair(name);
  if (!pair) return tensor;
  const auto product = at::mm(pair->b.detach().to(at::kDouble), pair->a.detach().to(at::kDouble));
  return (tensor.to(at::kDouble) + product.t() * pair->scale).to(tensor.scalar_type());
}

void merge_pairs(Gpt2& model) {
  for (const auto& spec : tensor_specs(model.config())) {
    if (!model.pair(spec.name)) continue;
    auto tensor = model.tensor(spec.name).detach();
    tensor.copy_(merged_tensor(model, spec.name));
  }
  model.drop_pairs();
}

}  // namespace lift
