#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "src/model/gpt2.hpp"
#include "src/model/tuning.hpp"

namespace lift {

/// Puts the pairs of `layout` into `model`, which stays the same function: A uniform in ±1/√in, as PEFT
/// starts it (Kaiming's bound at a = √5), and B = 0. Does nothing for a layout without pairs.
///
/// Method  Philox(seed, RandomStream::lora), sequence = index of the weight in tensor_specs(), made on the
/// CPU
///         in float64: the same A for a seed on every device, whatever else is tuned.
/// Test    tests/src/model/test_lora.cpp
void add_pairs(Gpt2& model, const TunedLayout& layout, std::uint64_t seed);

/// What the tensor `name` of a GPT-2 without pairs is for the same function: W + scale (B A)ᵀ where it has
/// one, summed in float64 and rounded once to the model's type; else the tensor itself, not copied. No
/// gradient.
[[nodiscard]] at::Tensor merged_tensor(const Gpt2& model, const std::string& name);

/// Writes the merged tensors into the model's own and drops the pairs. W, which was of the pairs, then moves
/// nothing any more.
void merge_pairs(Gpt2& model);

}  // namespace lift
