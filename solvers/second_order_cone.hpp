#pragma once
#include <span>
#include <vector>

namespace lift {

/// The second-order cone x_0 ≥ ‖(x_1, …)‖₂, its Jordan algebra and Nesterov and Todd's scaling, for the
/// interior-point method of a split LP.
///
/// Method  Vandenberghe 2010, "The CVXOPT linear and quadratic cone program solvers", §4 and §5.
/// Test    tests/solvers/test_second_order_cone.cpp
[[nodiscard]] std::vector<double> unit_of_cone(std::size_t size);
/// x ∘ y = (xᵀy, x_0 y_1 + y_0 x_1).
[[nodiscard]] std::vector<double> cone_product(std::span<const double> x, std::span<const double> y);
/// z with x ∘ z = y, x in the interior.
[[nodiscard]] std::vector<double> cone_quotient(std::span<const double> x, std::span<const double> y);
/// 1/α for the largest α with x + α d in the cone, x in its interior; 0 or below where no α leaves it.
[[nodiscard]] double inverse_step(std::span<const double> x, std::span<const double> d);

/// The symmetric W with W z = W⁻¹ s, for s and z in the interior.
class ConeScaling {
 public:
  ConeScaling(std::span<const double> s, std::span<const double> z);
  /// W⁻¹ x.
  [[nodiscard]] std::vector<double> divide(std::span<const double> x) const;
  /// W⁻² = factor (2 axis axisᵀ − J), J = diag(1, −1, …).
  [[nodiscard]] double factor() const { return 1 / (beta_ * beta_); }
  [[nodiscard]] const std::vector<double>& axis() const { return axis_; }

 private:
  double beta_;
  std::vector<double> axis_, half_;  ///< W⁻¹ = (2 half halfᵀ − J)/β
};

}  // namespace lift
