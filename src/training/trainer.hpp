#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>

#include "mpi/communicator.hpp"
#include "src/objective/regularizer.hpp"
#include "src/objective/training_objective.hpp"
#include "src/resume/section.hpp"
#include "src/text/corpus.hpp"
#include "src/training/regularized_adam.hpp"

namespace lift {

enum class Schedule { constant, cosine, linear };  ///< of the learning rate, over all steps, down to 0

/// Learning rate of the step after `step` of `steps` are done: the full rate first, 0 only when all are done.
///
/// Method  with x = step/steps: constant 1, linear 1 − x, cosine (1 + cos πx)/2, times `rate`.
/// Test    tests/src/training/test_warmup.cpp
[[nodiscard]] double scheduled_rate(Schedule schedule, double rate, std::int64_t step,
                                    std::int64_t steps) noexcept;

/// Adam on F = L_t + Σ λ_i R_i, step by step and data-parallel, from fresh moments.
///
/// In/out      objective.tuned().flat() moves.
/// Shapes      lambda: [p].
/// Ownership   keeps references to objective, train and comm; λ and c are those of the constructor's call.
/// Collective  constructor local, step() on `comm` with the same arguments everywhere.
/// Throws      step(): AgreedError(numerical) if a loss or the gradient is not finite, before it reaches W;
///             W is then the last one whose training loss was finite.
/// Cost        a step is a gradient of ⌈batch/P⌉ sequences a rank and an all-reduce of n; four vectors [n].
/// Test        tests/src/training/test_warmup.cpp, test_corrector.cpp (1, 2, 3, 4 ranks)
class Trainer {
 public:
  struct Step {
    double loss = 0;           ///< L_t of the batch before the step, nats/token
    double gradient_norm = 0;  ///< of F, before clipping
  };
  /// `clip`: limit of the gradient's norm, 0 for none. `precision`: of the gradient of L_t alone.
  Trainer(const Objective& objective, const Regularizer& regularizer, std::span<const double> lambda,
          const SequenceSet& train, double clip, TrainingPrecision precision, const Communicator& comm);

  /// One step over a global batch with learning rate `rate`. `on_gradient` is shown ∇L_t of the batch before
  /// anything is added to it, W where it was.
  Step step(std::span<const std::int64_t> sequences, double rate,
            const std::function<void(const at::Tensor& gradient)>& on_gradient = {});
  [[nodiscard]] std::int64_t steps() const noexcept { return adam_.steps(); }
  /// Adds what the next step needs beside W to a resume point, or takes it from one.
  /// Throws Error(input) if a section does not fit. Local.
  void save(Section& section) const;
  void resume(const Section& section);
  /// W ← the last one whose training loss was finite.
  void restore_last_good() { w_.copy_(last_good_); }

 private:
  TrainingObjective objective_;
  const SequenceSet& train_;
  double clip_;
  const Communicator& comm_;
  at::Tensor w_;  ///< shares the storage of tuned().flat()
  at::Tensor last_good_;
  RegularizedAdam adam_;
};

}  // namespace lift
