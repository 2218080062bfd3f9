#include "src/search/self_check.hpp"

#include <ATen/TensorOperators.h>

#include <cmath>

#include "src/training/vectors.hpp"

namespace lift {

namespace {

struct Limits {
  double epsilon;   ///< of the floating type
  double symmetry;  ///< times 1/√n
  double difference;
};

Limits limits_of(at::ScalarType type) {
  return type == at::kDouble ? Limits{0x1p-52, 1e-10, 1e-6} : Limits{0x1p-23, 1e-4, 1e-2};
}

}  // namespace

SelfCheck check_derivatives(const Derivatives& derivatives, const at::Tensor& u, const at::Tensor& v,
                            double w_norm) {
  const auto limits = limits_of(v.scalar_type());
  SelfCheck check;
  check.symmetry_limit = limits.symmetry / std::sqrt(static_cast<double>(v.numel()));
  check.difference_limit = limits.difference;
  check.difference_step = std::cbrt(limits.epsilon) * (w_norm > 0 ? w_norm : 1.0);

  const auto hv = derivatives.hessian_vector(v);
  const auto hu = derivatives.hessian_vector(u);
  const double hv_norm = norm64(hv);
  check.symmetry = std::abs(dot64(u, hv) - dot64(v, hu)) / (hv_norm * norm64(u));

  const double step = check.difference_step;
  auto central = derivatives.gradient_along(v, step);
  central.sub_(derivatives.gradient_along(v, -step)).div_(2 * step);
  check.difference = norm64(central.sub_(hv)) / hv_norm;
  check.passed = check.symmetry <= check.symmetry_limit && check.difference <= check.difference_limit;
  return check;
}

}  // namespace lift
