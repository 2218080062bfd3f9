#pragma once
#include <cmath>

#include "mpi/host_device.hpp"

namespace lift {

/// Probabilities of one row of logits: P_j = exp(z_j − max) · scale.
template <typename Real>
struct Softmax {
  Real max;
  Real scale;  ///< 1 / Σ_j exp(z_j − max)
  LIFT_HOST_DEVICE Real operator()(Real z) const { return std::exp(z - max) * scale; }
};

/// Σ_j exp(z_j) of the logits met so far, as their maximum and a sum in which nothing overflows.
///
/// Method  a larger logit rescales the sum before it is added, so that one pass makes both (Milakov and
///         Gimelshein 2018, arXiv:1805.02867).
/// Types   exponentials in Real, their sum in float64. NaN anywhere makes the sum NaN.
/// Test    tests/src/objective/test_softmax_row.cpp against sums over the whole row
template <typename Real>
struct ExpSum {
  Real max;
  double sum;  ///< Σ exp(z_j − max)

  LIFT_HOST_DEVICE static ExpSum none() { return {static_cast<Real>(-INFINITY), 0.0}; }

  LIFT_HOST_DEVICE void add(Real z) {
    if (z > max) {
      sum = sum * static_cast<double>(std::exp(max - z)) + 1.0;
      max = z;
    } else if (z != static_cast<Real>(-INFINITY)) {
      sum += static_cast<double>(std::exp(z - max));
    }
  }

  /// The sum over the logits of both.
  LIFT_HOST_DEVICE static ExpSum merged(const ExpSum& a, const ExpSum& b) {
    if (b.sum == 0) return a;
    if (a.sum == 0) return b;
    const Real max = a.max > b.max ? a.max : b.max;
    return {max, a.sum * static_cast<double>(std::exp(a.max - max)) +
                     b.sum * static_cast<double>(std::exp(b.max - max))};
  }

  [[nodiscard]] LIFT_HOST_DEVICE Softmax<Real> softmax() const { return {max, static_cast<Real>(1.0 / sum)}; }

  /// −log P of a logit of the row, in float64.
  [[nodiscard]] LIFT_HOST_DEVICE double loss_of(Real z) const {
    return (static_cast<double>(max) - static_cast<double>(z)) + std::log(sum);
  }
};

}  // namespace lift
