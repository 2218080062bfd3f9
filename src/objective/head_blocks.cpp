#include "src/objective/head_blocks.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "src/objective/vocabulary_blocks.hpp"

namespace lift::head_blocks {
namespace {

/// Calls `action(rows, part_of)` for parts of kRows rows; `part_of` cuts what has a row for each.
template <typename Action>
void for_each_rows(const HeadRows& all, const Action& action) {
  for_each_part(all.hidden.size(0), kRows, [&](std::int64_t first, std::int64_t size) {
    const auto part_of = [first, size](const at::Tensor& x) { return x.narrow(0, first, size); };
    action(HeadRows{part_of(all.hidden), all.head, part_of(all.targets)}, part_of);
  });
}

/// logits ← exp(logits − max): P but for its scale.
at::Tensor& exponentials(at::Tensor& logits, const at::Tensor& normalisers) {
  return logits.sub_(normalisers.narrow(1, 0, 1)).exp_();
}

/// logits ← P − Y.
at::Tensor& residuals(at::Tensor& logits, const at::Tensor& normalisers, const TargetPlaces& targets) {
  exponentials(logits, normalisers).mul_(normalisers.narrow(1, 1, 1));
  targets.put(logits, normalisers.narrow(1, 2, 1).neg());
  return logits;
}

/// Rows of E, or of a direction of it, that belong to the targets [rows, width].
at::Tensor of_targets(const at::Tensor& head, const at::Tensor& targets) {
  return head.index_select(0, targets.squeeze(1));
}

/// x·y of each row [rows, 1].
at::Tensor row_dots(const at::Tensor& x, const at::Tensor& y) {
  return (x * y).sum(1, /*keepdim=*/true);
}

/// Calls `action(first, block, targets)` for one block of the vocabulary, from word `first` on, after the
/// other.
template <typename Action>
void for_each_block(const HeadRows& rows, const Action& action) {
  for_each_part(rows.head.size(0), kVocabularyBlock, [&](std::int64_t first, std::int64_t size) {
    action(first, rows.head.narrow(0, first, size), TargetPlaces(rows.targets, first, size));
  });
}

void sweep_rows(const HeadRows& rows, at::Tensor losses, at::Tensor normalisers, at::Tensor gradient) {
  const auto options = wide_options(rows.hidden);
  RunningSoftmax softmax(rows.hidden.size(0), options);
  BlockProduct logits(rows.hidden);
  at::Tensor sum;
  if (gradient.defined()) sum = at::zeros(gradient.sizes(), options);
  for_each_block(rows, [&](std::int64_t, const at::Tensor& block, const TargetPlaces& targets) {
    auto& z = logits.with(block);
    const auto shrink = softmax.add(z, targets);
    if (sum.defined()) add_product(sum.mul_(shrink), z, block);
  });
  losses.copy_(softmax.losses());
  const auto found = softmax.normalisers();
  normalisers.copy_(found);
  if (!sum.defined()) return;
  sum.sub_(softmax.others().to(sum.scalar_type()) * of_targets(rows.head, rows.targets));
  gradient.copy_(sum.mul_(found.narrow(1, 1, 1)));
}

void row_products_of(const HeadRows& rows, const at::Tensor& normalisers, const at::Tensor& gradient,
                     const at::Tensor& u, at::Tensor products) {
  const auto mean = row_dots(gradient, u);  // P·(a − a_t)
  const auto shift = mean + row_dots(of_targets(rows.head, rows.targets), u);
  BlockProduct logits(rows.hidden), tangents(u);
  for_each_block(rows, [&](std::int64_t, const at::Tensor& block, const TargetPlaces& targets) {
    auto& delta = tangents.with(block).sub_(shift);
    targets.put(delta, mean.neg());
    products.addmm_(delta.mul_(exponentials(logits.with(block), normalisers)), block);
  });
  products.mul_(normalisers.narrow(1, 1, 1));
}

/// Rows of the products of this part; those of the head are added to `in_head`.
at::Tensor joint_rows(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight,
                      const at::Tensor& u, const at::Tensor& direction, at::Tensor& in_head) {
  BlockProduct logits(rows.hidden), tangents(u);
  auto products = at::zeros_like(rows.hidden);  // (P − Y) U to begin with
  for_each_block(rows, [&](std::int64_t first, const at::Tensor& block, const TargetPlaces& targets) {
    products.addmm_(residuals(logits.with(block), sweep.normalisers, targets),
                    direction.narrow(0, first, block.size(0)));
  });
  const auto mean = row_dots(sweep.gradient, u) + row_dots(products, rows.hidden);
  const auto shift = mean + row_dots(of_targets(rows.head, rows.targets), u) +
                     row_dots(of_targets(direction, rows.targets), rows.hidden);
  const auto target_delta = mean * (sweep.normalisers.narrow(1, 2, 1) - 1);
  const auto weighted = rows.hidden * weight, weighted_u = u * weight;
  for_each_block(rows, [&](std::int64_t first, const at::Tensor& block, const TargetPlaces& targets) {
    const auto moved = direction.narrow(0, first, block.size(0));
    const auto& residual = residuals(logits.with(block), sweep.normalisers, targets);
    auto& delta = tangents.with(block).addmm_(rows.hidden, moved.t()).sub_(shift).mul_(residual);
    targets.put(delta, target_delta);
    products.addmm_(delta, block);
    in_head.narrow(0, first, block.size(0)).addmm_(delta.t(), weighted).addmm_(residual.t(), weighted_u);
  });
  return products;
}

}  // namespace

HeadSweep sweep(const HeadRows& rows, bool with_gradient) {
  const auto count = rows.hidden.size(0);
  HeadSweep result{.losses = at::empty({count}, rows.hidden.options().dtype(at::kDouble)),
                   .gradient = with_gradient ? at::empty_like(rows.hidden) : at::Tensor(),
                   .normalisers = at::empty({count, 3}, wide_options(rows.hidden))};
  for_each_rows(rows, [&](const HeadRows& part, const auto& part_of) {
    sweep_rows(part, part_of(result.losses), part_of(result.normalisers),
               with_gradient ? part_of(result.gradient) : at::Tensor());
  });
  return result;
}

at::Tensor head_gradient(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight) {
  auto gradient = at::zeros(rows.head.sizes(), wide_options(rows.head));
  for_each_rows(rows, [&](const HeadRows& part, const auto& part_of) {
    const auto normalisers = part_of(sweep.normalisers);
    const auto weighted = (part.hidden * part_of(weight)).to(part.hidden.scalar_type());
    BlockProduct logits(part.hidden);
    for_each_block(part, [&](std::int64_t first, const at::Tensor& block, const TargetPlaces& targets) {
      add_product(gradient.narrow(0, first, block.size(0)),
                  residuals(logits.with(block), normalisers, targets).t(), weighted);
    });
  });
  return gradient.to(rows.head.scalar_type());
}

at::Tensor row_products(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& u) {
  auto products = at::zeros_like(rows.hidden);
  for_each_rows(rows, [&](const HeadRows& part, const auto& part_of) {
    row_products_of(part, part_of(sweep.normalisers), part_of(sweep.gradient), part_of(u), part_of(products));
  });
  return products;
}

JointProducts joint_products(const HeadRows& rows, const HeadSweep& sweep, const at::Tensor& weight,
                             const at::Tensor& u, const at::Tensor& head_direction) {
  JointProducts products{at::empty_like(rows.hidden), at::zeros_like(rows.head)};
  for_each_rows(rows, [&](const HeadRows& part, const auto& part_of) {
    const HeadSweep swept{{}, part_of(sweep.gradient), part_of(sweep.normalisers)};
    part_of(products.rows)
        .copy_(joint_rows(part, swept, part_of(weight), part_of(u), head_direction, products.head));
  });
  return products;
}

}  // namespace lift::head_blocks
