#pragma once
#include <ATen/core/Tensor.h>

namespace lift {

/// Causal scaled dot-product attention softmax(q kᵀ/√d + mask) v that can be differentiated twice.
///
/// Method      the value comes from ATen's fused kernel; the first derivative, and its derivative along given
///             directions, are written out and made for a stretch of queries at a time, with the
///             probabilities made anew: no T × T matrix is held, and keys after the stretch are left out.
/// Shapes      q, k, v and the result [B, heads, T, head width].
/// Limits      a third derivative throws Error(internal).
/// Cost        in T² × head width products, of which about half are left out as causal: gradient 5, double
///             backward 12.
/// Test        tests/src/model/test_causal_attention.cpp against autograd through matrix products and a
///             softmax
at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

}  // namespace lift
