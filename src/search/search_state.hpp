#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "mpi/timers.hpp"
#include "solvers/box_lp.hpp"
#include "src/objective/objective.hpp"
#include "src/objective/regularizer.hpp"
#include "src/search/line_search.hpp"
#include "src/search/radius.hpp"
#include "src/text/corpus.hpp"

namespace lift {

struct LocalModel;
struct RoundSummary;

/// Options of one hyperlocal search; names as on the command line.
struct SearchOptions {
  int probes = 16;       ///< m ≥ 1
  int batches = 10;      ///< validation batches that make g; 0: all
  int hvp_batches = 10;  ///< training batches that all HVPs of the round share, ≥ 1
  int batch = 4;         ///< sequences of a batch, ≥ 1
  int rounds = 1;        ///< ≥ 1
  std::uint64_t seed = 0;
  RadiusOptions radius;
  BoxLpOptions lp;
  LineSearchOptions line;  ///< slope and limit are set by the round
  /// "" when valid, else as "probes = 0 violates probes ≥ 1".
  [[nodiscard]] std::string violation() const;
};

/// Everything one round works on.
struct SearchState {
  const Objective& objective;
  const Regularizer& regularizer;
  const SequenceSet& train;
  const SequenceSet& valid;
  std::vector<double>& lambda;  ///< in/out [p]
  const Communicator& comm;
  PhaseTimers& timers;  ///< phases gradient, probes, lp, line_search, evaluate
};

/// A split whose loss along the direction of a round is recorded; nothing is chosen by it.
struct WatchedSplit {
  std::string name;
  const SequenceSet* set;
};

struct SearchObserver {
  /// Called on every rank as a phase begins (done = 0) and goes on; phases as those of SearchState::timers.
  std::function<void(const char* phase, std::int64_t done, std::int64_t total)> on_progress;
  /// Called on every rank with the LP answered, d whole on every rank ([p + n]); what --search.keep writes.
  std::function<void(int round, const LocalModel& model, std::span<const double> d)> on_direction;
  /// Evaluated at a few of the line search's steps once t* is chosen: RoundSummary::curves.
  std::vector<WatchedSplit> watched;
  /// Called on every rank after each round of hyperlocal_search, λ and W updated.
  std::function<void(int round, const RoundSummary& summary)> on_round;
};

/// Tells observer.on_progress, if there is one.
void report(const SearchObserver& observer, const char* phase, std::int64_t done, std::int64_t total);

}  // namespace lift
