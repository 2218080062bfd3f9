#pragma once
#include <cstdint>
#include <vector>

#include "solvers/probe_matrix.hpp"
#include "src/search/search_state.hpp"

namespace lift {

/// Probes whose products share one forward and one first backward pass: a quarter less work at four than one
/// by one, for as many more vectors of length n.
inline constexpr int kProbesPerGraph = 4;

/// Local model of one round at (λ, W0): the LP instance, shards as ProbeMatrix::layout() over p + n
/// coordinates.
struct LocalModel {
  ProbeMatrix a;
  std::vector<double> g;         ///< this rank's shard of (0, ∇_W L_v)
  std::vector<double> u;         ///< this rank's shard of the bounds
  double valid_loss = 0;         ///< on the sequences that made g, nats/token
  double stationarity = 0;       ///< ‖∇_W F(W0)‖ on the HVP sequences
  std::int64_t probes_done = 0;  ///< by this rank's group
};

/// Builds g, probes and rows of one round (Algorithm 1, steps 3 and 4).
///
/// Method      row i is [v_iᵀH21, v_iᵀH22] with H22 v = ∇²L_t v + 2λ v by the exact product and H21 in closed
///             form, its column i times λ_i in log space (dλ is then Δ log λ). g is made of options.batches
///             batches of validation sequences, the products of options.hvp_batches batches of training
///             sequences, the same for all probes of the round: both by sample_sequences. Key biases are
///             masked in g, probes and rows, and fixed by u = 0.
/// Collective  on state.comm. Probes are dealt over a ProcessGrid; with more ranks than probes the ranks of a
///             group split the sequences. Every rank ends with its shard of A, g and u.
/// Throws      AgreedError(numerical) if a loss, g or a product is not finite.
/// Cost        a gradient of the validation and one of the training sequences, and m products; beside its
///             shards a rank holds the few probes and products that share one forward pass.
/// Test        tests/src/search/test_local_model.cpp against dense H21 and H22 (1, 2, 3, 4 ranks)
LocalModel build_local_model(const SearchState& state, const SearchOptions& options, int round,
                             const SearchObserver& observer);

}  // namespace lift
