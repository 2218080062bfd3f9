#pragma once
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>

#include "src/model/tuning.hpp"
#include "src/objective/objective.hpp"

namespace lift {

/// What the evaluations of one sequence cost, known from the configuration alone.
///
/// Method  counts the matrix products: a linear layer of P weights takes 2 T P operations forward, as
///         many for the gradient in its input, as many in its weights where they are tuned; causal
///         attention 2 T² width forward; the head as head_loss() says. What is linear in T and width is
///         left out. Where activations are recomputed, a gradient takes one more forward pass of the
///         blocks, products that and the tangents' way up.
/// Units   floating-point operations; bytes.
/// Limits  within a factor of two, not to the per cent: for plans, not for measurements.
/// Test    tests/src/objective/test_sequence_cost.cpp
struct SequenceCost {
  double prefix = 0;           ///< the frozen part below the first tuned block, forward
  double loss = 0;             ///< the rest of a forward pass, head included
  double gradient = 0;         ///< forward and backward of that rest
  double hvp = 0;              ///< one product, on top of the gradient whose graph it uses or makes again
  double gradient_bytes = 0;   ///< activations held for the gradient
  double hvp_bytes = 0;        ///< and for products: the graph of the gradient too
  double direction_bytes = 0;  ///< of each further product made together with one
};

SequenceCost sequence_cost(const Gpt2Config& config, const TunedLayout& layout, int length,
                           at::ScalarType type, Activations activations = Activations::keep);

/// Floating-point operations a second of a matrix product of the head's shape on `device`, as just
/// measured.
///
/// Cost  about a second for GPT-2 Small on two CPU cores.
double matrix_product_rate(const Gpt2Config& config, std::int64_t rows, at::ScalarType type,
                           at::Device device);

}  // namespace lift
