#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/methods/flatness_report.hpp"
#include "src/methods/ftp.hpp"
#include "src/methods/penalty_descent.hpp"
#include "src/methods/tpgm.hpp"
#include "src/methods/trial.hpp"
#include "src/search/search_state.hpp"

namespace lift {

/// What a run does once its warm-up is done. All but `lift` are rivals of the hyperlocal search; what chooses
/// an iterate among those that a method meets is the loss of the selection split, and nothing else.
enum class Method {
  lift,         ///< the hyperlocal search (src/search); its directions gradient, sign and wise are rivals too
  early_stop,   ///< a new training from the start, ended where the selection loss is least
  grid,         ///< such a training for each λ of a grid: weight decay under l2, l2-sp around the pretrained
  random,       ///< for λ drawn at random
  train_valid,  ///< a training on train and validation together; nothing is left to choose by
  validation_steps,  ///< Adam on the validation part from W0
  wise,              ///< the best point of a grid between W0 and the pretrained weights (WiSE-FT)
  wise_tensors,      ///< the same for each tuned tensor in turn
  tpgm,              ///< a training whose every step is projected, the radii learned on the validation part
  tpgm_once,         ///< the radii of W0 − pretrained learned once: a WiSE of each tensor
  ftp,               ///< a training whose every step is projected, the radii learned from training gradients
  pbgd_free,         ///< the penalty methods with the last tuned blocks as lower variable (split_weights)
  f2sa,
  v_pbgd,
  bome,
  alright,
  f2sa_lambda  ///< F2SA on LiFT's own problem (regularized_weights)
};

struct MethodOptions {
  Method method = Method::lift;
  bool from_pretrained = false;       ///< whether trainings start there, not at W0
  TrialOptions training = {};         ///< of every training; steps, every and name are set by the method
  std::int64_t steps = 0;             ///< of all trainings together, ≥ 0, where there is no budget
  std::optional<double> budget = {};  ///< forward units that the method may cost, > 0
  /// Of the selection split in each training, beside that of its start, ≥ 1; without it 10, or as few as
  /// together with the start's take a third of what a budget has for a training.
  std::optional<int> evaluations = {};
  int trials = 6;                                ///< of grid and random, ≥ 1
  double lambda_low = 1e-5, lambda_high = 1e-2;  ///< between which their λ lie, 0 < low ≤ high
  int grid_steps = 11;                           ///< of wise: interpolations, both ends among them, ≥ 2
  int tensor_steps = 5;                          ///< the same of each tensor in wise_tensors
  PenaltyOptions penalty = {};                   ///< its method and steps are set by the method
  TpgmOptions tpgm = {};  ///< of tpgm and tpgm_once; its updates of the latter are set by steps or budget
  FtpOptions ftp = {};
  int lower_blocks = 1;  ///< tuned blocks that are the lower variable, ≥ 1
  FlatnessOptions flatness =
      {};  ///< of a report where such a descent ended; rule and rate are its inner steps'
  /// "" when valid, else as "trials = 0 violates trials ≥ 1".
  [[nodiscard]] std::string violation() const;
};

[[nodiscard]] const char* to_string(Method method) noexcept;
/// The penalty method that a method is, if it is one.
[[nodiscard]] std::optional<PenaltyMethod> penalty_method(Method method) noexcept;
/// Whether it needs the pretrained weights.
[[nodiscard]] bool needs_pretrained(const MethodOptions& options) noexcept;

/// How far a tensor was led back to its pretrained values: 1 − α of WiSE-FT, 0 where it stands at W0.
struct TensorShare {
  std::string tensor;
  double share = 0;
};

struct MethodSummary {
  std::string kept;                      ///< the stage whose end W and λ are, or "start"
  std::vector<TensorShare> shares = {};  ///< of wise_tensors, in the order of W
  std::vector<TensorRadius> radii = {};  ///< of tpgm, tpgm_once and ftp: of the last projection
  std::optional<PenaltySummary> penalty = {};
  std::optional<FlatnessSummary> flatness = {};
  double reported_units = 0;  ///< this rank's forward units of the flatness, which chose nothing
};

/// The sizes that a method's cost follows from, in sequences.
struct MethodSizes {
  std::int64_t selection = 0;  ///< the validation part that chooses
  std::int64_t tensors = 0;    ///< tuned ones
};

/// What a method does, by the budget or the steps that it is given.
///
/// Units   forward units (forward_units()): a gradient of a sequence 3, a loss 1.
struct MethodPlan {
  int trainings = 0;       ///< or descents
  std::int64_t steps = 0;  ///< of each
  std::int64_t every = 0;  ///< steps between two evaluations
  double step_units = 0;   ///< of one step
  double units = 0;        ///< of the whole
  double reported = 0;     ///< of the flatness report beside it, which no budget pays
};
/// Throws Error(usage) if the budget does not pay for one step of each training. Test test_method.cpp
[[nodiscard]] MethodPlan plan_method(const MethodOptions& options, const MethodSizes& sizes);

/// The whole of a method but `lift`, in the place of a hyperlocal search.
///
/// In/out      state.lambda and objective.tuned().flat() move from W0 to the iterate that is kept: that of
///             least selection loss, W0 and where trainings start among them (train_valid: its last).
/// Resume      with state.checkpoints it can be left between its steps and its trainings (part "method"), W
///             and λ being the caller's to keep.
/// Collective  on state.comm; W equal on all ranks.
/// Throws      AgreedError(usage) for invalid options or where the pretrained weights are needed and absent.
///             A training or descent that diverges is a stage that is not used.
/// Cost        plan_method(); two vectors [n] beside those of the training.
/// Test        tests/src/methods/test_method.cpp (1, 2, 4 ranks)
MethodSummary run_method(const SearchState& state, const MethodOptions& options,
                         const SearchObserver& observer);

}  // namespace lift
