#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "solvers/exact_stationarity.hpp"
#include "solvers/probe_matrix.hpp"
#include "solvers/restricted_form.hpp"
#include "src/search/round.hpp"

namespace lift {

/// Local model of one round at (λ, W0): the LP instance, shards as ProbeMatrix::layout() over p + n
/// coordinates.
struct LocalModel {
  ProbeMatrix a;
  std::vector<double> g;                             ///< this rank's shard of (0, ∇_W L_v)
  std::vector<double> u;                             ///< this rank's shard of the bounds
  Slope slope;                                       ///< what g was made from
  std::int64_t probes_done = 0;                      ///< by this rank's group
  std::optional<StationaritySummary> implicit = {};  ///< the solve behind an adjoint row
  /// VᵀH22V, where the rows are products with H22 and nothing else: not of joint and adjoint probes.
  std::optional<RestrictedForm> curvature = {};
  /// The weight part v_i of the probe that made row i, [n]: what --search.keep writes; 0 of an adjoint row
  /// where there was nothing to solve for. Collective on a.comm().
  std::function<at::Tensor(int i)> probe = {};
};

/// Builds g, probes and rows of one round (Algorithm 1, steps 3 and 4).
///
/// Method      row i is v_iᵀ[H21, H22] with H22 v = ∇²L_t v + 2λ v, or [v_λᵀH11 + v_WᵀH21, v_λᵀH12 + v_WᵀH22]
///             where probes lie in (λ, W); H21 is known in closed form, its column i times λ_i in log space,
///             where also H11 = diag(λ_i R_i) and not 0. g is made of options.batches batches of validation
///             sequences, the products of options.hvp_batches batches of training sequences, the same for all
///             probes of the round: both by sample_sequences. Key biases are masked in g, probes and rows,
///             and fixed by u = 0.
/// Collective  on state.comm. Random probes are dealt over a ProcessGrid; with more ranks than probes the
///             ranks of a group split the sequences. Krylov and adjoint probes come one after the other, and
///             all ranks split the sequences of each. Every rank ends with its shard of A, g and u.
/// Throws      AgreedError(numerical) if a loss, g or a product is not finite, or the adjoint solve failed.
/// Cost        a gradient of the validation and one of the training sequences, and m products (adjoint: as
///             many as the solve takes); beside its shards a rank holds the few probes and products that
///             share one forward pass, or the shards of the Krylov basis.
/// Test        tests/src/search/test_local_model.cpp against dense H21 and H22 (1, 2, 3, 4 ranks)
LocalModel build_local_model(const SearchState& state, const SearchOptions& options, int round,
                             const SearchObserver& observer);

}  // namespace lift
