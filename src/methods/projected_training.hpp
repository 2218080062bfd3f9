#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "src/methods/radial_projection.hpp"
#include "src/methods/radius_report.hpp"
#include "src/resume/section.hpp"
#include "src/search/search_state.hpp"
#include "src/training/warmup.hpp"

namespace lift {

/// What follows each optimiser step of a projected training.
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

/// One optimiser step and its projection, for metrics and progress.
struct ProjectedStep {
  std::int64_t step = 0;     ///< from 1
  std::int64_t steps = 0;    ///< in all
  double loss = 0;           ///< L_t of the global batch before the step, nats/token
  double gradient_norm = 0;  ///< of F, before clipping
};

struct ProjectedTrainingSummary {
  std::int64_t steps = 0;
  double loss = 0;  ///< mean L_t of its batches as they were met, nats/token; 0 without steps
};

/// Trains W on F as a warm-up does, epochs of Adam over the same batches, and projects it after every step.
///
/// In/out      state.objective.tuned().flat() moves; equal on all ranks to the last bit at the end.
/// Resume      with state.checkpoints it can be left between two steps: part `name`, W being the caller's to
///             keep; one that was left goes on from where it was.
/// Collective  on state.comm.
/// Throws      AgreedError(numerical) if a loss or the gradient is not finite: W is then the last one whose
///             training loss was finite. AgreedError(usage) for invalid options.
/// Cost        a gradient of a batch a step, and what the projection costs.
/// Test        tests/src/methods/test_projected_training.cpp
ProjectedTrainingSummary train_projected(const SearchState& state, const WarmupOptions& options,
                                         const std::string& name, StepProjection& projection,
                                         const std::function<void(const ProjectedStep&)>& on_step);

/// Throws AgreedError(usage) unless state.pretrained has a value for each tuned weight.
void check_pretrained(const SearchState& state);

/// The projection of all that state.objective tunes, around state.pretrained.
///
/// Throws  as check_pretrained(), and AgreedError(usage) for an exclusion that ends the name of no tensor.
///         Collective on state.comm.
RadialProjection projection_of(const SearchState& state, RadialNorm norm,
                               const std::vector<std::string>& excluded);

}  // namespace lift
