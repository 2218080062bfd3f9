#pragma once
#include <cstdint>

#include "src/training/adam_element.hpp"

namespace lift {

/// The vectors [n] of one step, in the memory of the current device.
template <typename Real>
struct AdamVectors {
  std::int64_t n;
  const Real* gradient;
  const Real* center;  ///< null for 0
  Real* w;
  Real* first_moment;
  Real* second_moment;
};

/// The segments of 0 … n − 1, in device memory.
struct Segments {
  const Segment* data;
  int count;
};

/// float64 values of scratch that adam_step_on_device needs.
inline constexpr int kAdamScratch = 1025;

/// Enqueues one step of RegularizedAdam; afterwards scratch[0] is the norm of the regularised gradient.
///
/// Method  the sum of squares by blocks, whose number depends on n alone, then over the blocks, both in
///         float64 and in a fixed order: the same bits on every run. The last kernel reads the norm: if
///         it is not finite, it changes nothing.
/// Shapes  scratch: [kAdamScratch] float64 in device memory.
/// Throws  Error(internal) if a launch is refused.
/// Cost    w, gradient (and center) are read twice, w and both moments written once.
/// Test    tests/src/training/test_regularized_adam.cpp
template <typename Real>
void adam_step_on_device(const AdamVectors<Real>& vectors, const Segments& segments,
                         const AdamStep<Real>& adam, double clip, double* scratch, void* stream);

}  // namespace lift
