#include "src/objective/sequence_cost.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace lift {

namespace {

/// Backward passes of fused attention make five products of its size where the forward pass makes two, and
/// those that can be differentiated make the probabilities again.
constexpr double kAttentionBackward = 2.5;
/// The graph of the gradient holds each activation, its cotangent, and the products of both [measured at
/// GPT-2 Small's width: 3.9].
constexpr double kSecondOrderBytes = 3.9;
/// Of one block's: the same, and what its double backward makes and drops [measured,
/// tests/src/objective/test_sequence_cost.cpp].
constexpr double kSecondOrderBytesOfOneBlock = 6.0;

/// Weights of the tuned matrices.
double tuned_matrices(const TunedLayout& layout) {
  double size = 0;
  for (const TunedTensor& tensor : layout.tensors())
    if (tensor.shape.size() == 2) size += static_cast<double>(tensor.size);
  return size;
}

/// Values held a token of the inputs of the tuned matrices, which only their own gradients need. A pair's are
/// stored as [out, in].
double inputs_of_tuned(const TunedLayout& layout) {
  double size = 0;
  for (const TunedTensor& tensor : layout.tensors())
    if (tensor.shape.size() == 2) size += static_cast<double>(tensor.shape[layout.lora() ? 1 : 0]);
  return size;
}

}  // namespace

SequenceCost sequence_cost(const Gpt2Config& config, const TunedLayout& layout, int length,
                           at::ScalarType type, Activations activations) {
  const double tokens = length, width = config.width, inner = config.inner;
  const double linear = 2 * tokens * (4 * width * width + 2 * width * inner);
  const double attention = 2 * tokens * tokens * width;
  const double head = 2 * tokens * width * config.vocabulary;
  const double below = layout.tunes_embeddings() ? 0 : layout.first_block();
  const double rest = config.layers - below;
  const double weights = 2 * tokens * tuned_matrices(layout);
  const double layers = rest * linear + (layout.lora() ? weights : 0);  // with the pairs beside them

  SequenceCost cost;
  cost.prefix = below * (linear + attention);
  cost.loss = layers + rest * attention + head;
  cost.gradient = 2 * layers + rest * (1 + kAttentionBackward) * attention + weights + 2 * head;
  // Tangents go up and down again: each product of the two passes has two factors that move.
  cost.hvp = 2 * layers + rest * 2 * kAttentionBackward * attention + 2 * weights + 3 * head;

  // Kept of a block: the inputs of both norms, q, k, v, the attention's result, the input of GELU.
  const auto value = static_cast<double>(c10::elementSize(type));
  const double block = tokens * (6 * width + inner) * value;
  if (activations == Activations::keep) {
    cost.gradient_bytes = rest * block + tokens * inputs_of_tuned(layout) * value;
    cost.hvp_bytes = kSecondOrderBytes * cost.gradient_bytes;
    return cost;
  }
  const double entering = rest * tokens * width * value;
  const double graph = block + tokens * (3 * width + inner) * value;  // of one block, tuned whole
  cost.gradient_bytes = entering + graph;
  cost.hvp_bytes = 2 * entering + kSecondOrderBytesOfOneBlock * graph;
  cost.direction_bytes = entering;
  cost.gradient += layers + rest * attention;
  cost.hvp += 2 * layers + rest * 2 * kAttentionBackward * attention + 2 * weights;
  return cost;
}

double matrix_product_rate(const Gpt2Config& config, std::int64_t rows, at::ScalarType type,
                           at::Device device) {
  constexpr int kRepeats = 3;
  const c10::NoGradGuard no_graph;
  const auto options = at::TensorOptions(type).device(device);
  const auto hidden = at::ones({rows, config.width}, options);
  const auto head = at::ones({config.width, config.vocabulary}, options);
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    // Reading a value waits for a device.
    (void)at::mm(hidden, head).sum().item();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 2.0 * static_cast<double>(rows) * config.width * config.vocabulary / best;
}

}  // namespace lift
