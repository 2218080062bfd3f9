#pragma once
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <functional>

namespace lift {

/// ‖D − d‖ / ‖d‖ with d the derivative of `f` at `x` along `v` as claimed, and D its central difference of
/// fourth order, (4 D(h/2) − D(h)) / 3 with D(h) = (f(x + hv) − f(x − hv)) / 2h.
///
/// Whoever checks a derivative with it also shows that a wrong one fails (DerivativeCheck tests).
inline double derivative_error(const std::function<at::Tensor(const at::Tensor&)>& f, const at::Tensor& x,
                               const at::Tensor& v, const at::Tensor& claimed, double step) {
  const auto difference = [&](double h) { return (f(x + v * h) - f(x - v * h)) / (2 * h); };
  const auto central = (difference(step / 2) * 4 - difference(step)) / 3;
  return ((central - claimed).norm() / claimed.norm()).item().toDouble();
}

}  // namespace lift
