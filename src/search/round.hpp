#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "src/search/probes.hpp"
#include "src/search/search_state.hpp"

namespace lift {

/// The fixed choices of one round: pure functions of (seed, round).
struct Round {
  const SearchState& state;
  const SearchOptions& options;
  int number;
  std::vector<std::int64_t> gradient_sequences;  ///< of the validation split, that make g
  std::vector<std::int64_t> hessian_sequences;   ///< of the training split, that make all products
  std::vector<CoordinateRange> masked;           ///< key biases

  [[nodiscard]] const TunedParameters& tuned() const { return state.objective.tuned(); }
  [[nodiscard]] int p() const { return state.regularizer.p(); }
  /// What column i of H21 = ∂²F/∂W∂λ is multiplied with, [p]: λ_i in log space (dλ is then Δ log λ), else 1.
  [[nodiscard]] std::vector<double> lambda_scales() const;
};
Round choose_round(const SearchState& state, const SearchOptions& options, int number);

/// What a round starts from.
struct Slope {
  at::Tensor gradient;                  ///< g = ∇_W L_v, [n], key biases masked
  std::vector<std::int64_t> sequences;  ///< of the validation split, that made g
  double valid_loss = 0;                ///< on the sequences that made g, nats/token
  double stationarity = 0;              ///< ‖∇_W F(W0)‖ on the HVP sequences
  at::Tensor training_gradient;         ///< ∇_W L_t on the HVP sequences, [n]; kept for forward differences
};

/// Collective on state.comm. Throws AgreedError(numerical) if a loss or g is not finite. Cost: one gradient
/// of the validation and one of the training sequences. Test: tests/src/search/test_local_model.cpp
Slope validation_slope(const Round& round, const SearchObserver& observer);

/// λ_i = ‖∇_i L_t‖ / (4 ‖W_i − c_i‖) on the HVP sequences of round 0, so that the regulariser's gradient is
/// half of the loss's; the present λ_i where W_i = c_i. The default of `l2-sp` (Xuhong et al. 2018), for
/// which a λ that suits `l2` is inert. Collective on state.comm; cost: one gradient of the training
/// sequences. Test: tests/src/search/test_local_model.cpp
std::vector<double> balanced_lambda(const SearchState& state, const SearchOptions& options);

}  // namespace lift
