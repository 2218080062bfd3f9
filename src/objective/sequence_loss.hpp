#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "src/model/gpt2.hpp"

namespace lift {

/// Mean next-token cross-entropy of each sequence from its final hidden states, with head and loss in chunks.
///
/// Method      never more logits than those of head_chunk_rows() positions. Where `hidden` needs a gradient,
///             the same sweep over the chunks makes the losses and their gradient in `hidden`, so that the
///             backward pass has only to scale it. The derivative of that is written out: with P =
///             softmax(z), z = h Eᵀ, the second derivative of the loss of a position along u is (P∘(a − P·a))
///             E with a = E u (the Hessian of log-sum-exp).
/// Shapes      hidden [B, T, width] after ln_f, head [vocabulary, width], tokens [B, T] int64 with T ≥ 2 →
///             losses [B]: position t predicts token t + 1, each sequence has T − 1 targets, its first token
///             is never one.
/// Units       nats/token.
/// Types       floating type of `hidden`; the losses are float64, summed over positions in float64. Logits of
///             a bfloat16 model are rounded to it as they are made; log-sum-exp, P and the sum of the head's
///             gradient are in float32.
///             Where `head` needs a gradient too, a = u_h Eᵀ + h u_Eᵀ, δ = P∘(a − P·a), and the products are
///             δ E + (P − Y) u_E in `hidden` and δᵀ h + (P − Y)ᵀ u_h in `head`.
/// Limits      differentiable twice in both; asking for a third derivative throws Error(internal).
/// Cost        products of T × width × vocabulary: the losses 1, with a gradient in `hidden` 2, in `head` 2
///             more; the double backward 3, in both 7.
/// Test        tests/src/objective/test_sequence_loss.cpp against ATen's cross-entropy, first and second
///             derivative.
at::Tensor head_loss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& tokens);

/// ∂²/∂hidden² Σ_b loss_b times `direction` [B, T, width], without a graph: positive semidefinite.
/// Test  tests/src/objective/test_sequence_loss.cpp
at::Tensor head_loss_hessian_product(const at::Tensor& hidden, const at::Tensor& head,
                                     const at::Tensor& tokens, const at::Tensor& direction);

inline constexpr std::int64_t kHeadChunkBytes = 64 << 20;
/// Positions whose logits, in float32 at least, head_loss holds at a time: as many as fit in kHeadChunkBytes,
/// at least one. A bfloat16 model has them twice more in bfloat16.
std::int64_t head_chunk_rows(const at::Tensor& head);

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
