#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/objective/distributed.hpp"
#include "src/objective/regularizer.hpp"
#include "src/resume/checkpoints.hpp"
#include "src/text/batches.hpp"
#include "src/training/trainer.hpp"

namespace lift {

struct WarmupOptions {
  int epochs = 1;                          ///< N_WE ≥ 0
  double rate = 1e-4;                      ///< learning rate of Adam, > 0
  Schedule schedule = Schedule::constant;  ///< a pure function of the step
  double clip = 1.0;                       ///< gradient-norm limit of F's gradient, 0: off
  int batch = 4;                           ///< sequences of a global batch
  std::uint64_t seed = 0;                  ///< of the batch order
  TrainingPrecision precision =
      TrainingPrecision::model;  ///< of the steps; evaluations are in the model's type
  /// "" when valid, else as "rate = -1 violates rate > 0".
  [[nodiscard]] std::string violation() const;
};

/// One optimiser step, for metrics and progress.
struct WarmupStep {
  std::int64_t step = 0;         ///< from 1
  std::int64_t steps = 0;        ///< in all
  double epoch = 0;              ///< fraction done
  double loss = 0;               ///< L_t of the global batch before the step, nats/token
  double gradient_norm = 0;      ///< of F, before clipping
  double rate = 0;               ///< learning rate of the step
  double tokens_per_second = 0;  ///< tokens (not targets) of the global batch over this step's wall time
  double seconds_left = 0;       ///< at the mean pace so far, the evaluations after epochs included
};
struct WarmupEpoch {
  int epoch = 0;      ///< 0: before training
  double train = 0;   ///< mean over the epoch's batches as they were met, nats/token; NaN for epoch 0
  double valid = 0;   ///< nats/token
  double test = 0;    ///< nats/token; NaN unless asked for
  bool best = false;  ///< the least validation loss so far
};
struct WarmupObserver {
  std::function<void(const WarmupStep&)> on_step;
  /// Called between the micro-batches of an evaluation: the split, and the sequences of it that this rank has
  /// done and has to do.
  std::function<void(const char* split, std::int64_t done, std::int64_t total)> on_evaluation;
  /// Called on every rank after each epoch's evaluation, the tuned weights in place; where the best ones are
  /// kept.
  std::function<void(const WarmupEpoch&)> on_epoch;
};
struct WarmupSummary {
  std::vector<WarmupEpoch> epochs;  ///< 0 … N_WE
  int best_epoch = 0;               ///< of least validation loss, the first of equals
  at::Tensor best_weights;          ///< [n], on the CPU: W after best_epoch
  std::int64_t steps = 0;
};

/// Warm-up of Algorithm 1: N_WE epochs of Adam on F = L_t + Σ λ_i R_i, data-parallel with the same global
/// batches on any number of ranks; validation loss before and after each epoch, and test loss where `test` is
/// not empty.
///
/// In/out      objective.tuned().flat() moves from the checkpoint's W to W0.
/// Shapes      lambda: [p].
/// Resume      with `checkpoints` it can be left between two steps: part "warm-up", W being the caller's to
///             keep; one that was left goes on from where it was, and its observer hears no more of what was
///             before. With options.epochs beyond the last epoch that was left it goes on for the rest of
///             them, which under a constant schedule is what one warm-up of all would have done; so its end
///             is a branch() of the checkpoints.
/// Collective  on `comm`; after every epoch the weights are equal on all ranks to the last bit.
/// Throws      AgreedError(numerical) naming step and epoch if a loss or the gradient is not finite, before
///             it reaches the weights: W is then the last one whose training loss was finite.
///             AgreedError(usage) for invalid options.
/// Cost        a step is a gradient of ⌈batch/P⌉ sequences a rank and an all-reduce of n; beside W, its
///             gradient and Adam's moments, a rank holds one copy of W on its device and one on the host.
/// Test        tests/src/training/test_warmup.cpp (1, 2, 3, 4 ranks)
WarmupSummary warm_up(const Objective& objective, const Regularizer& regularizer,
                      std::span<const double> lambda, const SequenceSet& train, const SequenceSet& valid,
                      const SequenceSet& test, const WarmupOptions& options, const WarmupObserver& observer,
                      const Communicator& comm, Checkpoints* checkpoints = nullptr);

}  // namespace lift
