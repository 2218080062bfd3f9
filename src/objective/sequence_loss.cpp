#include "src/objective/sequence_loss.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "mpi/error.hpp"
#include "src/objective/head_rows.hpp"

namespace lift {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// What follows the products of the head is computed in: float32 where they are made in bfloat16.
at::ScalarType wide_type(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kBFloat16 ? at::kFloat : tensor.scalar_type();
}

/// The positions that have a target, as rows: [B, T, width] → [B(T − 1), width].
at::Tensor rows_of(const at::Tensor& positions) {
  return positions.narrow(1, 0, positions.size(1) - 1).reshape({-1, positions.size(2)});
}

/// The target of each row, [B(T − 1), 1].
at::Tensor targets_of(const at::Tensor& tokens) {
  return tokens.narrow(1, 1, tokens.size(1) - 1).reshape({-1, 1});
}

/// The rows of sequence b times weight[b], in their positions; the last position has no target: zero.
at::Tensor to_positions(const at::Tensor& rows, const at::Tensor& weight) {
  const auto batch = weight.size(0), targets = rows.size(0) / batch, width = rows.size(1);
  auto positions = at::empty({batch, targets + 1, width}, rows.options());
  positions.narrow(1, targets, 1).zero_();
  positions.narrow(1, 0, targets).copy_(rows.view({batch, targets, width}));
  return positions.mul_(weight.to(wide_type(rows)).view({batch, 1, 1}));
}

/// Calls `action(first, size, logits)` for chunks of rows, logits in wide_type(); all chunks' share one
/// buffer.
template <typename Action>
void for_each_chunk(const at::Tensor& rows, const at::Tensor& head, const Action& action) {
  const auto count = rows.size(0);
  const auto chunks = (count + head_chunk_rows(head) - 1) / head_chunk_rows(head);
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

struct LossesAndGradient {
  at::Tensor losses;    ///< of each row, float64
  at::Tensor gradient;  ///< of each row's loss in the row [rows, width]; undefined if not wanted
};

LossesAndGradient sweep(const at::Tensor& rows, const at::Tensor& head, const at::Tensor& targets,
                        bool with_gradient) {
  LossesAndGradient result{at::empty({rows.size(0)}, rows.options().dtype(at::kDouble)), {}};
  if (with_gradient) result.gradient = at::empty_like(rows);
  for_each_chunk(rows, head, [&](std::int64_t first, std::int64_t size, at::Tensor& logits) {
    const auto chunk_targets = targets.narrow(0, first, size);
    auto losses = result.losses.narrow(0, first, size);
    if (!with_gradient) return head_row_losses(logits, chunk_targets, losses);
    head_row_losses_and_residuals(logits, chunk_targets, losses);
    auto gradient = result.gradient.narrow(0, first, size);
    at::mm_out(gradient, logits.to(head.scalar_type()), head);
  });
  return result;
}

/// ∂/∂E Σ_r weight_r loss_r = Σ_r weight_r (P_r − Y_r) h_rᵀ.
at::Tensor head_gradient(const at::Tensor& rows, const at::Tensor& head, const at::Tensor& targets,
                         const at::Tensor& weight) {
  auto gradient = at::zeros_like(head, head.options().dtype(wide_type(head)));
  for_each_chunk(rows, head, [&](std::int64_t first, std::int64_t size, at::Tensor& logits) {
    head_row_residuals(logits, targets.narrow(0, first, size), logits);
    const auto weighted =
        (rows.narrow(0, first, size) * weight.narrow(0, first, size)).to(rows.scalar_type());
    if (gradient.scalar_type() == weighted.scalar_type()) {
      gradient.addmm_(logits.t(), weighted);
    } else {
      gradient.add_(at::mm(logits.to(weighted.scalar_type()).t(), weighted));
    }
  });
  return gradient.to(head.scalar_type());
}

/// The Hessian of each row's loss times its direction: (P∘(a − P·a)) E with a = E u.
at::Tensor row_hessian_products(const at::Tensor& rows, const at::Tensor& head,
                                const at::Tensor& directions) {
  auto products = at::empty_like(rows);
  at::Tensor tangents;
  for_each_chunk(rows, head, [&](std::int64_t first, std::int64_t size, at::Tensor& logits) {
    if (!tangents.defined()) tangents = at::empty_like(logits);
    auto tangent = tangents.narrow(0, 0, size);
    at::mm_out(tangent, directions.narrow(0, first, size), head.t());
    head_row_curvature(logits, tangent);
    auto product = products.narrow(0, first, size);
    at::mm_out(product, logits, head);
  });
  return products;
}

/// The Hessian of Σ_r weight_r loss_r in (rows, head) times (u_h, u_E).
struct JointProducts {
  at::Tensor rows;  ///< δ E + (P − Y) u_E, not weighted
  at::Tensor head;  ///< Σ_r weight_r (δ_rᵀ h_r + (P_r − Y_r)ᵀ u_h,r)
};

JointProducts joint_hessian_products(const at::Tensor& rows, const at::Tensor& head,
                                     const at::Tensor& targets, const at::Tensor& weight,
                                     const at::Tensor& row_directions, const at::Tensor& head_direction) {
  JointProducts products{at::empty_like(rows), at::zeros_like(head)};
  at::Tensor tangents, residuals;
  for_each_chunk(rows, head, [&](std::int64_t first, std::int64_t size, at::Tensor& logits) {
    const auto h = rows.narrow(0, first, size), u = row_directions.narrow(0, first, size);
    const auto w = weight.narrow(0, first, size);
    if (!tangents.defined()) {
      tangents = at::empty_like(logits);
      residuals = at::empty_like(logits);
    }
    auto tangent = tangents.narrow(0, 0, size), residual = residuals.narrow(0, 0, size);
    head_row_residuals(logits, targets.narrow(0, first, size), residual);
    at::mm_out(tangent, u, head.t());
    tangent.addmm_(h, head_direction.t());
    head_row_curvature(logits, tangent);
    auto product = products.rows.narrow(0, first, size);
    at::mm_out(product, logits, head);
    product.addmm_(residual, head_direction);
    products.head.addmm_(logits.t(), h * w).addmm_(residual.t(), u * w);
  });
  return products;
}

/// `directions` where defined, else zeros.
at::Tensor or_zeros(const at::Tensor& direction, const at::Tensor& like) {
  return direction.defined() ? direction : at::zeros_like(like);
}

/// Weight of each row from the weight of its sequence, [rows, 1].
at::Tensor row_weights(const at::Tensor& weight, std::int64_t targets, const at::Tensor& like) {
  return weight.to(wide_type(like)).repeat_interleave(targets).unsqueeze(1);
}

/// Σ over a sequence's rows of `values` [rows, width], [B] of the type of `weight`.
at::Tensor sum_by_sequence(const at::Tensor& values, const at::Tensor& weight) {
  return values.view({weight.size(0), -1}).sum(1, /*keepdim=*/false, weight.scalar_type());
}

/// The gradients of Σ_b weight_b loss_b in `hidden` and, if `in_head`, in `head`, whose own derivatives are
/// written out.
struct HeadLossGradient : Function<HeadLossGradient> {
  static variable_list forward(AutogradContext* context, const at::Tensor& hidden, const at::Tensor& weight,
                               const at::Tensor& head, const at::Tensor& row_gradient,
                               const at::Tensor& tokens, bool in_head) {
    context->save_for_backward({hidden, weight, head, row_gradient, tokens});
    context->saved_data["in_head"] = in_head;
    variable_list result{to_positions(row_gradient, weight)};
    if (in_head)
      result.push_back(head_gradient(rows_of(hidden), head, targets_of(tokens),
                                     row_weights(weight, tokens.size(1) - 1, head)));
    return result;
  }

  static variable_list backward(AutogradContext* context, const variable_list& directions) {
    if (c10::GradMode::is_enabled()) throw Error(ExitCode::internal, "head_loss has no third derivative");
    const auto saved = context->get_saved_variables();
    const auto& hidden = saved[0];
    const auto direction = rows_of(or_zeros(directions[0], hidden));
    return context->saved_data["in_head"].toBool()
               ? backward_in_both(context, saved, direction, directions[1])
               : backward_in_hidden(context, saved, direction);
  }

 private:
  static variable_list backward_in_hidden(AutogradContext* context, const variable_list& saved,
                                          const at::Tensor& direction) {
    const auto &hidden = saved[0], &weight = saved[1];
    if (context->needs_input_grad(2))
      throw Error(ExitCode::internal,
                  "head_loss has a second derivative in the head only of its gradient in both");
    variable_list result(6);
    if (context->needs_input_grad(0))
      result[0] = to_positions(row_hessian_products(rows_of(hidden), saved[2], direction), weight);
    if (context->needs_input_grad(1)) result[1] = sum_by_sequence(direction * saved[3], weight);
    return result;
  }

  static variable_list backward_in_both(AutogradContext* context, const variable_list& saved,
                                        const at::Tensor& direction, const at::Tensor& in_head) {
    const auto &hidden = saved[0], &weight = saved[1], &head = saved[2], &tokens = saved[4];
    const auto rows = rows_of(hidden);
    const auto head_direction = or_zeros(in_head, head);
    const auto products =
        joint_hessian_products(rows, head, targets_of(tokens), row_weights(weight, tokens.size(1) - 1, head),
                               direction, head_direction);
    variable_list result(6);
    result[0] = to_positions(products.rows, weight);
    if (context->needs_input_grad(1))
      throw Error(ExitCode::internal, "head_loss has no mixed derivative in head and cotangent");
    result[2] = products.head;
    return result;
  }
};

struct HeadLoss : Function<HeadLoss> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden, const at::Tensor& head,
                            const at::Tensor& tokens, bool with_gradient) {
    auto swept = sweep(rows_of(hidden), head, targets_of(tokens), with_gradient);
    context->save_for_backward({hidden, head, tokens, swept.gradient});
    return swept.losses.view({tokens.size(0), -1}).mean(1);
  }

  static variable_list backward(AutogradContext* context, const variable_list& cotangents) {
    const auto saved = context->get_saved_variables();
    const auto& hidden = saved[0];
    const auto& head = saved[1];
    const auto& tokens = saved[2];
    const auto targets = tokens.size(1) - 1;
    const auto weight = cotangents[0] / targets;
    variable_list result(4);
    const bool in_head = context->needs_input_grad(1);
    if (!context->needs_input_grad(0) && !in_head) return result;
    const auto gradients = HeadLossGradient::apply(hidden, weight, head, saved[3], tokens, in_head);
    result[0] = gradients[0];
    if (in_head) result[1] = gradients[1];
    return result;
  }
};

}  // namespace

std::int64_t head_chunk_rows(const at::Tensor& head) {
  const auto row_bytes = head.size(0) * static_cast<std::int64_t>(c10::elementSize(wide_type(head)));
  return std::max<std::int64_t>(1, kHeadChunkBytes / row_bytes);
}

at::Tensor head_loss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& tokens) {
  const bool with_gradient = c10::GradMode::is_enabled() && hidden.requires_grad();
  return HeadLoss::apply(hidden, head, tokens, with_gradient);
}

at::Tensor head_loss_hessian_product(const at::Tensor& hidden, const at::Tensor& head,
                                     const at::Tensor& tokens, const at::Tensor& direction) {
  const c10::NoGradGuard no_graph;
  const auto weight =
      at::full({tokens.size(0)}, 1.0 / static_cast<double>(tokens.size(1) - 1), hidden.options());
  return to_positions(row_hessian_products(rows_of(hidden), head, rows_of(direction)), weight);
}

at::Tensor final_hidden(const Gpt2& model, const at::Tensor& hidden, int first, Attention attention) {
  return model.final_norm(model.run_blocks(hidden, first, model.config().layers, attention));
}

at::Tensor sequence_losses(const Gpt2& model, const at::Tensor& tokens, Attention attention) {
  return sequence_losses_from(model, model.embed(tokens), 0, tokens, attention);
}

at::Tensor sequence_losses_from(const Gpt2& model, const at::Tensor& hidden, int first,
                                const at::Tensor& tokens, Attention attention) {
  return head_loss(final_hidden(model, hidden, first, attention), model.tensor("wte.weight"), tokens);
}

}  // namespace lift
