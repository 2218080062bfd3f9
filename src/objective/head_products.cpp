#include "src/objective/head_products.hpp"

#include <algorithm>

#include "src/objective/head_blocks.hpp"
#include "src/objective/head_chunks.hpp"

namespace lift {
namespace {

bool by_blocks(const HeadRows& rows) {
  return rows.hidden.is_cpu();
}

}  // namespace

at::ScalarType wide_type(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kBFloat16 ? at::kFloat : tensor.scalar_type();
}

HeadSweep sweep_head(const HeadRows& rows, bool with_gradient) {
  return by_blocks(rows) ? head_blocks::sweep(rows, with_gradient) : head_chunks::sweep(rows, with_gradient);
}

HeadSweep sweep_for_products(const HeadRows& rows) {
  return by_blocks(rows) ? head_blocks::sweep(rows, true) : HeadSweep{};
}

at::Tensor head_gradient(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight) {
  return by_blocks(rows) ? head_blocks::head_gradient(rows, sweep, weight)
                         : head_chunks::head_gradient(rows, weight);
}

at::Tensor row_products(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& u) {
  return by_blocks(rows) ? head_blocks::row_products(rows, sweep, u) : head_chunks::row_products(rows, u);
}

JointProducts joint_products(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight,
                             const at::Tensor& u, const at::Tensor& head_direction) {
  return by_blocks(rows) ? head_blocks::joint_products(rows, sweep, weight, u, head_direction)
                         : head_chunks::joint_products(rows, weight, u, head_direction);
}

std::int64_t head_scratch_bytes(at::DeviceType device, std::int64_t rows, std::int64_t vocabulary) {
  if (device != at::kCPU) return std::min(head_chunks::kBytes, 4 * rows * vocabulary);
  return 4 * std::min(rows, head_blocks::kRows) * std::min(vocabulary, head_blocks::kVocabularyBlock);
}

}  // namespace lift
