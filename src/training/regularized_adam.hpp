#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "src/objective/regularizer.hpp"
#include "src/training/adam.hpp"
#include "src/training/adam_element.hpp"

namespace lift {

/// The tensors of `layout` as segments that cover coordinates 0 … n − 1 in order, with weight 2λ_i on
/// group i and 0 outside of all groups; neighbours of equal weight are one. lambda: [p].
///
/// Test  tests/src/training/test_regularized_adam.cpp
std::vector<Segment> segments_of(const TunedLayout& layout, std::span<const double> lambda);

/// Adam on a loss plus Σ λ_i R_i with the norm of that gradient clipped: a training step after the
/// gradient of the loss.
///
/// Method      Regularizer::add_gradient, clip_norm and Adam::step one after the other; on a GPU, for
///             contiguous float32 or float64, three kernels (adam_kernels.hpp), one of them making the
///             whole step. They agree to rounding: ATen's own Adam on a GPU has 1 − β and the bias
///             correction in W's type, the kernel rounds them from float64, as ATen does on a CPU.
/// Shapes      w, gradient: [n] of the regulariser's layout, equal type and device; the moments are kept
///             in the same. lambda: [p], as it is at construction.
/// Throws      Error(internal) if a launch is refused.
/// Test        tests/src/training/test_regularized_adam.cpp
class RegularizedAdam {
 public:
  RegularizedAdam(const at::Tensor& w, Regularizer regularizer, std::span<const double> lambda,
                  Adam::Options options);

  /// One step of `w` with learning rate `rate`; returns the norm of the regularised gradient before
  /// clipping to `clip` (0: no limit).
  ///
  /// A norm that is not finite is returned with w and the moments as they were; it is the caller's to
  /// throw. `gradient` is scratch afterwards.
  ///
  /// Cost  waits for the device: the norm comes back.
  double step(at::Tensor& w, at::Tensor& gradient, double rate, double clip);
  [[nodiscard]] std::int64_t steps() const noexcept { return adam_.steps(); }
  [[nodiscard]] const Adam::Moments& moments() const noexcept { return adam_.moments(); }
  void resume(const at::Tensor& first, const at::Tensor& second, std::int64_t steps) {
    adam_.resume(first, second, steps);
  }

 private:
  double step_by_kernels(at::Tensor& w, const at::Tensor& gradient, double rate, double clip);

  Regularizer regularizer_;
  std::vector<double> lambda_;
  Adam::Options options_;
  Adam adam_;
  int segment_count_ = 0;
  at::Tensor center_;    ///< contiguous; undefined for 0
  at::Tensor segments_;  ///< segments_of() on the device, as bytes
  at::Tensor scratch_;   ///< [kAdamScratch] float64 on the device
};

}  // namespace lift
