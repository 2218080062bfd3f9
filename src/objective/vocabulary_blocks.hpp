#pragma once
#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "src/objective/head_blocks.hpp"

/// The pieces of head_blocks.hpp: products with a block of the vocabulary, the targets in it, and a softmax
/// that is normalised as blocks go by. Local; tested with tests/src/objective/test_head_products.cpp.
namespace lift::head_blocks {

inline at::TensorOptions wide_options(const at::Tensor& like) {
  return like.options().dtype(wide_type(like));
}

/// Calls `action(first, size)` for parts of at most `most` of `count`.
template <typename Action>
void for_each_part(std::int64_t count, std::int64_t most, const Action& action) {
  for (std::int64_t first = 0; first < count; first += most) action(first, std::min(most, count - first));
}

/// x Eᵀ for one block of E after the other, in wide_type() and in one buffer.
class BlockProduct {
 public:
  explicit BlockProduct(at::Tensor x)
      : x_(std::move(x)), buffer_(at::empty({x_.size(0) * kVocabularyBlock}, wide_options(x_))) {}

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
inline void add_product(at::Tensor sum, const at::Tensor& left, const at::Tensor& right) {
  if (sum.scalar_type() == right.scalar_type()) {
    sum.addmm_(left, right);
  } else {
    sum.add_(at::mm(left.to(right.scalar_type()), right));
  }
}

/// Where a block holds the targets of its rows.
class TargetPlaces {
 public:
  TargetPlaces(const at::Tensor& targets, std::int64_t first, std::int64_t size) {
    const auto place = targets - first;
    here_ = place.ge(0).logical_and_(place.lt(size));
    place_ = place.clamp(0, size - 1);
  }
  /// `of_targets` [rows, 1] with what `block` has for the targets that lie in it.
  [[nodiscard]] at::Tensor taken(const at::Tensor& block, const at::Tensor& of_targets) const {
    return at::where(here_, at::gather(block, 1, place_), of_targets);
  }
  /// Puts `values` [rows, 1], or one value, in the targets' places.
  template <typename Values>
  void put(at::Tensor& block, const Values& values) const {
    block.scatter_(1, place_, at::where(here_, values, at::gather(block, 1, place_)));
  }

 private:
  at::Tensor here_, place_;
};

/// The logits met so far of each row [rows, 1]: their maximum, the target's, and the sum of the exponentials
/// of all others.
class RunningSoftmax {
 public:
  RunningSoftmax(std::int64_t rows, const at::TensorOptions& options)
      : max_(at::full({rows, 1}, -std::numeric_limits<double>::infinity(), options)),
        target_(at::full({rows, 1}, std::numeric_limits<double>::quiet_NaN(), options)),
        others_(at::zeros({rows, 1}, options.dtype(at::kDouble))) {}

  /// logits ← exp(logits − max) with them in the maximum, and 0 for the target; returns what earlier
  /// exponentials have to be multiplied with.
  at::Tensor add(at::Tensor& logits, const TargetPlaces& targets) {
    target_ = targets.taken(logits, target_);
    auto larger = at::maximum(max_, at::amax(logits, {1}, /*keepdim=*/true));
    auto shrink = at::exp(max_ - larger);
    max_ = std::move(larger);
    logits.sub_(max_).exp_();
    targets.put(logits, 0);
    others_.mul_(shrink).add_(logits.sum(1, /*keepdim=*/true));
    return shrink;
  }
  /// HeadSweep::normalisers, in float64.
  [[nodiscard]] at::Tensor normalisers() const {
    const auto scale = (others_ + at::exp(below_max())).reciprocal_();
    return at::cat({max_.to(at::kDouble), scale, others_ * scale}, 1);
  }
  [[nodiscard]] const at::Tensor& others() const { return others_; }
  /// −log P of the targets, in float64: log Σ exp(z − max) as log1p of what the sum has beyond 1, which may
  /// be all of it.
  [[nodiscard]] at::Tensor losses() const {
    const auto below = below_max();
    return (at::log1p(others_ + at::expm1(below)) - below).squeeze(1);
  }

 private:
  [[nodiscard]] at::Tensor below_max() const { return target_.to(at::kDouble) - max_.to(at::kDouble); }

  at::Tensor max_, target_, others_;
};

}  // namespace lift::head_blocks
