#pragma once
#include <cstdint>
#include <optional>

#include "src/search/direction.hpp"
#include "src/search/search_state.hpp"

namespace lift {

/// Validation sequences of the one product of a StepModel: as many as a product of the round takes, of those
/// that made g. Its cost does not grow with the validation split, and what noise it has costs a wave of the
/// line search, not the answer.
///
/// Test        tests/src/search/test_step_model.cpp
std::int64_t model_sequences(const SearchOptions& options, std::int64_t gradient_sequences);

/// The quadratic model of the validation loss along d, q(t) = t gᵀd + ½t² dᵀ∇²L_v d: the only one that a
/// decrease can be compared with, for against the linear one the best step of any quadratic has half of what
/// it predicts, whatever the radius.
struct StepModel {
  double slope = 0;      ///< gᵀd, nats/token
  double curvature = 0;  ///< dᵀ∇²L_v d, over model_sequences()
  [[nodiscard]] double change(double t) const noexcept { return t * slope + 0.5 * t * t * curvature; }
  /// The t > 0 of least q; absent where q falls without end, or does not fall.
  [[nodiscard]] std::optional<double> minimiser() const noexcept;
};

/// Actual over predicted decrease: near 1 where the model holds as far as t. Absent where next to nothing was
/// predicted: at t = 0, and beyond what is nearly twice the minimiser, where q comes back to 0.
///
/// Shapes  actual: L(t) − L(0), nats/token.
/// Test    tests/src/search/test_step_model.cpp
[[nodiscard]] std::optional<double> decrease_ratio(const StepModel& model, double t, double actual) noexcept;

/// Measures the curvature of the validation loss along a direction.
///
/// Method      one exact product over model_sequences() of direction.sequences, evenly apart; gᵀd is of all
///             of them.
/// Collective  on state.comm; the same on every rank.
/// Throws      AgreedError(numerical) if a loss is not finite.
/// Cost        one product.
/// Test        tests/src/search/test_step_model.cpp (differences of the loss; 1, 2, 3, 4 ranks)
StepModel model_along(const SearchState& state, const SearchOptions& options, const Direction& direction,
                      const SearchObserver& observer);

}  // namespace lift
