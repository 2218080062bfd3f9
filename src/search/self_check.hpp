#pragma once
#include <ATen/core/Tensor.h>

#include <functional>

namespace lift {

/// Checks of the second derivatives made before the first probe, on the run's own data.
struct SelfCheck {
  double symmetry = 0;        ///< |uᵀHv − vᵀHu| / (‖Hv‖‖u‖)
  double symmetry_limit = 0;  ///< what the precision allows
  double difference = 0;      ///< ‖Hv − central difference‖ / ‖Hv‖
  double difference_limit = 0;
  double difference_step = 0;  ///< ε of the central difference
  bool passed = false;         ///< both are within their limits; never with NaN
};

/// A function of W by its first and second derivative, as the check meets it.
struct Derivatives {
  std::function<at::Tensor(const at::Tensor& v)> hessian_vector;            ///< ∇²F(W) v
  std::function<at::Tensor(const at::Tensor& v, double t)> gradient_along;  ///< ∇F(W + t v)
};

/// Compares uᵀHv with vᵀHu, and Hv with (∇F(W + εv) − ∇F(W − εv)) / 2ε.
///
/// Method      ε = eps^⅓·‖W‖, which balances the truncation error, that grows as ε², with the rounding error
///             of the gradients, that grows as eps/ε, when W sets the scale over which F changes. Limits:
///             symmetry 1e-4/√n in float32 and 1e-10/√n in float64 (a random u meets Hv at an angle whose
///             cosine is about 1/√n); difference 1e-2 and 1e-6. A wrong sign, factor or block shows as a
///             difference of order one.
/// Shapes      u, v: unit vectors [n] of W's type.
/// Collective  on whatever the callables are collective on, with the same u and v on every rank.
/// Cost        two Hessian-vector products and two gradients.
/// Test        tests/src/search/test_self_check.cpp: closed forms; wrong gradients and products are caught
SelfCheck check_derivatives(const Derivatives& derivatives, const at::Tensor& u, const at::Tensor& v,
                            double w_norm);

}  // namespace lift
