#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mpi/timers.hpp"
#include "solvers/box_lp.hpp"
#include "src/objective/regularizer.hpp"
#include "src/search/line_search.hpp"
#include "src/search/radius.hpp"

namespace lift {

/// Options of one hyperlocal search; names as on the command line.
struct SearchOptions {
  int probes = 16;       ///< m ≥ 1
  int batches = 10;      ///< validation batches that make g; 0: all
  int hvp_batches = 10;  ///< training batches that all HVPs of the round share
  int batch = 4;         ///< sequences of a batch
  int rounds = 1;
  std::uint64_t seed = 0;
  RadiusOptions radius;
  BoxLpOptions lp;
  LineSearchOptions line;
  [[nodiscard]] std::string violation() const;
};

/// Checks of the second derivatives made before the first probe, on the run's own data.
struct SelfCheck {
  double symmetry = 0;        ///< |uᵀHv − vᵀHu| / (‖Hv‖‖u‖)
  double symmetry_limit = 0;  ///< what the precision allows
  double difference = 0;      ///< ‖Hv − central difference‖ / ‖Hv‖
  double difference_limit = 0;
  double difference_step = 0;  ///< ε of the central difference
  bool passed = false;
};

/// Local model of one round at (λ, W0): the LP instance, shards as ProbeMatrix::layout() over p + n
/// coordinates.
struct LocalModel {
  ProbeMatrix a;
  std::vector<double> g;    ///< this rank's shard of (0, ∇_W L_v)
  std::vector<double> u;    ///< this rank's shard of the bounds
  double valid_loss = 0;    ///< on the sequences that made g, nats/token
  double stationarity = 0;  ///< ‖∇_W F(W0)‖ on the HVP sequences
};

struct RoundSummary {
  BoxLpSummary lp;
  LineSearchSummary line;
  std::vector<double> lambda_before, lambda_after;  ///< [p]
  std::int64_t probes_done = 0;                     ///< by this rank's group
};

/// Everything one round works on.
struct SearchState {
  const Objective& objective;
  const Regularizer& regularizer;
  const SequenceSet& train;
  const SequenceSet& valid;
  std::vector<double>& lambda;  ///< in/out [p]
  const Communicator& comm;
  PhaseTimers& timers;  ///< phases gradient, probes, lp, line_search
};

struct SearchObserver {
  std::function<void(const char* phase, std::int64_t done, std::int64_t total)> on_progress;
  /// Called on every rank with the LP answered, d whole on every rank ([p + n]); what --search.keep writes.
  std::function<void(int round, const LocalModel& model, std::span<const double> d)> on_direction;
};

/// Symmetry and central-difference checks of the HVP. Collective on state.comm. Throws nothing of its own.
SelfCheck check_second_derivatives(const SearchState& state, const SearchOptions& options);

/// Builds g, probes and rows of one round (Algorithm 1, steps 3 and 4): row i is [v_iᵀH21, v_iᵀH22] with H22
/// the Hessian of F and H21 in closed form (times λ_i in log space). Collective on state.comm.
LocalModel build_local_model(const SearchState& state, const SearchOptions& options, int round,
                             const SearchObserver& observer);

/// One hyperlocal search, Algorithm 1 steps 3 to 7: local model, box LP, line search, update of λ and W by
/// t*.
///
/// In/out      state.lambda and objective.tuned().flat() move by t*(dλ, dW); unchanged if the LP failed or t*
/// = 0. Collective  on state.comm; W stays equal on all ranks. Throws      AgreedError(numerical) if g or an
/// HVP is not finite, or if the LP failed. Test        tests/src/search/test_hyperlocal.cpp (1, 2, 3, 4
/// ranks)
RoundSummary hyperlocal_round(const SearchState& state, const SearchOptions& options, int round,
                              const SearchObserver& observer);

}  // namespace lift
