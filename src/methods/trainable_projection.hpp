#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/methods/radial_projection.hpp"
#include "src/methods/radius_learner.hpp"
#include "src/methods/radius_report.hpp"
#include "src/methods/step_projection.hpp"
#include "src/objective/distributed.hpp"

namespace lift {

struct TpgmOptions {
  RadialNorm norm = RadialNorm::mars;
  int every = 1;       ///< radii are learned after steps 1, 1 + every, 1 + 2·every, …; ≥ 1
  int updates = 1;     ///< T_proj: updates of the radii a time, ≥ 1
  double rate = 1e-2;  ///< learning rate of the radii, in units of the norm, > 0
  std::vector<std::string> excluded = {};  ///< names of tensors, or endings of names, that are not projected
  int batch = 4;                           ///< validation sequences of an update, ≥ 1
  std::uint64_t seed = 0;                  ///< of the order of the validation batches
  /// The authors' settings for learning the radii once, after fine-tuning.
  static TpgmOptions once() { return {.norm = RadialNorm::l2, .updates = 200}; }
  /// "" when valid, else as "updates = 0 violates updates ≥ 1".
  [[nodiscard]] std::string violation() const;
};

struct TpgmCounts {
  std::int64_t steps = 0;        ///< of the optimiser
  std::int64_t gradients = 0;    ///< of the validation loss: one an update
  std::int64_t projections = 0;  ///< of the weights that stay
};

/// Validation loss and its gradient [n] at the projected weights, on batch `draw` (0, 1, …); the same on
/// every rank. The tensor that it is given is the one whose radii are learned.
using RadiusLoss = std::function<LossAndGradient(const at::Tensor& projected, std::int64_t draw)>;

/// The projection of TPGM, whose radii follow a validation loss.
///
/// Method      Tian et al. 2023, arXiv:2303.10720, Section 3.3: Adam on γ for min L_v(θ̃(γ)) with Δ = θ − θ0
///             held fixed, its gradient in closed form from ∇L_v at θ̃ (RadialProjection); then θ ← θ̃(γ). A
///             step without updates projects with the present radii. A radius begins at half of the least
///             row that moved; a tensor that has not moved yet is left alone.
/// Shapes      θ, θ0: [n] of the layout that `projection` was made from.
/// Ownership   keeps θ0 and a reference to `comm`; `loss` may hold references of its own.
/// Collective  every member that takes θ, on `comm`; radii are equal on all ranks to the last bit.
/// Throws      what `loss` throws, and AgreedError(numerical) if its gradient is not finite: θ is then as it
///             came.
/// Cost        an update is a gradient of the validation batch, a copy of θ and three passes over θ and θ0.
/// Test        tests/src/methods/test_trainable_projection.cpp
class TrainableProjection final : public StepProjection {
 public:
  TrainableProjection(RadialProjection projection, at::Tensor start, const TpgmOptions& options,
                      RadiusLoss loss, const Communicator& comm);

  /// One update of the radii; θ moves during it and is put back to the last bit.
  void update(at::Tensor& theta);
  /// θ ← θ̃ with the present radii.
  void project(at::Tensor& theta);

  void see_gradient(const at::Tensor& /*gradient*/) override {}
  /// The updates that are due after this step, then the projection.
  void after_step(at::Tensor& theta) override;
  void save(Section& section) const override;
  void resume(const Section& section) override;

  [[nodiscard]] const std::vector<double>& radii() const noexcept { return learner_.radii(); }
  [[nodiscard]] const TpgmCounts& counts() const noexcept { return counts_; }
  /// Validation loss of the last update at θ̃, and its derivative in the radii; NaN and empty before the
  /// first.
  [[nodiscard]] double loss() const noexcept { return loss_; }
  [[nodiscard]] const std::vector<double>& radius_gradient() const noexcept { return gradient_; }
  [[nodiscard]] std::vector<TensorRadius> report(const std::vector<TunedTensor>& all) const override;

 private:
  /// Norms of θ − θ0, and radii that fit them.
  void measure(const at::Tensor& theta);
  void update_measured(at::Tensor& theta);
  void project_measured(at::Tensor& theta);

  RadialProjection projection_;
  at::Tensor start_;
  int every_, updates_;
  RadiusLoss evaluate_;
  const Communicator& comm_;
  RadiusLearner learner_;
  TpgmCounts counts_;
  std::vector<double> norms_;    ///< of θ − θ0, a row each, as measured last
  std::vector<double> largest_;  ///< max_r n_r a tensor
  std::vector<double> gradient_;
  double loss_;
};

}  // namespace lift
