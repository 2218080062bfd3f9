#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "jobs/corpus_inputs.hpp"
#include "mpi/communicator.hpp"
#include "mpi/timers.hpp"
#include "src/objective/objective.hpp"
#include "src/report/progress.hpp"
#include "src/report/run_result.hpp"
#include "src/resume/checkpoints.hpp"

namespace lift {

/// Losses of a run's splits at its present W; valid, test and ood are not evaluated again while W stays.
///
/// Ownership   keeps references to all arguments of the constructor, and a copy of the last W asked about.
/// Collective  every member on `comm`, with the same W on every rank.
/// Cost        an evaluation of the split (phase "evaluate"), or one comparison of W.
/// Test        tests/jobs/test_run_options.cpp: counts of evaluations; test_run_job.cpp
class SplitLosses {
 public:
  SplitLosses(const Objective& objective, const Corpus& corpus, Progress& progress, PhaseTimers& timers,
              const Communicator& comm, Checkpoints* checkpoints = nullptr);

  /// Of the first min(|train|, |valid|) training sequences.
  [[nodiscard]] SplitLoss train();
  [[nodiscard]] SplitLoss valid();
  [[nodiscard]] SplitLoss test();
  /// Of the other corpus; nullopt where there is none.
  [[nodiscard]] std::optional<SplitLoss> ood();
  /// The same of other tuned weights [n], for which W is put aside meanwhile: no point where a run stops.
  [[nodiscard]] std::optional<SplitLoss> ood_at(const at::Tensor& weights);
  [[nodiscard]] Evaluation all();
  /// Takes what others found at the present W, nats/token.
  void know_valid(double loss);
  void know_test(double loss);
  /// Adds what is known at the present W to a resume point, or takes it from one whose W is in place.
  void save(Section& section);
  void resume(const Section& section);
  /// From now on the losses are those of the model as `form` names it: W no longer says what they are, as
  /// where frozen weights have moved.
  void change_form(const std::string& form);

 private:
  [[nodiscard]] SplitLoss mean(const SequenceSet& set, const char* split);
  [[nodiscard]] SplitLoss evaluated(const SequenceSet& set, const char* split);
  void forget_if_moved();

  const Objective& objective_;
  const Corpus& corpus_;
  Progress& progress_;
  PhaseTimers& timers_;
  const Communicator& comm_;
  Checkpoints* checkpoints_;
  std::string form_;
  at::Tensor w_;  ///< at which these hold
  std::optional<SplitLoss> valid_, test_, ood_;
};

}  // namespace lift
