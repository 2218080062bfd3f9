#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lift {

/// Rows that the head is applied to: logits z = h Eᵀ, P = softmax(z), Y the one-hot rows of the targets.
struct HeadRows {
  at::Tensor hidden;   ///< h [rows, width]
  at::Tensor head;     ///< E [vocabulary, width], of the type of h
  at::Tensor targets;  ///< [rows, 1] int64
};

/// What one sweep over the logits leaves of them.
struct HeadSweep {
  at::Tensor losses;    ///< −log P of each row's target [rows], float64
  at::Tensor gradient;  ///< (P − Y) E, of the type of h [rows, width]; undefined if not asked for
  /// [rows, 3]: P = exp(z − first) · second, and 1 − P of the target, the sum of the others; empty where P is
  /// made of whole rows.
  at::Tensor normalisers;
};

/// The Hessian of Σ_r weight_r loss_r in (h, E) times (u, U).
struct JointProducts {
  at::Tensor rows;  ///< δ E + (P − Y) U, not weighted
  at::Tensor head;  ///< Σ_r weight_r (δ_rᵀ h_r + (P_r − Y_r)ᵀ u_r)
};

/// What follows the products of the head is computed in: float32 where they are made in bfloat16.
at::ScalarType wide_type(const at::Tensor& tensor);

/// Losses and derivatives of the head with cross-entropy, by whichever of two ways suits the device.
///
/// Method      on the CPU by blocks of the vocabulary that stay in the cache (head_blocks.hpp), on a GPU by
///             chunks of whole rows and kernels (head_chunks.hpp). The two agree to rounding.
/// Types       float32 and float64, and bfloat16 in sweep_head() and head_gradient(); losses float64.
/// Test        tests/src/objective/test_head_products.cpp: both ways against each other;
///             test_sequence_loss.cpp: against autograd
HeadSweep sweep_head(const HeadRows& rows, bool with_gradient);
/// As much of a sweep as row_products() needs.
HeadSweep sweep_for_products(const HeadRows& rows);
/// Σ_r weight_r (P_r − Y_r)ᵀ h_r [vocabulary, width], with weight [rows, 1] in wide_type().
at::Tensor head_gradient(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight);
/// The Hessian of each row's loss times its direction, δ E with δ = P∘(a − P·a), a = u Eᵀ; [rows, width].
at::Tensor row_products(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& u);
/// The same in h and E together: a = u Eᵀ + h Uᵀ.
JointProducts joint_products(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight,
                             const at::Tensor& u, const at::Tensor& head_direction);

/// Bytes of float32 logits that the first derivatives of so many rows hold at a time. row_products() holds
/// two such buffers; joint_products() two by blocks, three by chunks.
std::int64_t head_scratch_bytes(at::DeviceType device, std::int64_t rows, std::int64_t vocabulary);

}  // namespace lift
