#pragma once
#include <ATen/core/Tensor.h>

namespace lift {

/// What head_loss does with a chunk of logits z [rows, vocabulary] between its matrix products; P =
/// softmax(z).
///
/// Method      on a GPU one kernel a call (head_kernels.hpp), on the CPU and for other floating types
///             ATen, which is the reference. The two agree to rounding, not in their bits.
/// Shapes      targets: [rows, 1] int64, Y their one-hot rows; losses: [rows] float64, contiguous.
/// In/out      `logits` are scratch: nothing is promised of what is left in them, unless they are the
///             result.
/// Throws      Error(internal) if a launch is refused.
/// Test        tests/src/objective/test_head_rows.cpp against ATen's cross-entropy, on the CPU and on a
///             GPU

/// losses ← −log P of each row's target, from log-sum-exp, in which nothing can overflow or vanish.
void head_row_losses(at::Tensor& logits, const at::Tensor& targets, at::Tensor& losses);

/// residuals ← P − Y = ∂ loss / ∂ logits; `residuals` may be `logits` itself, which else keep their values.
void head_row_residuals(const at::Tensor& logits, const at::Tensor& targets, at::Tensor& residuals);

/// Both of the above, residuals in place of the logits.
void head_row_losses_and_residuals(at::Tensor& logits, const at::Tensor& targets, at::Tensor& losses);

/// logits ← δ = P∘(a − P·a) with tangents a [rows, vocabulary]: the Hessian of each row's loss in its logits
/// times a.
void head_row_curvature(at::Tensor& logits, const at::Tensor& tangents);

}  // namespace lift
