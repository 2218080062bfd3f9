#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/methods/bilevel_problem.hpp"
#include "src/objective/objective.hpp"
#include "src/objective/regularizer.hpp"
#include "src/text/batches.hpp"
#include "src/text/corpus.hpp"

namespace lift {

/// What the bilevel problems of a model are made of: f is the loss of `upper`, g that of `lower` with the
/// regulariser, each over global batches that a draw numbers.
///
/// Ownership  keeps references; all must outlive the problems.
struct WeightData {
  const Objective& objective;
  const Regularizer& regularizer;
  const SequenceSet& upper;
  const SequenceSet& lower;
  int batch = 4;           ///< sequences of a global batch, ≥ 1
  std::uint64_t seed = 0;  ///< of the order in which they come
  const Communicator& comm;
};

/// Global batches by draw, epoch after epoch: batch `draw % batches_per_epoch` of an epoch of its own kind.
class DrawnBatches {
 public:
  DrawnBatches(std::uint64_t seed, std::int64_t sequences, int batch) : order_(seed, sequences, batch) {}
  [[nodiscard]] std::vector<std::int64_t> operator[](std::int64_t draw) const;

 private:
  BatchOrder order_;
};

/// The tensors of the last `blocks` tuned blocks; tuned embeddings count as one more, the first. Throws
/// Error(usage) naming --penalty.lower-blocks unless something is left before them.
/// Test  tests/src/methods/test_weight_problems.cpp
[[nodiscard]] TensorRange last_blocks(const TunedLayout& layout, int blocks);

/// W in two: the lower blocks as x, the last tuned ones as y.
///
/// f(x, y) = L_upper(W), g(x, y) = L_lower(W) + Σ λ_i R_i(W). Partial gradients in y run without a graph
/// below its first block.
///
/// Shapes      x, y: views of objective.tuned().flat(), one after the other; x and y that lie elsewhere are
///             exchanged with W's for the time of a call.
/// Ownership   keeps references to data's members and λ's values.
/// Collective  the problem's functions on data.comm, with the same arguments everywhere.
/// Throws      split_weights as last_blocks; the functions as mean_gradient.
/// Cost        a partial gradient is a gradient of ⌈batch/P⌉ sequences a rank, and an all-reduce of its part.
/// Test        tests/src/methods/test_weight_problems.cpp (1, 2, 4 ranks)
struct SplitWeights {
  TensorRange upper, lower;  ///< x's tensors, and y's
  at::Tensor x, y;
  BilevelProblem problem;
};
[[nodiscard]] SplitWeights split_weights(const WeightData& data, std::span<const double> lambda,
                                         int lower_blocks);

/// LiFT's own problem: x = log λ, y = W, f(x, y) = L_upper(W), g(x, y) = L_lower(W) + Σ e^{x_i} R_i(W).
///
/// ∇_x f = 0, so that a method without a value function cannot move x; ∇_x g = λ_i R_i(W) costs no pass, and
/// is asked for without a value (NaN). X is log λ ≥ log 1e-8.
///
/// Shapes      x: [p] float64 on the CPU; y: objective.tuned().flat().
/// Collective, throws, cost as split_weights; a λ of 0 is taken as the floor.
/// Test        tests/src/methods/test_weight_problems.cpp (1, 2, 4 ranks)
struct RegularizedWeights {
  at::Tensor x, y;
  BilevelProblem problem;
};
[[nodiscard]] RegularizedWeights regularized_weights(const WeightData& data, std::span<const double> lambda);
/// λ of such an x.
[[nodiscard]] std::vector<double> lambda_of(const at::Tensor& x);

}  // namespace lift
