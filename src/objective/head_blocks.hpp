#pragma once
#include "src/objective/head_products.hpp"

/// The head with cross-entropy without logits in memory: products with a block of the vocabulary at a time.
///
/// Method      the softmax is normalised as it goes: a block whose logits are larger rescales what was summed
///             before (Milakov and Gimelshein 2018, arXiv:1805.02867; with P E summed alongside it is the
///             attention of Dao et al. 2022, arXiv:2205.14135, with E for keys and values, and the loss of
///             Wijmans et al. 2025, arXiv:2411.09009). The derivatives take the normalisers that the sweep
///             left, so that each needs a block once; only the joint product has to go twice, for (P − Y) U.
///             Nothing is subtracted late: the target's entry of P − Y is minus the sum of the others, and
///             with a_t the tangent of the target, P·(a − a_t) = ((P − Y) E)·u, which the gradient has. Where
///             P of the target is near 1, all that is left is small, and exact to its own size.
/// Shapes      as head_products.hpp. kRows rows by kVocabularyBlock words of the vocabulary at a time.
/// Types       exponentials of a block are summed in the type of its logits, the blocks in float64.
/// Cost        products of rows × width × vocabulary: sweep 1, with its gradient 2, head_gradient 2,
///             row_products 3, joint_products 8. Their logits stay in a cache of a few MiB, where whole rows
///             of 50,257 words would be written to memory and read back four times.
namespace lift::head_blocks {

inline constexpr std::int64_t kRows = 1024, kVocabularyBlock = 512;
HeadSweep sweep(const HeadRows& rows, bool with_gradient);
at::Tensor head_gradient(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight);
at::Tensor row_products(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& u);
JointProducts joint_products(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight,
                             const at::Tensor& u, const at::Tensor& head_direction);

}  // namespace lift::head_blocks
