#pragma once
#include <cmath>
#include <cstdint>

#include "mpi/host_device.hpp"

namespace lift {

/// start + t·direction with one rounding: a fused multiply-add.
///
/// It is what nvcc makes of ATen's `self + alpha * other` unless it is told not to contract (-fmad=false),
/// and what ATen's vectors do on a CPU with AVX2.
template <typename Real>
LIFT_HOST_DEVICE Real stepped(Real start, Real t, Real direction) {
  return std::fma(t, direction, start);
}

/// Enqueues w ← start + t·direction for n coordinates in the memory of the current device; w may be `start`.
///
/// Throws  Error(internal) if the launch is refused.
/// Test    tests/src/search/test_saved_weights.cpp
template <typename Real>
void step_on_device(Real* w, const Real* start, const Real* direction, Real t, std::int64_t n, void* stream);

}  // namespace lift
