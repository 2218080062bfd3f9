#pragma once
#include <array>
#include <string>

#include "src/model/config.hpp"

namespace lift {

/// Which weights of a tuned block have a low-rank pair.
enum class LoraTargets { all, attention, mlp };

/// Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): a frozen weight W [in, out] acts as W + scale
/// (B A)ᵀ, and the pair A [r, in], B [out, r] is what is tuned of it.
///
/// Test  tests/src/model/test_lora.cpp
struct LoraSpec {
  int rank = 8;      ///< r ≥ 1, at most the smaller extent of every weight with a pair
  double alpha = 8;  ///< > 0
  LoraTargets targets = LoraTargets::all;
  /// alpha / r, as PEFT's.
  [[nodiscard]] double scale() const noexcept { return alpha / rank; }
  /// Whether `tensor` is a weight matrix of a block that these targets name.
  [[nodiscard]] bool takes(const TensorSpec& tensor) const;
  bool operator==(const LoraSpec&) const = default;
};

/// A and B beside `weight`, by names that begin with its own, in the shapes in which PEFT stores them.
[[nodiscard]] std::array<TensorSpec, 2> pair_specs(const TensorSpec& weight, int rank);

}  // namespace lift
