#include "src/objective/head_blocks.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/log.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <limits>

namespace lift::head_blocks {
namespace {

at::TensorOptions wide_options(const at::Tensor& like) {
  return like.options().dtype(wide_type(like));
}

/// Calls `action(first, size)` for parts of at most `most` of `count`.
template <typename Action>
void for_each_part(std::int64_t count, std::int64_t most, const Action& action) {
  for (std::int64_t first = 0; first < count; first += most) action(first, std::min(most, count - first));
}

/// Calls `action(first, rows)` for parts of kRows rows.
template <typename Action>
void for_each_rows(const HeadRows& all, const Action& action) {
  for_each_part(all.hidden.size(0), kRows, [&](std::int64_t first, std::int64_t size) {
    action(first, HeadRows{all.hidden.narrow(0, first, size), all.head, all.targets.narrow(0, first, size)});
  });
}

/// x Eᵀ for one block of E after the other, in wide_type() and in one buffer.
class BlockProduct {
 public:
  explicit BlockProduct(at::Tensor x)
      : x_(std::move(x)), buffer_(at::empty({x_.size(0) * kBlock}, wide_options(x_))) {}

  at::Tensor& with(const at::Tensor& block) {
    product_ = buffer_.narrow(0, 0, x_.size(0) * block.size(0)).view({x_.size(0), block.size(0)});
    if (x_.scalar_type() == product_.scalar_type()) {
      at::mm_out(product_, x_, block.t());
    } else {
      product_.copy_(at::mm(x_, block.t()));
    }
    return product_;
  }

 private:
  at::Tensor x_, buffer_, product_;
};

/// sum += left · right, the product in right's type and the sum in its own.
void add_product(at::Tensor sum, const at::Tensor& left, const at::Tensor& right) {
  if (sum.scalar_type() == right.scalar_type()) {
    sum.addmm_(left, right);
  } else {
    sum.add_(at::mm(left.to(right.scalar_type()), right));
  }
}

/// Maximum of the logits met so far and the sum of their exponentials, of each row [rows, 1].
class RunningSoftmax {
 public:
  RunningSoftmax(std::int64_t rows, const at::TensorOptions& options)
      : max_(at::full({rows, 1}, -std::numeric_limits<double>::infinity(), options)),
        sum_(at::zeros({rows, 1}, options.dtype(at::kDouble))) {}

  /// logits ← exp(logits − max) with them in the maximum; returns what earlier exponentials have to be
  /// multiplied with.
  at::Tensor add(at::Tensor& logits) {
    auto larger = at::maximum(max_, at::amax(logits, {1}, /*keepdim=*/true));
    auto shrink = at::exp(max_ - larger);
    max_ = std::move(larger);
    logits.sub_(max_).exp_();
    sum_.mul_(shrink).add_(logits.sum(1, /*keepdim=*/true));
    return shrink;
  }
  [[nodiscard]] at::Tensor scale() const { return sum_.reciprocal().to(max_.scalar_type()); }
  [[nodiscard]] at::Tensor normalisers() const { return at::cat({max_, scale()}, 1); }
  /// −log P of logits [rows, 1], in float64.
  [[nodiscard]] at::Tensor losses(const at::Tensor& logits) const {
    return (max_.to(at::kDouble) + at::log(sum_) - logits.to(at::kDouble)).squeeze(1);
  }

 private:
  at::Tensor max_, sum_;
};

/// Takes the logits of the targets that lie in the block from `first` on.
void take_targets(const at::Tensor& logits, const at::Tensor& targets, std::int64_t first,
                  at::Tensor& of_targets) {
  const auto place = targets - first;
  const auto last = logits.size(1) - 1;
  const auto here = place.ge(0).logical_and_(place.le(last));
  of_targets = at::where(here, at::gather(logits, 1, place.clamp(0, last)), of_targets);
}

/// logits ← exp(logits − max): P but for its scale.
at::Tensor& exponentials(at::Tensor& logits, const at::Tensor& normalisers) {
  return logits.sub_(normalisers.narrow(1, 0, 1)).exp_();
}

at::Tensor& probabilities(at::Tensor& logits, const at::Tensor& normalisers) {
  return exponentials(logits, normalisers).mul_(normalisers.narrow(1, 1, 1));
}

/// Rows of E, or of a direction of it, that belong to the targets [rows, width].
at::Tensor of_targets(const at::Tensor& head, const at::Tensor& targets) {
  return head.index_select(0, targets.squeeze(1));
}

/// sum ← sum − Yᵀ x.
void subtract_at_targets(at::Tensor& sum, const at::Tensor& targets, const at::Tensor& x) {
  sum.index_add_(0, targets.squeeze(1), x, -1);
}

/// P·(u Eᵀ) of each row, from the gradient: (P E)·u [rows, 1].
at::Tensor mean_tangent(const HeadRows& rows, const at::Tensor& gradient, const at::Tensor& u) {
  return (gradient + of_targets(rows.head, rows.targets)).mul_(u).sum(1, /*keepdim=*/true);
}

void sweep_rows(const HeadRows& rows, at::Tensor losses, at::Tensor normalisers, at::Tensor gradient) {
  const auto count = rows.hidden.size(0);
  const auto options = wide_options(rows.hidden);
  RunningSoftmax softmax(count, options);
  BlockProduct logits(rows.hidden);
  auto of_target = at::zeros({count, 1}, options);
  at::Tensor sum;
  if (gradient.defined()) sum = at::zeros(gradient.sizes(), options);
  for_each_part(rows.head.size(0), kBlock, [&](std::int64_t first, std::int64_t size) {
    const auto block = rows.head.narrow(0, first, size);
    auto& z = logits.with(block);
    take_targets(z, rows.targets, first, of_target);
    const auto shrink = softmax.add(z);
    if (sum.defined()) add_product(sum.mul_(shrink), z, block);
  });
  losses.copy_(softmax.losses(of_target));
  normalisers.copy_(softmax.normalisers());
  if (sum.defined()) gradient.copy_(sum.mul_(softmax.scale()).sub_(of_targets(rows.head, rows.targets)));
}

/// Rows of the products of this part; those of the head are added to `in_head`.
at::Tensor joint_rows(const HeadRows& rows, const at::Tensor& normalisers, const at::Tensor& gradient,
                      const at::Tensor& weight, const at::Tensor& u, const at::Tensor& head_direction,
                      at::Tensor& in_head) {
  BlockProduct logits(rows.hidden), tangents(u);
  auto moved = at::zeros_like(rows.hidden);  // P U
  const auto& head = rows.head;
  for_each_part(head.size(0), kBlock, [&](std::int64_t first, std::int64_t size) {
    moved.addmm_(probabilities(logits.with(head.narrow(0, first, size)), normalisers),
                 head_direction.narrow(0, first, size));
  });
  const auto mean = mean_tangent(rows, gradient, u) + (moved * rows.hidden).sum(1, true);
  const auto weighted = rows.hidden * weight, weighted_u = u * weight;
  auto products = moved - of_targets(head_direction, rows.targets);
  for_each_part(head.size(0), kBlock, [&](std::int64_t first, std::int64_t size) {
    const auto block = head.narrow(0, first, size);
    auto& p = probabilities(logits.with(block), normalisers);
    auto& a = tangents.with(block).addmm_(rows.hidden, head_direction.narrow(0, first, size).t());
    const auto& delta = a.sub_(mean).mul_(p);
    products.addmm_(delta, block);
    in_head.narrow(0, first, size).addmm_(delta.t(), weighted).addmm_(p.t(), weighted_u);
  });
  subtract_at_targets(in_head, rows.targets, weighted_u);
  return products;
}

}  // namespace

HeadSweep sweep(const HeadRows& rows, bool with_gradient) {
  const auto count = rows.hidden.size(0);
  HeadSweep result{.losses = at::empty({count}, rows.hidden.options().dtype(at::kDouble)),
                   .gradient = with_gradient ? at::empty_like(rows.hidden) : at::Tensor(),
                   .normalisers = at::empty({count, 2}, wide_options(rows.hidden))};
  for_each_rows(rows, [&](std::int64_t first, const HeadRows& part) {
    const auto part_of = [&](const at::Tensor& x) { return x.narrow(0, first, part.hidden.size(0)); };
    sweep_rows(part, part_of(result.losses), part_of(result.normalisers),
               with_gradient ? part_of(result.gradient) : at::Tensor());
  });
  return result;
}

at::Tensor head_gradient(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight) {
  auto gradient = at::zeros(rows.head.sizes(), wide_options(rows.head));
  for_each_rows(rows, [&](std::int64_t first, const HeadRows& part) {
    const auto size = part.hidden.size(0);
    const auto normalisers = sweep.normalisers.narrow(0, first, size);
    const auto weighted = (part.hidden * weight.narrow(0, first, size)).to(part.hidden.scalar_type());
    BlockProduct logits(part.hidden);
    for_each_part(rows.head.size(0), kBlock, [&](std::int64_t word, std::int64_t words) {
      const auto& p = probabilities(logits.with(rows.head.narrow(0, word, words)), normalisers);
      add_product(gradient.narrow(0, word, words), p.t(), weighted);
    });
    subtract_at_targets(gradient, part.targets, weighted.to(gradient.scalar_type()));
  });
  return gradient.to(rows.head.scalar_type());
}

at::Tensor row_products(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& u) {
  auto products = at::zeros_like(rows.hidden);
  for_each_rows(rows, [&](std::int64_t first, const HeadRows& part) {
    const auto part_of = [&](const at::Tensor& x) { return x.narrow(0, first, part.hidden.size(0)); };
    const auto normalisers = part_of(sweep.normalisers);
    const auto mean = mean_tangent(part, part_of(sweep.gradient), part_of(u));
    auto sum = part_of(products);
    BlockProduct logits(part.hidden), tangents(part_of(u));
    for_each_part(rows.head.size(0), kBlock, [&](std::int64_t word, std::int64_t words) {
      const auto block = rows.head.narrow(0, word, words);
      const auto& e = exponentials(logits.with(block), normalisers);
      sum.addmm_(tangents.with(block).sub_(mean).mul_(e), block);
    });
    sum.mul_(normalisers.narrow(1, 1, 1));
  });
  return products;
}

JointProducts joint_products(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight,
                             const at::Tensor& u, const at::Tensor& head_direction) {
  JointProducts products{at::empty_like(rows.hidden), at::zeros_like(rows.head)};
  for_each_rows(rows, [&](std::int64_t first, const HeadRows& part) {
    const auto part_of = [&](const at::Tensor& x) { return x.narrow(0, first, part.hidden.size(0)); };
    part_of(products.rows)
        .copy_(joint_rows(part, part_of(sweep.normalisers), part_of(sweep.gradient), part_of(weight),
                          part_of(u), head_direction, products.head));
  });
  return products;
}

}  // namespace lift::head_blocks
