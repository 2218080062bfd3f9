#pragma once
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/objective/objective.hpp"
#include "src/resume/checkpoints.hpp"

namespace lift {

/// Candidates of a wave of refinement, and groups of ranks that try different ones, at most.
inline constexpr int kLineSearchWave = 4;

struct LineSearchOptions {
  int steps = 31;         ///< |T|, t = 0 among them, ≥ 2; from a seed on, the most evaluations
  double max_step = 1.5;  ///< the grid is t = k·max_step/(steps − 1), > 0
  double slope = 0;  ///< gᵀd, what a unit step changes by the linear model; ≥ 0: no small step is tried
  std::optional<double> start_loss = {};  ///< L_v(W0) where it is known: t = 0 is not evaluated again
  bool refine = true;                     ///< below and above the grid
  /// Where the least loss is expected: few steps around it take the place of the grid. 0: the grid.
  double seed = 0;
  /// No candidate is larger: where λ + t dλ leaves its orthant; ≥ 0. A smaller one than max_step takes its
  /// place.
  double limit = std::numeric_limits<double>::infinity();
  /// "" when valid, else as "steps = 1 violates steps ≥ 2".
  [[nodiscard]] std::string violation() const;
};

struct LineSearchSummary {
  /// (t, validation loss [nats/token]), ascending t; +∞ where a loss is not finite.
  std::vector<std::pair<double, double>> losses;
  double t_star = 0;           ///< the smallest t whose loss is within 1e-6 relative of the least
  double loss = 0;             ///< at t_star
  std::int64_t evaluated = 0;  ///< values of t that this rank's group evaluated
  bool refined_below = false;  ///< steps below the grid were tried
  bool refined_above = false;  ///< steps beyond its top were tried
  std::string message;         ///< one sentence: what was found
};

/// (t, mean loss [nats/token]) of `set` at W0 + t dW for the given steps, ascending t; +∞ where one is not
/// finite.
///
/// In/out, shapes, collective and cost as line_search(): the same candidates on another split.
/// Test        tests/src/search/test_line_search.cpp
std::vector<std::pair<double, double>> losses_along(
    const Objective& objective, const SequenceSet& set, const at::Tensor& direction,
    const std::vector<double>& steps,
    const std::function<void(std::int64_t done, std::int64_t planned)>& on_progress, const Communicator& comm,
    Checkpoints* checkpoints = nullptr);

/// Finds the step t along d = (dλ, dW) of least validation loss L_v(W0 + t dW).
///
/// Method      a fixed grid, then fixed waves of four; each is dealt over the ranks by a ProcessGrid of four
///             tasks whose groups split the data, so that the candidates do not depend on the number of
///             ranks. While the least loss is at the largest step, that is doubled, four doublings a wave and
///             two waves at most (256 times the grid's top), or replaced by the limit. If t* = 0 then, the
///             grid's first step is halved, four halvings a wave, until the best step is not the smallest
///             tried or the next one has t·|gᵀd| < 4·eps32·L_v, a gain that float32 cannot show.
///             From options.seed s: first t = 0 and s, s/2, s/4, 2s, as many as options.steps allows; then
///             waves of four while that lasts, which double the largest step if it is the best (as above),
///             halve the smallest if t = 0 is, and else divide the two gaps beside the best.
/// In/out      objective.tuned().flat() is W0 on entry and, to the last bit, on return.
/// Shapes      direction: dW [n], the same on every rank.
/// Resume      with `checkpoints` the losses of each batch of candidates, one a group of ranks, are kept as
///             they come, and it can be left before each.
/// Collective  on `comm`; the summary is the same on every rank but for `evaluated`.
/// Throws      AgreedError(numerical) if the loss at t = 0 is not finite, AgreedError(usage) for invalid
///             options. A loss that is not finite at another t counts as +∞.
/// Cost        one evaluation of blocks ≥ the first tuned one a candidate and sequence; the frozen blocks
///             below are run once a sequence over all ranks (WorkCount::prefix_sequences), and each rank
///             holds their output for its group's share of the sequences; two vectors of length n beside W.
/// Test        tests/src/search/test_line_search.cpp (1, 2, 3, 4 ranks): every loss against its own
///             evaluation, refinement both ways, ties
LineSearchSummary line_search(const Objective& objective, const SequenceSet& valid,
                              const at::Tensor& direction, const LineSearchOptions& options,
                              const std::function<void(std::int64_t done, std::int64_t planned)>& on_progress,
                              const Communicator& comm, Checkpoints* checkpoints = nullptr);

}  // namespace lift
