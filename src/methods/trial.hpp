#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "src/methods/loss_curve.hpp"
#include "src/methods/step_projection.hpp"
#include "src/search/search_state.hpp"
#include "src/training/trainer.hpp"

namespace lift {

struct TrialOptions {
  std::string name = {};   ///< for a reader, and for what becomes of it
  std::int64_t steps = 0;  ///< ≥ 0
  std::int64_t every = 0;  ///< steps between two evaluations of the selection split, ≥ 0; 0: the end alone
  double rate = 1e-4;      ///< learning rate of the first step, > 0
  Schedule schedule = Schedule::constant;
  double clip = 1.0;                                       ///< limit of the norm of F's gradient, 0: off
  int batch = 4;                                           ///< sequences of a global batch, ≥ 1
  std::uint64_t seed = 0;                                  ///< of the batch order
  TrainingPrecision precision = TrainingPrecision::model;  ///< of the steps
  /// "" when valid, else as "rate = -1 violates 0 < rate < ∞".
  [[nodiscard]] std::string violation() const;
};

struct TrialSummary {
  std::int64_t steps = 0;      ///< taken
  std::int64_t best_step = 0;  ///< of least selection loss, the first of equals
  double selection = 0;        ///< loss there, nats/token; +∞ where no evaluation was finite
  double last = 0;             ///< selection loss after the last step; +∞ where a step was not finite
  LossCurve losses;            ///< (part of the steps that was done, selection loss)
  std::string message;         ///< one sentence
};

/// One training of W on F over `set`, evaluated on the selection split as it goes: early stopping, a point of
/// a grid of λ, steps on the validation part.
///
/// Method      Adam from fresh moments; batches as BatchOrder's epochs from 0 on, as those of a warm-up.
/// In/out      W moves from where it stands to the iterate of least selection loss, evaluated where it
/// stands,
///             at steps every, 2·every, … and the last; with choose = false to the last.
///             After each step `projection` moves W too, if there is one.
/// Shapes      state.lambda is the λ of F.
/// Resume      with state.checkpoints it can be left between two steps: part "trial", W being the caller's to
///             keep; one that was left goes on from where it was.
/// Collective  on state.comm; W equal on all ranks to the last bit at the end.
/// Throws      AgreedError(usage) for invalid options. A loss that is not finite ends the trial: `last` is
///             +∞, and W, where nothing is chosen, the last one whose training loss was finite.
/// Cost        a gradient of a batch a step, an evaluation of the selection split every so many; one more
///             vector [n].
/// Test        tests/src/methods/test_trial.cpp (1, 2, 4 ranks)
TrialSummary run_trial(const SearchState& state, const SequenceSet& set, const TrialOptions& options,
                       bool choose, const SearchObserver& observer, StepProjection* projection = nullptr);

/// The sequences of `a`, then those of `b`. Throws Error(internal) if their lengths differ.
[[nodiscard]] SequenceSet joined(const SequenceSet& a, const SequenceSet& b);

}  // namespace lift
