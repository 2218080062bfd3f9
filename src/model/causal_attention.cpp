#include "src/model/causal_attention.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/error.hpp"

namespace lift {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// Queries whose rows of the attention matrix are held at a time: few where a cache holds them, more where
/// each stretch costs launches.
constexpr std::int64_t kQueriesOnCpu = 128, kQueriesOnDevice = 512;

/// [B, heads, T, d] → contiguous [B·heads, T, d].
at::Tensor by_head(const at::Tensor& x) {
  return x.reshape({-1, x.size(2), x.size(3)}).contiguous();
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  return at::bmm(a, b);
}
at::Tensor product_t(const at::Tensor& a, const at::Tensor& b) {
  return at::bmm(a, b.transpose(1, 2));
}

/// dS of S → P = softmax(S) from dP, both of which are by rows: P∘(dP − P·dP).
at::Tensor softmax_backward(const at::Tensor& d_probabilities, const at::Tensor& probabilities) {
  return at::_softmax_backward_data(d_probabilities, probabilities, -1, probabilities.scalar_type());
}

/// The queries [first, first + size) and the keys 0 … first + size − 1 that they see.
struct Stretch {
  std::int64_t first, size;
  [[nodiscard]] at::Tensor queries(const at::Tensor& x) const { return x.narrow(1, first, size); }
  [[nodiscard]] at::Tensor keys(const at::Tensor& x) const { return x.narrow(1, 0, first + size); }
};

template <typename Action>
void for_each_stretch(const at::Tensor& q, const Action& action) {
  const std::int64_t length = q.size(1), most = q.is_cpu() ? kQueriesOnCpu : kQueriesOnDevice;
  for (std::int64_t first = 0; first < length; first += most)
    action(Stretch{first, std::min(most, length - first)});
}

double scale_of(const at::Tensor& q) {
  return 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
}

/// P of the stretch, [heads, queries, keys]; `q` already scaled.
at::Tensor probabilities(const Stretch& stretch, const at::Tensor& scaled_q, const at::Tensor& k) {
  auto scores = product_t(stretch.queries(scaled_q), stretch.keys(k));
  const auto later = at::ones({stretch.size, stretch.size}, scores.options().dtype(at::kBool)).triu_(1);
  scores.narrow(2, stretch.first, stretch.size).masked_fill_(later, -std::numeric_limits<double>::infinity());
  return at::softmax(scores, -1);
}

struct Inputs {
  at::Tensor q, k, v;
};

/// The gradients of ⟨d_out, attention⟩ in q, k and v.
Inputs gradients(const Inputs& x, const at::Tensor& d_out) {
  const auto scaled_q = x.q * scale_of(x.q);
  Inputs d{at::empty_like(x.q), at::zeros_like(x.k), at::zeros_like(x.v)};
  for_each_stretch(x.q, [&](const Stretch& stretch) {
    const auto p = probabilities(stretch, scaled_q, x.k);
    const auto d_o = stretch.queries(d_out);
    stretch.keys(d.v).baddbmm_(p.transpose(1, 2), d_o);
    const auto d_s = softmax_backward(product_t(d_o, stretch.keys(x.v)), p);
    stretch.queries(d.q).copy_(product(d_s, stretch.keys(x.k)));
    stretch.keys(d.k).baddbmm_(d_s.transpose(1, 2), stretch.queries(scaled_q));
  });
  d.q.mul_(scale_of(x.q));
  return d;
}

struct Tangents {
  at::Tensor out;  ///< of the attention
  Inputs d;        ///< of its gradients
};

/// How attention and gradients() change along `along`, d_out being held: the forward-mode derivative of each
/// of their lines, a dot marking the tangent of what it stands on.
Tangents tangents(const Inputs& x, const at::Tensor& d_out, const Inputs& along) {
  const double scale = scale_of(x.q);
  const auto q = x.q * scale, q_dot = along.q * scale;
  Tangents t{at::empty_like(x.q), {at::empty_like(x.q), at::zeros_like(x.k), at::zeros_like(x.v)}};
  for_each_stretch(x.q, [&](const Stretch& stretch) {
    const auto k = stretch.keys(x.k), v = stretch.keys(x.v), d_o = stretch.queries(d_out);
    const auto k_dot = stretch.keys(along.k), v_dot = stretch.keys(along.v);
    const auto p = probabilities(stretch, q, x.k);
    auto s_dot = product_t(stretch.queries(q_dot), k);
    s_dot.baddbmm_(stretch.queries(q), k_dot.transpose(1, 2));
    const auto p_dot = softmax_backward(s_dot, p);
    stretch.queries(t.out).copy_(product(p_dot, v).baddbmm_(p, v_dot));
    stretch.keys(t.d.v).baddbmm_(p_dot.transpose(1, 2), d_o);

    // d_s = p∘c with c = d_p − p·d_p, so that its tangent is ṗ∘c + p∘(ḋ_p − p·ḋ_p − ṗ·d_p).
    const auto d_p = product_t(d_o, v);
    const auto centred = d_p - (p * d_p).sum(-1, true);
    const auto d_s = p * centred;
    const auto d_s_dot = softmax_backward(product_t(d_o, v_dot), p)
                             .add_(p_dot * centred)
                             .sub_(p * (p_dot * d_p).sum(-1, true));
    stretch.queries(t.d.q).copy_(product(d_s_dot, k).baddbmm_(d_s, k_dot));
    stretch.keys(t.d.k)
        .baddbmm_(d_s_dot.transpose(1, 2), stretch.queries(q))
        .baddbmm_(d_s.transpose(1, 2), stretch.queries(q_dot));
  });
  t.d.q.mul_(scale);
  return t;
}

/// The gradients of causal_attention as a function that can be differentiated itself: as ⟨gradients, along⟩ =
/// ⟨d_out, tangent of the attention⟩, and second derivatives are symmetric, its backward pass is tangents().
struct CausalAttentionGradient : Function<CausalAttentionGradient> {
  static variable_list forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                               const at::Tensor& v, const at::Tensor& d_out) {
    context->save_for_backward({q, k, v, d_out});
    const auto d = gradients({by_head(q), by_head(k), by_head(v)}, by_head(d_out));
    return {d.q.view(q.sizes()), d.k.view(q.sizes()), d.v.view(q.sizes())};
  }

  static variable_list backward(AutogradContext* context, const variable_list& along) {
    if (c10::GradMode::is_enabled())
      throw Error(ExitCode::internal, "causal_attention has no third derivative");
    const auto saved = context->get_saved_variables();
    const auto shape = saved[0].sizes();
    const auto t = tangents({by_head(saved[0]), by_head(saved[1]), by_head(saved[2])}, by_head(saved[3]),
                            {by_head(along[0]), by_head(along[1]), by_head(along[2])});
    return {t.d.q.view(shape), t.d.k.view(shape), t.d.v.view(shape), t.out.view(shape)};
  }
};

struct CausalAttention : Function<CausalAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v) {
    context->save_for_backward({q, k, v});
    return at::scaled_dot_product_attention(q, k, v, {}, 0.0, /*is_causal=*/true);
  }

  static variable_list backward(AutogradContext* context, const variable_list& d_out) {
    const auto saved = context->get_saved_variables();
    return CausalAttentionGradient::apply(saved[0], saved[1], saved[2], d_out[0]);
  }
};

}  // namespace

at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return CausalAttention::apply(q, k, v);
}

}  // namespace lift
