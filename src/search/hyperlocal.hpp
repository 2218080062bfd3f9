#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/search/direction.hpp"
#include "src/search/line_search.hpp"
#include "src/search/search_state.hpp"
#include "src/search/self_check.hpp"
#include "src/search/step_model.hpp"

namespace lift {

struct RoundSummary {
  std::optional<ProgramReport> lp;          ///< absent where the direction is not a linear program's
  std::optional<ImplicitReport> implicit;   ///< of direction exact, of adjoint probes, and on request
  std::optional<RestrictedForm> curvature;  ///< LocalModel::curvature
  LineSearchSummary line;
  std::optional<StepModel> model;  ///< of --search.line model, and on request
  /// (t, loss [nats/token]) of the splits watched, by name, ascending t
  std::map<std::string, std::vector<std::pair<double, double>>> curves;
  std::vector<double> lambda_before, lambda_after;  ///< [p]
  double valid_loss = 0;                            ///< Direction::valid_loss
  double stationarity = 0;                          ///< Direction::stationarity
  WorkCount watched;                                ///< this rank's work for `curves`
  std::int64_t probes_done = 0;                     ///< by this rank's group
  /// d could move λ, but for each group H21 = 0 (W_i is where its regulariser pulls it) or λ_i is 0.
  bool lambda_is_inert = false;
};

/// Symmetry and central-difference checks of ∇²F and ∇F at the state's λ and W, on one batch of training
/// sequences and random unit vectors.
///
/// In/out      W is moved for the two gradients and put back to the last bit.
/// Collective  on state.comm; the same result on every rank.
/// Throws      AgreedError(numerical) if a loss is not finite; a failed check is a result.
/// Test        tests/src/search/test_self_check.cpp
SelfCheck check_second_derivatives(const SearchState& state, const SearchOptions& options);

/// One hyperlocal search, Algorithm 1 steps 3 to 7: local model, direction, line search, update of λ and W by
/// t*.
///
/// Method      in log space λ_i ← max(min(λ_i, 1e-8), λ_i exp(t* dλ_i)), its exponent cut at ± s_λ,
///             which bounds Δ log λ a round even where t* > 1; in linear space λ_i + t* dλ_i, where t goes no
///             further than the first λ_i = 0. W ← W0 + t* dW with the arithmetic of the line search, so that
///             its loss there is the loss of the new W.
/// In/out      state.lambda and objective.tuned().flat() move by t*(dλ, dW); unchanged if the LP failed or
///             t* = 0. start_loss: of the selection split at W0, where it is known and need not be
///             evaluated again.
/// Collective  on state.comm; W stays equal on all ranks.
/// Throws      AgreedError(numerical) if g or a product is not finite, or, after observer.on_direction, if
///             the LP failed (one that stopped short of its tolerances is used); AgreedError(usage) for
///             invalid options.
/// Test        tests/src/search/test_hyperlocal.cpp (1, 2, 3, 4 ranks)
RoundSummary hyperlocal_round(const SearchState& state, const SearchOptions& options, int round,
                              const SearchObserver& observer, std::optional<double> start_loss = {});

struct SearchSummary {
  std::vector<RoundSummary> rounds;  ///< of a search that was taken up again: those since then
  std::string kept;                  ///< the stage whose end W and λ are: "round 2", …, or "start"
};

/// The whole search: recovery, then options.rounds hyperlocal searches with correctors between them.
///
/// Method      each round has its own probes and sequences, and its radius follows the step taken
///             (next_radius). The rounds end early once one, with the corrector before it, lowers the
///             selection loss by less than options.min_gain. What is left in W and λ is the iterate of least
///             selection loss: that loss never rises from one accepted step to the next.
/// In/out      state.lambda and objective.tuned().flat(); the best iterate so far also where it throws.
/// Resume      with state.checkpoints it can be left between its stages and in a corrector (part "search"), W
///             and λ being the caller's to keep; within another stage its products, gradients and evaluations
///             are in the memo. The observer hears no more of the stages that were done.
/// Collective  and errors as hyperlocal_round.
/// Test        tests/src/search/test_hyperlocal.cpp, test_recovery.cpp
SearchSummary hyperlocal_search(const SearchState& state, const SearchOptions& options,
                                const SearchObserver& observer);

}  // namespace lift
