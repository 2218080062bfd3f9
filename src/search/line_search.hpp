#pragma once
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/objective/objective.hpp"

namespace lift {

struct LineSearchOptions {
  int steps = 31;         ///< |T|, t = 0 among them, ≥ 2
  double max_step = 1.5;  ///< the grid is t = k·max_step/(steps − 1), > 0
  double slope = 0;       ///< gᵀd, what the linear model predicts a unit step gains (≤ 0)
  bool refine = true;     ///< below and above the grid
  [[nodiscard]] std::string violation() const;
};

struct LineSearchSummary {
  std::vector<std::pair<double, double>> losses;  ///< (t, validation loss [nats/token]), ascending t
  double t_star = 0;           ///< the smallest t whose loss is within 1e-6 relative of the least
  double loss = 0;             ///< at t_star
  std::int64_t evaluated = 0;  ///< values of t that this rank's group evaluated
  bool refined_below = false;  ///< the least loss of the grid was at t = 0 and smaller steps were tried
  bool refined_above = false;  ///< it was at the grid's top and larger steps were tried
  std::string message;         ///< one sentence: what was found
};

/// Finds the step t along d = (dλ, dW) of least validation loss L_v(W0 + t dW).
///
/// Method      a fixed grid in waves of four candidates, dealt over the ranks by a ProcessGrid whose groups
/// split the
///             data; the waves, and so the candidates, do not depend on the number of ranks. If t = 0 is
///             best, the first step is halved until t·|gᵀd| < 4·eps32·L_v; if the largest is best, it is
///             doubled until that no longer helps.
/// In/out      objective.tuned().flat() is W0 on entry and on return.
/// Shapes      direction: dW [n], the same on every rank.
/// Collective  on `comm`; the summary is the same on every rank but for `evaluated`.
/// Cost        one evaluation of blocks ≥ the first tuned one a candidate and sequence; the frozen blocks
/// below are run
///             once a sequence over all ranks (WorkCount::prefix_sequences) and their output is held.
/// Test        tests/src/search/test_line_search.cpp (1, 2, 3, 4 ranks): a known parabola, refinement both
/// ways, ties
LineSearchSummary line_search(const Objective& objective, const SequenceSet& valid,
                              const at::Tensor& direction, const LineSearchOptions& options,
                              const std::function<void(std::int64_t done, std::int64_t planned)>& on_progress,
                              const Communicator& comm);

}  // namespace lift
