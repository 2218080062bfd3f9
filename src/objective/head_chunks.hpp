#pragma once
#include "src/objective/head_products.hpp"

/// The head with cross-entropy by chunks of rows whose logits are made whole, for devices whose memory is as
/// fast as their products are: head_rows.hpp between the products.
///
/// Shapes      as head_products.hpp.
/// Types       logits of bfloat16 rows are rounded to it as they are made, and held twice.
/// Cost        products of rows × width × vocabulary: sweep 1, with its gradient 2, head_gradient 2,
///             row_products 3, joint_products 7.
namespace lift::head_chunks {

inline constexpr std::int64_t kBytes = 512 << 20;  ///< some 2,600 rows of GPT-2's vocabulary: few launches
/// Rows of a chunk: as many as have their logits, in float32 at least, in `bytes`; at least one.
std::int64_t rows_of_chunk(const at::Tensor& head, std::int64_t bytes = kBytes);

HeadSweep sweep(const HeadRows& rows, bool with_gradient, std::int64_t bytes = kBytes);
at::Tensor head_gradient(const HeadRows& rows, const at::Tensor& weight, std::int64_t bytes = kBytes);
at::Tensor row_products(const HeadRows& rows, const at::Tensor& u, std::int64_t bytes = kBytes);
JointProducts joint_products(const HeadRows& rows, const at::Tensor& weight, const at::Tensor& u,
                             const at::Tensor& head_direction, std::int64_t bytes = kBytes);

}  // namespace lift::head_chunks
