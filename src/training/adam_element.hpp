#pragma once
#include <cmath>
#include <cstdint>

#include "mpi/host_device.hpp"

namespace lift {

/// Coordinates up to `end`, from the end of the segment before, share the weight of the regulariser.
struct Segment {
  std::int64_t end;
  double weight;  ///< 2λ_i on group i, 0 outside of all groups
};

/// Index of the segment that coordinate i lies in; the last segment ends after i.
LIFT_HOST_DEVICE inline int segment_of(const Segment* segments, int count, std::int64_t i) {
  int below = 0, above = count - 1;
  while (below < above) {
    const int middle = (below + above) / 2;
    if (segments[middle].end > i) {
      above = middle;
    } else {
      below = middle + 1;
    }
  }
  return below;
}

/// g + 2λ(w − c), one rounding for the product and the sum; g itself where the weight is 0.
template <typename Real>
LIFT_HOST_DEVICE Real regularized(Real gradient, Real w, Real center, double weight) {
  return weight == 0 ? gradient : std::fma(static_cast<Real>(weight), w - center, gradient);
}

/// What a gradient of norm `norm` is multiplied by so that it is no longer than `limit` (0: no limit).
LIFT_HOST_DEVICE inline double clip_factor(double norm, double limit) {
  return limit > 0 && norm > limit ? limit / norm : 1.0;
}

/// What a step of Adam needs beside the values of a coordinate; each made in float64 and rounded once.
template <typename Real>
struct AdamStep {
  Real beta1, gain1;  ///< β1, 1 − β1
  Real beta2, gain2;  ///< β2, 1 − β2
  Real step_size;     ///< rate / (1 − β1ᵗ)
  Real root_bias2;    ///< √(1 − β2ᵗ)
  Real epsilon;

  AdamStep(double b1, double b2, double eps, double rate, std::int64_t step)
      : beta1(static_cast<Real>(b1)),
        gain1(static_cast<Real>(1 - b1)),
        beta2(static_cast<Real>(b2)),
        gain2(static_cast<Real>(1 - b2)),
        step_size(static_cast<Real>(rate / (1 - std::pow(b1, static_cast<double>(step))))),
        root_bias2(static_cast<Real>(std::sqrt(1 - std::pow(b2, static_cast<double>(step))))),
        epsilon(static_cast<Real>(eps)) {}

  /// m ← β1 m + (1 − β1) g, v ← β2 v + (1 − β2) g², w ← w − step_size m / (√v / root_bias2 + ε).
  LIFT_HOST_DEVICE void operator()(Real gradient, Real& w, Real& m, Real& v) const {
    m = std::fma(beta1, m, gain1 * gradient);
    v = std::fma(beta2, v, gain2 * (gradient * gradient));
    w -= step_size * m / (std::sqrt(v) / root_bias2 + epsilon);
  }
};

}  // namespace lift
