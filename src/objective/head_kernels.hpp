#pragma once
#include <cstdint>

namespace lift {

/// A chunk of logits in device memory, row by row: z [rows, vocabulary].
template <typename Real>
struct LogitRows {
  Real* logits;
  std::int64_t rows;
  std::int64_t vocabulary;
};

/// Enqueues, for each row, loss = log Σ_j exp(z_j) − z_target and residual = P − Y with P = softmax(z).
///
/// Method      one block a row; its sums go in an order that depends on nothing, so that a rerun gives
///             the same bits.
/// Shapes      targets: [rows]; residuals: [rows, vocabulary] or null, may be the logits themselves;
///             losses: [rows] float64 or null. All in the memory of the current device.
/// Throws      Error(internal) if the launch is refused. A target outside the vocabulary makes its loss
///             NaN.
/// Cost        the logits read once, and once more and written where residuals are wanted.
/// Test        tests/src/objective/test_head_rows.cpp
template <typename Real>
void residuals_on_device(const LogitRows<Real>& z, const std::int64_t* targets, Real* residuals,
                         double* losses, void* stream);

/// Enqueues z ← δ = P∘(a − P·a) for each row, a [rows, vocabulary] the row of tangents; as
/// residuals_on_device.
///
/// Cost        logits read three times, tangents twice, logits written once.
template <typename Real>
void curvature_on_device(const LogitRows<Real>& z, const Real* tangents, void* stream);

}  // namespace lift
