#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "src/model/gpt2.hpp"

namespace lift {

/// Standard normal values [shape], a pure function of `sequence`.
at::Tensor random_tensor(at::IntArrayRef shape, std::uint64_t sequence, at::ScalarType type = at::kDouble);

/// A GPT-2 none of whose tensors is special: normal noise of deviation `of_matrices` or `of_vectors` on top
/// of random_gpt2(), so that biases and layer-norm weights are random too.
Gpt2 generic_gpt2(const Gpt2Config& config, double of_matrices, double of_vectors, at::ScalarType type);

}  // namespace lift
