#pragma once
#include <ATen/core/Tensor.h>

namespace lift {

/// a·b in float64, whatever the type of the tensors.
///
/// Method  products and sums of one stretch of a few million coordinates at a time in float64, so that no
///         float64 copy of a whole vector is made; the order is fixed for a number of threads.
/// Shapes  a, b: [n], equal device.
/// Test    tests/src/training/test_vectors.cpp
double dot64(const at::Tensor& a, const at::Tensor& b);

/// ‖a‖₂ in float64, as dot64.
double norm64(const at::Tensor& a);

}  // namespace lift
