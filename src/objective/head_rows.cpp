#include "src/objective/head_rows.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/log.h>

#include "src/objective/head_kernels.hpp"
#include "src/objective/kernel_call.hpp"

namespace lift {

namespace {

void softmax_into(at::Tensor& probabilities, const at::Tensor& logits) {
  at::_softmax_out(probabilities, logits, 1, /*half_to_float=*/false);
}

/// Softmax in place and the loss of each row: log-sum-exp is z_max − log P_max.
void softmax_and_losses(at::Tensor& logits, const at::Tensor& targets, at::Tensor& losses) {
  const auto of_target = at::gather(logits, 1, targets);
  const auto largest = at::amax(logits, {1}, /*keepdim=*/true);
  softmax_into(logits, logits);
  const auto log_largest = at::log(at::amax(logits, {1}, true).to(at::kDouble));
  losses.copy_((largest.to(at::kDouble) - log_largest - of_target.to(at::kDouble)).squeeze(1));
}

void subtract_targets(at::Tensor& probabilities, const at::Tensor& targets) {
  probabilities.scatter_add_(1, targets, at::full(targets.sizes(), -1.0, probabilities.options()));
}

template <typename Real>
LogitRows<Real> rows_of(const at::Tensor& logits) {
  return {logits.data_ptr<Real>(), logits.size(0), logits.size(1)};
}

/// By the kernel, which leaves out what is not asked for (undefined).
void residuals_by_kernel(const at::Tensor& logits, const at::Tensor& targets, const at::Tensor& residuals,
                         const at::Tensor& losses) {
  const auto in_rows = targets.contiguous();
  launch_kernels(logits, [&]<typename Real>(Real, void* stream) {
    residuals_on_device<Real>(rows_of<Real>(logits), in_rows.data_ptr<std::int64_t>(),
                              residuals.defined() ? residuals.data_ptr<Real>() : nullptr,
                              losses.defined() ? losses.data_ptr<double>() : nullptr, stream);
  });
}

}  // namespace

void head_row_losses(at::Tensor& logits, const at::Tensor& targets, at::Tensor& losses) {
  if (has_kernels(logits)) return residuals_by_kernel(logits, targets, {}, losses);
  softmax_and_losses(logits, targets, losses);
}

void head_row_residuals(const at::Tensor& logits, const at::Tensor& targets, at::Tensor& residuals) {
  if (has_kernels(logits)) return residuals_by_kernel(logits, targets, residuals, {});
  softmax_into(residuals, logits);
  subtract_targets(residuals, targets);
}

void head_row_losses_and_residuals(at::Tensor& logits, const at::Tensor& targets, at::Tensor& losses) {
  if (has_kernels(logits)) return residuals_by_kernel(logits, targets, logits, losses);
  softmax_and_losses(logits, targets, losses);
  subtract_targets(logits, targets);
}

void head_row_curvature(at::Tensor& logits, const at::Tensor& tangents) {
  if (has_kernels(logits)) {
    const auto in_rows = tangents.contiguous();
    return launch_kernels(logits, [&]<typename Real>(Real, void* stream) {
      curvature_on_device<Real>(rows_of<Real>(logits), in_rows.data_ptr<Real>(), stream);
    });
  }
  softmax_into(logits, logits);
  at::_softmax_backward_data_out(logits, tangents, logits, 1, logits.scalar_type());
}

}  // namespace lift
