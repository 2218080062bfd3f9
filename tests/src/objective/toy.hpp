#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "src/model/tuning.hpp"
#include "src/text/corpus.hpp"

namespace lift {

/// 3 blocks, width 8, 2 heads, 11 tokens, 12 positions.
Gpt2Config toy_config();

/// Block 1 MLP only in one group, block 2 whole in two groups.
TuningSpec toy_tuning();

/// A small GPT-2 none of whose tensors is special (all biases and layer-norm weights are random too), what is
/// tuned of it, and random sequences of 9 tokens.
struct Toy {
  explicit Toy(at::ScalarType type = at::kDouble, std::optional<TunedLayout> layout = std::nullopt);
  Gpt2 model;
  TunedParameters tuned;
  SequenceSet set;
};

}  // namespace lift
