#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/objective/objective.hpp"
#include "src/objective/training_objective.hpp"

namespace lift {

/// Called between micro-batches with the sequences this rank has done and those it has to do.
using LossProgress = std::function<void(std::int64_t done, std::int64_t total)>;

/// Means over `sequences`, which the ranks of `comm` split among them as ShardMap(sequences, ranks).
///
/// Per-sequence losses are gathered in the order of `sequences` in float64 and summed in that order;
/// gradients and products are summed over ranks once and divided once by the number of sequences.
///
/// Collective  on `comm`, with the same `sequences` (and v) on every rank; the result is the same on every
///             rank.
/// Throws      AgreedError(numerical) if a loss is not finite on any rank; AgreedError(internal) if there are
///             no sequences.
/// Test        tests/src/objective/test_distributed.cpp (1, 2, 4 ranks; fewer sequences than ranks)
double mean_loss(const Objective& objective, const SequenceSet& set, std::span<const std::int64_t> sequences,
                 const Communicator& comm, const LossProgress& on_progress = {});

struct LossAndGradient {
  double loss = 0;      ///< nats/token
  at::Tensor gradient;  ///< [n]
};
LossAndGradient mean_gradient(const Objective& objective, const SequenceSet& set,
                              std::span<const std::int64_t> sequences, const Communicator& comm);
/// The same in the tensors of `part` alone: [their coordinates].
LossAndGradient mean_part_gradient(const Objective& objective, const SequenceSet& set,
                                   std::span<const std::int64_t> sequences, TensorRange part,
                                   const Communicator& comm);
/// The same in the precision of optimiser steps; the gradient in the model's type.
LossAndGradient mean_gradient(const TrainingObjective& objective, const SequenceSet& set,
                              std::span<const std::int64_t> sequences, const Communicator& comm);

at::Tensor mean_hessian_vector(const Objective& objective, const SequenceSet& set,
                               std::span<const std::int64_t> sequences, const at::Tensor& v,
                               const Communicator& comm);

/// The sequences that are this rank's, as all of the above deal them.
std::span<const std::int64_t> part_of_rank(std::span<const std::int64_t> sequences, const Communicator& comm);

/// Sums a contiguous float32 or float64 tensor over the ranks of `comm`, in place, on host or device.
void sum_over_ranks(at::Tensor& tensor, const Communicator& comm);
/// Copies such a tensor of rank `root` into those of all others.
void broadcast(at::Tensor& tensor, int root, const Communicator& comm);

/// 0, 1, …, count − 1.
std::vector<std::int64_t> first_sequences(std::int64_t count);

}  // namespace lift
