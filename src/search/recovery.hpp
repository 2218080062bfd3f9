#pragma once
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "src/search/search_state.hpp"

namespace lift {

/// Evaluations of the interpolation, t = 0 among them.
inline constexpr int kInterpolationSteps = 9;
/// Learning rates that are tried, as multiples of the correctors'.
inline constexpr std::array kRateFactors = {0.25, 0.5, 1.0, 2.0, 4.0};

/// The best W and λ of a search by their selection loss.
class BestIterate {
 public:
  /// Starts from the present W and λ, whose selection loss is `loss`.
  BestIterate(const SearchState& state, double loss);
  /// Takes the present W and λ, those after stage `name`, if `loss` is less; returns whether.
  bool offer(double loss, const std::string& name);
  /// The stage whose end is kept; "start" if none was better than that.
  [[nodiscard]] const std::string& stage() const noexcept { return stage_; }
  /// Puts the best W and λ back.
  void restore() const;
  /// Adds all of it to a resume point, or takes it from one, under names that begin with `prefix`.
  void save(Section& section, const std::string& prefix) const;
  void resume(const Section& section, const std::string& prefix);
  [[nodiscard]] double loss() const noexcept { return loss_; }

 private:
  const SearchState& state_;
  at::Tensor w_;
  std::vector<double> lambda_;
  double loss_;
  std::string stage_ = "start";
};

/// The first half of what an overfitted W0 gets before the rounds: a line search towards the pretrained
/// weights, which leaves W where a corrector is to begin.
///
/// Method      with c the pretrained weights, L_v(W0 + t(c − W0)) is searched over t in [0, 1]; the step
///             taken is t*, or min(1, overshoot·t*) where a corrector follows: that trains on F back towards
///             the training data, and so the fine-tuning is begun anew from a point that has forgotten most
///             of the overfitting. W at t* is offered to `best`.
/// In/out      objective.tuned().flat() moves; λ does not.
/// Collective  on state.comm; W equal on all ranks.
/// Throws      AgreedError(numerical) as line_search().
/// Cost        at most eight evaluations of the selection split.
/// Test        tests/src/search/test_recovery.cpp (1, 2, 3, 4 ranks)
void interpolate(const SearchState& state, const SearchOptions& options, const SearchObserver& observer,
                 BestIterate& best);

/// The corrector that tries the learning rate as a hyperparameter (I_η of the paper's Table 1) at
/// kRateFactors[k] times that of the correctors; its steps are theirs, or one epoch where those have none.
///
/// F does not depend on the rate, so that it has no column in H21 and enters as a search of its own, from the
/// best iterate of all that was before.
[[nodiscard]] CorrectorOptions corrector_at_rate(const SearchOptions& options, std::size_t k);

/// One corrector over the present W and λ, as a stage; returns the selection loss after it, +∞ where a loss
/// or gradient on the way was not finite: what to do then is the caller's.
double run_corrector(const SearchState& state, const CorrectorOptions& options,
                     const SearchObserver& observer, const std::string& name = "corrector");

/// Loss of the selection split at the present W, nats/token. Collective.
double selection_loss(const SearchState& state);
/// state.start_loss, or where it is not known selection_loss() of the present W. Collective.
double start_loss(const SearchState& state);

}  // namespace lift
