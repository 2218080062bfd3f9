#include "src/training/adam.hpp"

#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "src/training/vectors.hpp"

namespace lift {

Adam::Adam(const at::Tensor& w, Options options)
    : options_(options),
      moments_{at::zeros_like(w), at::zeros_like(w)},
      kernel_steps_(at::zeros({}, w.options().dtype(at::kFloat))) {}

void Adam::step(at::Tensor& w, const at::Tensor& gradient, double rate) {
  const c10::NoGradGuard no_graph;
  ++steps_;
  kernel_steps_.fill_(static_cast<double>(steps_));
  at::_fused_adam_({w}, {gradient}, {moments_.first}, {moments_.second}, {}, {kernel_steps_}, rate,
                   options_.beta1, options_.beta2, /*weight_decay=*/0.0, options_.epsilon, /*amsgrad=*/false,
                   /*maximize=*/false);
}

void Adam::resume(const at::Tensor& first, const at::Tensor& second, std::int64_t steps) {
  moments_.first.copy_(first);
  moments_.second.copy_(second);
  steps_ = steps;
}

double clip_norm(at::Tensor& gradient, double limit) {
  const double norm = norm64(gradient);
  if (limit > 0 && std::isfinite(norm) && norm > limit) gradient.mul_(limit / norm);
  return norm;
}

}  // namespace lift
