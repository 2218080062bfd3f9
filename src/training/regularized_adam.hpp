#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "src/model/tuning.hpp"
#include "src/training/adam.hpp"
#include "src/training/adam_element.hpp"

namespace lift {

/// Coordinates of W that share a weight λ of the regulariser λ‖W − c‖².
struct RegularizedRange {
  std::int64_t offset = 0;
  std::int64_t size = 0;
  double lambda = 0;
};

/// The ranges of all tensors of `layout` that are in a group, with the group's λ; lambda: [p].
std::vector<RegularizedRange> regularized_ranges(const TunedLayout& layout, std::span<const double> lambda);

/// The ranges as segments that cover coordinates 0 … n − 1 in order, with weight 2λ, and 0 between them.
///
/// Throws  Error(internal) if two ranges overlap or one is not in 0 … n − 1.
/// Test    tests/src/training/test_regularized_adam.cpp
std::vector<Segment> cover(std::span<const RegularizedRange> ranges, std::int64_t n);

/// Adam on a loss plus Σ λ_i ‖W_i − c_i‖² with the norm of that gradient clipped: a training step after the
/// gradient of the loss.
///
/// Method      on a GPU, for contiguous float32 or float64, three kernels (adam_kernels.hpp), one of them
///             making the whole step; else Regularizer::add_gradient, clip_norm and Adam::step one after the
///             other, to the same bits. Kernels and ATen agree to rounding: ATen's own Adam on a GPU has 1 −
///             β and the bias correction in W's type, this one rounds them from float64, as ATen does on a
///             CPU.
/// Shapes      w, gradient, center: [n], equal type and device; center may be undefined (0). The moments are
///             kept in the same.
/// Throws      Error(internal) as cover(), or if a launch is refused.
/// Test        tests/src/training/test_regularized_adam.cpp
class RegularizedAdam {
 public:
  RegularizedAdam(const at::Tensor& w, std::span<const RegularizedRange> ranges, at::Tensor center,
                  Adam::Options options);

  /// One step of `w` with learning rate `rate`; returns the norm of the regularised gradient before clipping
  /// to `clip` (0: no limit).
  ///
  /// A norm that is not finite is returned with w and the moments as they were; it is the caller's to throw.
  /// `gradient` is scratch afterwards.
  ///
  /// Cost  waits for the device: the norm comes back.
  double step(at::Tensor& w, at::Tensor& gradient, double rate, double clip);
  [[nodiscard]] std::int64_t steps() const noexcept { return adam_.steps(); }

 private:
  double step_by_kernels(at::Tensor& w, const at::Tensor& gradient, double rate, double clip);

  std::vector<RegularizedRange> ranges_;
  at::Tensor center_;
  Adam::Options options_;
  Adam adam_;
  int segment_count_ = 0;
  at::Tensor segments_;  ///< cover() on the device, as bytes
  at::Tensor scratch_;   ///< [kAdamScratch] float64 on the device
};

}  // namespace lift
