#include "src/objective/sequence_loss.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "mpi/error.hpp"
#include "src/objective/head_products.hpp"

namespace lift {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

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

HeadRows head_rows(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& tokens) {
  return {rows_of(hidden), head, targets_of(tokens)};
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
                               const at::Tensor& normalisers, const at::Tensor& tokens, bool in_head) {
    context->save_for_backward({hidden, weight, head, row_gradient, normalisers, tokens});
    context->saved_data["in_head"] = in_head;
    variable_list result{to_positions(row_gradient, weight)};
    if (in_head) {
      result.push_back(head_gradient(head_rows(hidden, head, tokens), {{}, row_gradient, normalisers},
                                     row_weights(weight, tokens.size(1) - 1, head)));
    }
    return result;
  }

  static variable_list backward(AutogradContext* context, const variable_list& directions) {
    if (c10::GradMode::is_enabled()) throw Error(ExitCode::internal, "head_loss has no third derivative");
    const auto saved = context->get_saved_variables();
    const Saved of{.weight = saved[1],
                   .rows = head_rows(saved[0], saved[2], saved[5]),
                   .sweep = {{}, saved[3], saved[4]},
                   .targets = saved[5].size(1) - 1};
    const auto direction = rows_of(or_zeros(directions[0], saved[0]));
    return context->saved_data["in_head"].toBool() ? in_both(context, of, direction, directions[1])
                                                   : in_hidden(context, of, direction);
  }

 private:
  struct Saved {
    at::Tensor weight;
    HeadRows rows;
    HeadSweep sweep;
    std::int64_t targets;  ///< of a sequence
  };
  static constexpr std::size_t kInputs = 7;

  static variable_list in_hidden(AutogradContext* context, const Saved& of, const at::Tensor& direction) {
    if (context->needs_input_grad(2))
      throw Error(ExitCode::internal,
                  "head_loss has a second derivative in the head only of its gradient in both");
    variable_list result(kInputs);
    if (context->needs_input_grad(0))
      result[0] = to_positions(row_products(of.rows, of.sweep, direction), of.weight);
    if (context->needs_input_grad(1)) result[1] = sum_by_sequence(direction * of.sweep.gradient, of.weight);
    return result;
  }

  static variable_list in_both(AutogradContext* context, const Saved& of, const at::Tensor& direction,
                               const at::Tensor& in_head) {
    if (context->needs_input_grad(1))
      throw Error(ExitCode::internal, "head_loss has no mixed derivative in head and cotangent");
    const auto& head = of.rows.head;
    const auto products = joint_products(of.rows, of.sweep, row_weights(of.weight, of.targets, head),
                                         direction, or_zeros(in_head, head));
    variable_list result(kInputs);
    result[0] = to_positions(products.rows, of.weight);
    result[2] = products.head;
    return result;
  }
};

struct HeadLoss : Function<HeadLoss> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden, const at::Tensor& head,
                            const at::Tensor& tokens, bool with_gradient) {
    const auto swept = sweep_head(head_rows(hidden, head, tokens), with_gradient);
    context->save_for_backward({hidden, head, tokens, swept.gradient, swept.normalisers});
    return swept.losses.view({tokens.size(0), -1}).mean(1);
  }

  static variable_list backward(AutogradContext* context, const variable_list& cotangents) {
    const auto saved = context->get_saved_variables();
    const auto &hidden = saved[0], &head = saved[1], &tokens = saved[2];
    const auto weight = cotangents[0] / (tokens.size(1) - 1);
    variable_list result(4);
    const bool in_head = context->needs_input_grad(1);
    if (!context->needs_input_grad(0) && !in_head) return result;
    const auto gradients = HeadLossGradient::apply(hidden, weight, head, saved[3], saved[4], tokens, in_head);
    result[0] = gradients[0];
    if (in_head) result[1] = gradients[1];
    return result;
  }
};

}  // namespace

at::Tensor head_loss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& tokens) {
  const bool with_gradient = c10::GradMode::is_enabled() && hidden.requires_grad();
  return HeadLoss::apply(hidden, head, tokens, with_gradient);
}

HeadCurvature::HeadCurvature(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& tokens) {
  const c10::NoGradGuard no_graph;
  rows_ = head_rows(hidden.detach(), head, tokens);
  sweep_ = sweep_for_products(rows_);
  weight_ = at::full({tokens.size(0)}, 1.0 / static_cast<double>(tokens.size(1) - 1), hidden.options());
}

at::Tensor HeadCurvature::times(const at::Tensor& direction) const {
  const c10::NoGradGuard no_graph;
  return to_positions(row_products(rows_, sweep_, rows_of(direction)), weight_);
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
