#pragma once
#include <ATen/core/Tensor.h>

#include "src/model/gpt2.hpp"
#include "src/objective/head_products.hpp"

namespace lift {

/// Mean next-token cross-entropy of each sequence from its final hidden states, with no more of the
/// logits at a time than head_scratch_bytes() says.
///
/// Method      where `hidden` needs a gradient, one sweep over the logits makes the losses and their gradient
///             in `hidden`, so that the backward pass has only to scale it. The derivative of that is written
///             out: with P = softmax(z), z = h Eᵀ, the second derivative of the loss of a position along u is
///             (P∘(a − P·a)) E with a = E u (the Hessian of log-sum-exp). head_products.hpp says how.
/// Shapes      hidden [B, T, width] after ln_f, head [vocabulary, width], tokens [B, T] int64 with T ≥ 2 →
///             losses [B]: position t predicts token t + 1, each sequence has T − 1 targets, its first token
///             is never one.
/// Units       nats/token.
/// Types       floating type of `hidden`; the losses are float64, summed over positions in float64. Products
///             of a bfloat16 model are rounded to it as they are made; log-sum-exp, P and the sum of the
///             head's gradient are in float32.
///             Where `head` needs a gradient too, a = u_h Eᵀ + h u_Eᵀ, δ = P∘(a − P·a), and the products are
///             δ E + (P − Y) u_E in `hidden` and δᵀ h + (P − Y)ᵀ u_h in `head`.
/// Limits      differentiable twice in both; asking for a third derivative throws Error(internal).
/// Cost        products of T × width × vocabulary: the losses 1, with a gradient in `hidden` 2, in `head` 2
///             more; the double backward 3, in both 7 or 8.
/// Test        tests/src/objective/test_sequence_loss.cpp against ATen's cross-entropy, first and second
///             derivative.
at::Tensor head_loss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& tokens);

/// ∂²/∂hidden² Σ_b loss_b at `hidden`, without a graph: positive semidefinite.
///
/// Shapes      hidden and the direction [B, T, width].
/// Cost        a sweep with its gradient on the CPU, then three products for each direction.
/// Test        tests/src/objective/test_sequence_loss.cpp
class HeadCurvature {
 public:
  HeadCurvature(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& tokens);
  [[nodiscard]] at::Tensor times(const at::Tensor& direction) const;

 private:
  HeadRows rows_;
  HeadSweep sweep_;
  at::Tensor weight_;
};

/// Losses [B] of whole sequences from their tokens; differentiable in whatever tensors of the model require
/// gradients.
at::Tensor sequence_losses(const Gpt2& model, const at::Tensor& tokens, Attention attention);

/// Hidden states after ln_f from those that enter block `first`.
at::Tensor final_hidden(const Gpt2& model, const at::Tensor& hidden, int first, Attention attention);

/// The same from the hidden states that enter block `first`, so that frozen blocks below need not be run
/// again.
at::Tensor sequence_losses_from(const Gpt2& model, const at::Tensor& hidden, int first,
                                const at::Tensor& tokens, Attention attention);

}  // namespace lift
