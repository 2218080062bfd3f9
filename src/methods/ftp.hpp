#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/methods/radial_projection.hpp"
#include "src/methods/radius_learner.hpp"
#include "src/methods/radius_report.hpp"
#include "src/methods/step_projection.hpp"

namespace lift {

struct FtpOptions {
  RadialNorm norm = RadialNorm::mars;
  double rate = 1e-2;  ///< learning rate of the radii, in units of the norm, > 0
  double shrink = 1;   ///< k in [0, 1]: what a derivative that makes a radius shrink is multiplied by
  RadiusRows rows = RadiusRows::active;
  std::vector<std::string> excluded = {};  ///< names of tensors, or endings of names, that are not projected
  /// "" when valid, else as "shrink = 2 violates 0 ≤ shrink ≤ 1".
  [[nodiscard]] std::string violation() const;
};

/// The projection of FTP, whose radii follow the training gradients that the optimiser has anyway.
///
/// Method      Tian et al. 2023, arXiv:2310.19182, and the authors' code. The gradient of step t is taken at
///             the projected weights of the step before it, so it also says how L_t depends on the radii of
///             that projection: dL_t/dγ = Σ_r ⟨∇_r L_t, c_r⟩/(n_r + ε), c = θ − θ0 before that projection.
///             Once the optimiser has made step t, γ ← Adam(γ), from t = 2 on and with t in its bias
///             correction; γ is clipped to the norms of the new θ − θ0, and θ projected. Radii begin at 1e-8:
///             the first step leaves θ0 where it is.
///             The authors' code adds every row, RadiusRows::all, which is no derivative once the projection
///             keeps a row; and its upper bound of γ is greater by ε.
/// Shapes      θ, θ0, gradients: [n] of the layout that `projection` was made from.
/// Collective  after_step on `comm`; radii are equal on all ranks to the last bit.
/// Cost        two passes over θ, θ0 and a gradient a step, and a copy of θ; no gradient of its own.
/// Test        tests/src/methods/test_ftp.cpp
class FastProjection final : public StepProjection {
 public:
  FastProjection(RadialProjection projection, at::Tensor start, const FtpOptions& options,
                 const Communicator& comm);

  void see_gradient(const at::Tensor& gradient) override;
  void after_step(at::Tensor& theta) override;
  void save(Section& section) const override;
  void resume(const Section& section) override;

  [[nodiscard]] const std::vector<double>& radii() const noexcept { return learner_.radii(); }
  /// dL_t/dγ of the last gradient seen, before `shrink`; empty before the second step.
  [[nodiscard]] const std::vector<double>& radius_gradient() const noexcept { return gradient_; }
  /// θ before its last projection; θ0 before the first.
  [[nodiscard]] const at::Tensor& before() const noexcept { return before_; }
  [[nodiscard]] std::vector<TensorRadius> report(const std::vector<TunedTensor>& all) const override;

 private:
  void learn(const std::vector<double>& largest);

  RadialProjection projection_;
  at::Tensor start_;
  FtpOptions options_;
  const Communicator& comm_;
  RadiusLearner learner_;
  std::int64_t steps_ = 0;
  at::Tensor before_;
  std::vector<double> norms_;  ///< of before_ − θ0
  std::vector<double> gradient_;
};

/// What follows each step of a training: FastProjection of all that state.objective tunes, around
/// state.pretrained. Keeps a reference to state.comm. Collective on it. Throws AgreedError(usage)
/// for invalid options, an exclusion that fits no tensor, or no pretrained weights.
/// Test  tests/src/methods/test_ftp.cpp (1, 2, 4 ranks)
[[nodiscard]] std::unique_ptr<FastProjection> ftp_projection(const SearchState& state,
                                                             const FtpOptions& options);

}  // namespace lift
