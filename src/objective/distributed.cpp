#include "src/objective/distributed.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <numeric>

#ifdef LIFT_CUDA
#include <c10/cuda/CUDAStream.h>
#endif

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/fault.hpp"
#include "mpi/shard_map.hpp"

namespace lift {

namespace {

using Sequences = std::span<const std::int64_t>;

/// Runs `action` on this rank's part of `sequences`; all ranks fail if one does.
ShardMap on_my_part(Sequences sequences, const Communicator& comm,
                    const std::function<void(Sequences mine)>& action) {
  const ShardMap map(std::ssize(sequences), comm.size());
  agree(comm, [&] {
    if (sequences.empty()) throw Error(ExitCode::internal, "a mean over no sequences was asked for");
    action(part_of_rank(sequences, comm));
  });
  return map;
}

Buffer buffer_of(at::Tensor& tensor) {
  if (!tensor.is_contiguous() || (tensor.scalar_type() != at::kFloat && tensor.scalar_type() != at::kDouble))
    throw Error(ExitCode::internal, "ranks exchange contiguous float32 or float64 tensors only");
  Buffer buffer{.data = tensor.data_ptr(),
                .count = static_cast<std::size_t>(tensor.numel()),
                .type = tensor.scalar_type() == at::kFloat ? DataType::f32 : DataType::f64};
#ifdef LIFT_CUDA
  buffer.mixed = !tensor.is_cuda();  // a rank without a device, beside others that may have one
  if (tensor.is_cuda()) {
    buffer.memory = Memory::device;
    buffer.stream = c10::cuda::getCurrentCUDAStream(tensor.device().index()).stream();
  }
#endif
  return buffer;
}

double mean_in_order(const std::vector<double>& mine, const ShardMap& map, const Communicator& comm) {
  std::vector<double> all(static_cast<std::size_t>(map.total()));
  gather_shards(mine, all, map, comm);
  return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

void to_mean(at::Tensor& sum, const ShardMap& map, const Communicator& comm) {
  sum_over_ranks(sum, comm);
  sum.div_(static_cast<double>(map.total()));
}

/// `add(mine, gradient)` adds this rank's part and returns its losses.
template <typename Add>
LossAndGradient mean_gradient_by(const at::TensorOptions& type, std::int64_t size, Sequences sequences,
                                 const Communicator& comm, const Add& add) {
  at::Tensor gradient;
  std::vector<double> losses;
  const auto map = on_my_part(sequences, comm, [&](Sequences mine) {
    fault_point("gradient");
    gradient = at::zeros({size}, type);
    losses = add(mine, gradient);
  });
  to_mean(gradient, map, comm);
  return {mean_in_order(losses, map, comm), gradient};
}

template <typename AnyObjective>
LossAndGradient mean_gradient_of(const AnyObjective& objective, const SequenceSet& set, Sequences sequences,
                                 const Communicator& comm) {
  const at::Tensor& w = objective.tuned().flat();
  return mean_gradient_by(w.options(), w.numel(), sequences, comm, [&](Sequences mine, at::Tensor& gradient) {
    return objective.add_gradient(set, mine, gradient);
  });
}

}  // namespace

double mean_loss(const Objective& objective, const SequenceSet& set, Sequences sequences,
                 const Communicator& comm, const LossProgress& on_progress) {
  std::vector<double> losses;
  const auto map = on_my_part(sequences, comm, [&](Sequences mine) {
    fault_point("evaluation");
    const auto batch = static_cast<std::size_t>(objective.micro_batch());
    for (std::size_t begin = 0; begin < mine.size(); begin += batch) {
      if (on_progress) on_progress(static_cast<std::int64_t>(begin), std::ssize(mine));
      std::ranges::copy(objective.losses(set, mine.subspan(begin, std::min(batch, mine.size() - begin))),
                        std::back_inserter(losses));
    }
    if (on_progress) on_progress(std::ssize(mine), std::ssize(mine));
  });
  return mean_in_order(losses, map, comm);
}

LossAndGradient mean_gradient(const Objective& objective, const SequenceSet& set, Sequences sequences,
                              const Communicator& comm) {
  return mean_gradient_of(objective, set, sequences, comm);
}

LossAndGradient mean_gradient(const TrainingObjective& objective, const SequenceSet& set, Sequences sequences,
                              const Communicator& comm) {
  return mean_gradient_of(objective, set, sequences, comm);
}

LossAndGradient mean_part_gradient(const Objective& objective, const SequenceSet& set, Sequences sequences,
                                   TensorRange part, const Communicator& comm) {
  const TunedParameters& tuned = objective.tuned();
  const std::int64_t size = tuned.layout().coordinates(part).size;
  return mean_gradient_by(tuned.flat().options(), size, sequences, comm,
                          [&](Sequences mine, at::Tensor& gradient) {
                            return objective.add_part_gradient(set, mine, part, gradient);
                          });
}

at::Tensor mean_hessian_vector(const Objective& objective, const SequenceSet& set, Sequences sequences,
                               const at::Tensor& v, const Communicator& comm) {
  at::Tensor product;
  const auto map = on_my_part(sequences, comm, [&](Sequences mine) {
    fault_point("products");
    product = at::zeros_like(objective.tuned().flat());
    objective.add_hessian_vector(set, mine, v, product);
  });
  to_mean(product, map, comm);
  return product;
}

Sequences part_of_rank(Sequences sequences, const Communicator& comm) {
  const ShardMap map(std::ssize(sequences), comm.size());
  return sequences.subspan(static_cast<std::size_t>(map.begin(comm.rank())),
                           static_cast<std::size_t>(map.size(comm.rank())));
}

void sum_over_ranks(at::Tensor& tensor, const Communicator& comm) {
  sum_over_ranks(buffer_of(tensor), comm);
}

void broadcast(at::Tensor& tensor, int root, const Communicator& comm) {
  broadcast(buffer_of(tensor), root, comm);
}

std::vector<std::int64_t> first_sequences(std::int64_t count) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(count));
  std::iota(result.begin(), result.end(), std::int64_t{0});
  return result;
}

}  // namespace lift
