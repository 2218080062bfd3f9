#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "src/methods/trainable_projection.hpp"

namespace lift {

struct TpgmSummary {
  TpgmCounts counts;
  double loss = 0;  ///< validation loss of the last update, at its θ̃, nats/token; NaN without updates
  std::vector<TensorRadius> radii;  ///< one a tuned tensor, of the last projection
};

/// How far the updates of the radii have come.
struct TpgmProgress {
  std::int64_t done = 0;
  std::int64_t total = 0;
  double radius_loss = 0;  ///< validation loss of the last update, nats/token; NaN before the first
};
using TpgmObserver = std::function<void(const TpgmProgress&)>;

/// Learns the radii of θ − θ0 by options.updates updates and projects θ once: a learned WiSE of each tensor.
///
/// Method      TrainableProjection with Δ fixed throughout; options.every is not used.
/// In/out      `theta` [n] moves; equal on all ranks to the last bit at the end.
/// Resume      with `checkpoints` it can be left between two updates: part "tpgm", θ being the caller's to
///             keep; one that was left goes on from where it was.
/// Collective  on `comm`.
/// Throws      what `loss` throws, θ as it came. AgreedError(usage) for invalid options.
/// Cost        options.updates gradients of a validation batch.
/// Test        tests/src/methods/test_tpgm_once.cpp
TpgmSummary learn_radii(at::Tensor& theta, const at::Tensor& start, const std::vector<TunedTensor>& tensors,
                        const RadiusLoss& loss, const TpgmOptions& options, const TpgmObserver& observer,
                        const Communicator& comm, Checkpoints* checkpoints = nullptr);

/// learn_radii() of the W that state.objective has, around state.pretrained, on state.valid.
///
/// Method      batches of state.valid in BatchOrder's epochs, apart from those of every training.
/// Throws      AgreedError(numerical) if a loss is not finite: W is then as it came. AgreedError(usage) for
///             invalid options, an exclusion that fits no tensor, no pretrained weights, or no validation
///             sequences.
/// Test        tests/src/methods/test_tpgm_once.cpp (1, 2, 4 ranks)
TpgmSummary tpgm_once(const SearchState& state, const TpgmOptions& options, const TpgmObserver& observer);

/// What follows each step of a training: TrainableProjection of all that state.objective tunes, around
/// state.pretrained, on batches of state.valid. Keeps a reference to `state`. Collective, throws as
/// tpgm_once().
[[nodiscard]] std::unique_ptr<TrainableProjection> tpgm_projection(const SearchState& state,
                                                                   const TpgmOptions& options);

}  // namespace lift
