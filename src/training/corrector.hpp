#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "src/resume/checkpoints.hpp"
#include "src/training/trainer.hpp"

namespace lift {

struct CorrectorOptions {
  std::int64_t steps = 0;  ///< ≥ 0
  int epochs = 0;          ///< ≥ 0: passes over the training sequences, beside `steps`
  double rate = 1e-4;      ///< learning rate of the first step, > 0
  Schedule schedule = Schedule::linear;
  double clip = 1.0;                                       ///< gradient-norm limit of F's gradient, 0: off
  int batch = 4;                                           ///< sequences of a global batch, ≥ 1
  std::uint64_t seed = 0;                                  ///< of the batch order
  TrainingPrecision precision = TrainingPrecision::model;  ///< of the steps
  int stage = 0;  ///< correctors of one run with different stages meet the sequences in different order

  [[nodiscard]] bool none() const noexcept { return steps == 0 && epochs == 0; }
  /// Steps in all where an epoch has so many batches.
  [[nodiscard]] std::int64_t total(std::int64_t batches_per_epoch) const noexcept {
    return steps + epochs * batches_per_epoch;
  }
  /// "" when valid, else as "rate = -1 violates rate > 0".
  [[nodiscard]] std::string violation() const;
};

struct CorrectorSummary {
  std::int64_t steps = 0;
  double loss = 0;  ///< mean L_t of its batches as they were met, nats/token; 0 without steps
};

/// A short training on F from where W stands, its learning rate falling to 0: what follows a step that left
/// the stationary points of F, and what lets a new λ act.
///
/// Method      Adam with fresh moments; batches as BatchOrder's epochs, apart from those of the warm-up.
/// In/out      objective.tuned().flat() moves; equal on all ranks to the last bit at the end.
/// Shapes      lambda: [p].
/// Resume      with `checkpoints` it can be left between two steps: part "corrector", W being the caller's to
///             keep; one that was left goes on from where it was.
/// Collective  on `comm`.
/// Throws      AgreedError(numerical) if a loss or the gradient is not finite: W is then the last one whose
///             training loss was finite. AgreedError(usage) for invalid options.
/// Cost        a gradient of a batch a step.
/// Test        tests/src/training/test_corrector.cpp (1, 2, 3, 4 ranks)
CorrectorSummary correct(const Objective& objective, const Regularizer& regularizer,
                         std::span<const double> lambda, const SequenceSet& train,
                         const CorrectorOptions& options,
                         const std::function<void(std::int64_t done, std::int64_t total)>& on_progress,
                         const Communicator& comm, Checkpoints* checkpoints = nullptr);

}  // namespace lift
