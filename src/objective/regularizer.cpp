#include "src/objective/regularizer.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/dot.h>
#include <fmt/format.h>

#include <utility>

#include "mpi/error.hpp"

namespace lift {

namespace {

at::Tensor part(const at::Tensor& flat, const TunedTensor& tensor) {
  return flat.narrow(0, tensor.offset, tensor.size);
}

}  // namespace

Regularizer::Regularizer(TunedLayout layout, at::Tensor center)
    : layout_(std::move(layout)), center_(std::move(center)) {
  if (center_.defined() && (center_.dim() != 1 || center_.numel() != layout_.n()))
    throw Error(ExitCode::internal, fmt::format("the regulariser's centre has {} values, expected {}",
                                                center_.numel(), layout_.n()));
}

at::Tensor Regularizer::distance(const at::Tensor& w, const TunedTensor& tensor) const {
  return center_.defined() ? part(w, tensor) - part(center_, tensor) : part(w, tensor);
}

std::vector<double> Regularizer::values(const at::Tensor& w) const {
  std::vector<double> result(static_cast<std::size_t>(p()), 0.0);
  for (const auto& tensor : layout_.tensors()) {
    if (tensor.group < 0) continue;
    const auto difference = distance(w, tensor).to(at::kDouble);
    result[static_cast<std::size_t>(tensor.group)] += at::dot(difference, difference).item().toDouble();
  }
  return result;
}

void Regularizer::add_gradient(std::span<const double> lambda, const at::Tensor& w,
                               at::Tensor& gradient) const {
  add_part_gradient(lambda, w, layout_.all(), gradient);
}

void Regularizer::add_part_gradient(std::span<const double> lambda, const at::Tensor& w, TensorRange range,
                                    at::Tensor& gradient) const {
  const std::int64_t begin = layout_.coordinates(range).offset;
  for (std::size_t k = range.first; k < range.last; ++k) {
    const TunedTensor& tensor = layout_.tensors()[k];
    if (tensor.group >= 0)
      gradient.narrow(0, tensor.offset - begin, tensor.size)
          .add_(distance(w, tensor), 2 * lambda[static_cast<std::size_t>(tensor.group)]);
  }
}

// ∇ is linear in λ: H21 x is the gradient at λ = x.
void Regularizer::add_cross(std::span<const double> x, const at::Tensor& w, at::Tensor& product) const {
  add_gradient(x, w, product);
}

void Regularizer::add_hessian_vector(std::span<const double> lambda, const at::Tensor& v,
                                     at::Tensor& product) const {
  for (const auto& tensor : layout_.tensors())
    if (tensor.group >= 0)
      part(product, tensor).add_(part(v, tensor), 2 * lambda[static_cast<std::size_t>(tensor.group)]);
}

std::vector<double> Regularizer::cross(const at::Tensor& w, const at::Tensor& v) const {
  std::vector<double> result(static_cast<std::size_t>(p()), 0.0);
  for (const auto& tensor : layout_.tensors()) {
    if (tensor.group < 0) continue;
    const auto product =
        at::dot(distance(w, tensor).to(at::kDouble), part(v, tensor).to(at::kDouble)).item().toDouble();
    result[static_cast<std::size_t>(tensor.group)] += 2 * product;
  }
  return result;
}

}  // namespace lift
