#pragma once
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "mpi/philox.hpp"
#include "mpi/timers.hpp"
#include "src/methods/radial_projection.hpp"
#include "src/methods/trial.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/search_state.hpp"
#include "src/text/batches.hpp"
#include "src/training/warmup.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {

/// The tensors of a flat θ, one after the other.
inline std::vector<TunedTensor> tensors_of(
    std::initializer_list<std::pair<const char*, std::vector<std::int64_t>>> shapes) {
  std::vector<TunedTensor> result;
  std::int64_t offset = 0;
  for (const auto& [name, shape] : shapes) {
    std::int64_t size = 1;
    for (const std::int64_t extent : shape) size *= extent;
    result.push_back({.name = name, .shape = shape, .offset = offset, .size = size});
    offset += size;
  }
  return result;
}

/// n standard normal numbers.
inline at::Tensor normals(std::int64_t n, std::uint64_t sequence, at::ScalarType type = at::kDouble) {
  at::Tensor values = at::empty({n}, at::TensorOptions(at::kDouble));
  Philox(17, RandomStream::test)
      .normals(sequence, 0, {values.data_ptr<double>(), static_cast<std::size_t>(n)});
  return values.to(type);
}

inline at::Tensor vector(std::initializer_list<double> values) {
  at::Tensor result = at::empty({std::ssize(values)}, at::TensorOptions(at::kDouble));
  std::copy(values.begin(), values.end(), result.data_ptr<double>());
  return result;
}

/// (θ − target)ᵀA(θ − target)/2 with A = BᵀB.
struct Quadratic {
  at::Tensor root;  ///< B
  at::Tensor target;
  LossAndGradient operator()(const at::Tensor& theta, std::int64_t = 0) const {
    const at::Tensor image = root.matmul(theta - target);
    return {0.5 * image.square().sum().item().toDouble(), root.t().matmul(image)};
  }
};

/// The small GPT-2 with the weights that it starts from, as a search sees it.
struct Finetuned : Tiny {
  explicit Finetuned(const Communicator& comm, at::ScalarType type = at::kDouble)
      : Tiny(type), pretrained(w().clone()), state{objective, regularizer, train,   valid,     lambda,
                                                   comm,      timers,      nullptr, pretrained} {}
  /// W a normal step of length about `length` a coordinate away from where it started.
  void move(double length) { w().add_(normals(w().numel(), 3).mul_(length).to(w().scalar_type())); }

  PhaseTimers timers;
  at::Tensor pretrained;
  SearchState state;
};

/// Epochs of Adam over state.train as a warm-up takes them, each step followed by `projection`.
inline TrialSummary train_projected(const SearchState& state, const WarmupOptions& training,
                                    StepProjection& projection) {
  const std::int64_t batches =
      BatchOrder(training.seed, state.train.size(), training.batch).batches_per_epoch();
  const TrialOptions options{.name = "training",
                             .steps = training.epochs * batches,
                             .rate = training.rate,
                             .schedule = training.schedule,
                             .clip = training.clip,
                             .batch = training.batch,
                             .seed = training.seed};
  return run_trial(state, state.train, options, /*choose=*/false, {}, &projection);
}

}  // namespace lift
