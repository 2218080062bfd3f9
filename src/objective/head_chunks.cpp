#include "src/objective/head_chunks.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "src/objective/head_rows.hpp"

namespace lift::head_chunks {
namespace {

/// Calls `action(first, size, logits)` for chunks of rows, logits in wide_type(); all chunks' share one
/// buffer.
template <typename Action>
void for_each_chunk(const HeadRows& all, std::int64_t bytes, const Action& action) {
  const auto& [rows, head, targets] = all;
  const auto count = rows.size(0), most = rows_of_chunk(head, bytes);
  const auto chunks = (count + most - 1) / most;
  const auto chunk = (count + chunks - 1) / chunks;
  const auto buffer = at::empty({chunk, head.size(0)}, rows.options());
  for (std::int64_t first = 0; first < count; first += chunk) {
    const auto size = std::min(chunk, count - first);
    auto logits = buffer.narrow(0, 0, size);
    at::mm_out(logits, rows.narrow(0, first, size), head.t());
    if (wide_type(rows) != rows.scalar_type()) logits = logits.to(wide_type(rows));
    action(first, size, logits);
  }
}

}  // namespace

std::int64_t rows_of_chunk(const at::Tensor& head, std::int64_t bytes) {
  const auto row_bytes = head.size(0) * static_cast<std::int64_t>(c10::elementSize(wide_type(head)));
  return std::max<std::int64_t>(1, bytes / row_bytes);
}

HeadSweep sweep(const HeadRows& rows, bool with_gradient, std::int64_t bytes) {
  const auto& hidden = rows.hidden;
  HeadSweep result{.losses = at::empty({hidden.size(0)}, hidden.options().dtype(at::kDouble)),
                   .gradient = with_gradient ? at::empty_like(hidden) : at::Tensor(),
                   .normalisers = at::empty({0}, hidden.options())};
  for_each_chunk(rows, bytes, [&](std::int64_t first, std::int64_t size, at::Tensor& logits) {
    const auto targets = rows.targets.narrow(0, first, size);
    auto losses = result.losses.narrow(0, first, size);
    if (!with_gradient) return head_row_losses(logits, targets, losses);
    head_row_losses_and_residuals(logits, targets, losses);
    auto gradient = result.gradient.narrow(0, first, size);
    at::mm_out(gradient, logits.to(hidden.scalar_type()), rows.head);
  });
  return result;
}

at::Tensor head_gradient(const HeadRows& rows, const at::Tensor& weight, std::int64_t bytes) {
  const auto type = rows.hidden.scalar_type();
  auto gradient = at::zeros_like(rows.head, rows.head.options().dtype(wide_type(rows.head)));
  for_each_chunk(rows, bytes, [&](std::int64_t first, std::int64_t size, at::Tensor& logits) {
    head_row_residuals(logits, rows.targets.narrow(0, first, size), logits);
    const auto weighted = (rows.hidden.narrow(0, first, size) * weight.narrow(0, first, size)).to(type);
    if (gradient.scalar_type() == type) {
      gradient.addmm_(logits.t(), weighted);
    } else {
      gradient.add_(at::mm(logits.to(type).t(), weighted));
    }
  });
  return gradient.to(type);
}

at::Tensor row_products(const HeadRows& rows, const at::Tensor& u, std::int64_t bytes) {
  auto products = at::empty_like(rows.hidden);
  at::Tensor tangents;
  for_each_chunk(rows, bytes, [&](std::int64_t first, std::int64_t size, at::Tensor& logits) {
    if (!tangents.defined()) tangents = at::empty_like(logits);
    auto tangent = tangents.narrow(0, 0, size);
    at::mm_out(tangent, u.narrow(0, first, size), rows.head.t());
    head_row_curvature(logits, tangent);
    auto product = products.narrow(0, first, size);
    at::mm_out(product, logits, rows.head);
  });
  return products;
}

JointProducts joint_products(const HeadRows& rows, const at::Tensor& weight, const at::Tensor& u,
                             const at::Tensor& head_direction, std::int64_t bytes) {
  JointProducts products{at::empty_like(rows.hidden), at::zeros_like(rows.head)};
  at::Tensor tangents, residuals;
  for_each_chunk(rows, bytes, [&](std::int64_t first, std::int64_t size, at::Tensor& logits) {
    const auto h = rows.hidden.narrow(0, first, size), up = u.narrow(0, first, size);
    const auto w = weight.narrow(0, first, size);
    if (!tangents.defined()) {
      tangents = at::empty_like(logits);
      residuals = at::empty_like(logits);
    }
    auto tangent = tangents.narrow(0, 0, size), residual = residuals.narrow(0, 0, size);
    head_row_residuals(logits, rows.targets.narrow(0, first, size), residual);
    at::mm_out(tangent, up, rows.head.t());
    tangent.addmm_(h, head_direction.t());
    head_row_curvature(logits, tangent);
    auto product = products.rows.narrow(0, first, size);
    at::mm_out(product, logits, rows.head);
    product.addmm_(residual, head_direction);
    products.head.addmm_(logits.t(), h * w).addmm_(residual.t(), up * w);
  });
  return products;
}

}  // namespace lift::head_chunks
