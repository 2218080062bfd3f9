#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "src/methods/radial_projection.hpp"
#include "src/methods/radius_report.hpp"
#include "src/resume/section.hpp"
#include "src/search/search_state.hpp"

namespace lift {

/// What follows each optimiser step of a training (run_trial).
///
/// Test  tests/src/methods/test_step_projection.cpp
class StepProjection {
 public:
  virtual ~StepProjection() = default;
  /// The gradient [n] of L_t at the W that the step is about to leave, before regulariser and clipping.
  virtual void see_gradient(const at::Tensor& gradient) = 0;
  /// Moves `w` [n] from where the step left it. Collective.
  virtual void after_step(at::Tensor& w) = 0;
  /// Adds what the next step needs beside W to a resume point, or takes it from one; names beside those of
  /// Trainer. Throws Error(input) if a section does not fit.
  virtual void save(Section& section) const = 0;
  virtual void resume(const Section& section) = 0;
  /// One record a tensor of `all`, of the last projection.
  [[nodiscard]] virtual std::vector<TensorRadius> report(const std::vector<TunedTensor>& all) const = 0;
};

/// Throws AgreedError(usage) unless state.pretrained has a value for each tuned weight.
void check_pretrained(const SearchState& state);

/// The projection of all that state.objective tunes, around state.pretrained.
///
/// Throws  as check_pretrained(), and AgreedError(usage) for an exclusion that ends the name of no tensor.
///         Collective on state.comm.
RadialProjection projection_of(const SearchState& state, RadialNorm norm,
                               const std::vector<std::string>& excluded);

}  // namespace lift
