#pragma once
#include <cstdint>

#include "src/methods/bilevel_problem.hpp"

namespace lift {

/// How much (δ, α)-flatness of modulus c asks of a function that is Lipschitz in y with constant `slope`:
/// δ = max_s (slope·s − c s^α).
///
/// Method  at s = (slope/(cα))^{1/(α − 1)}; for α = 3/2 it is (4/27) slope³/c².
/// Units   those of f. Throws Error(usage) unless α > 1 and c > 0. Test tests/src/methods/test_flatness.cpp
[[nodiscard]] double lipschitz_delta(double slope, double alpha, double modulus);

/// Whether f is flat enough around the lower level's answers for a method without a value function: PBGD-Free
/// stops at a distance that this bounds (its Theorem 3: a floor of order δ^{2(α−1)/α}).
///
/// Method      f is (δ, α)-flat at x with modulus c if |f(x, y_g) − f(x, y)| ≤ c‖y_g − y‖^α + δ for all y
///             and all y_g in argmin g(x, ·) (arXiv:2507.20400, Definition 1). Each pair that is added raises
///             δ to what it needs, each y_g the slope sup ‖∇_y f(x, y_g)‖.
/// Collective  add() as problem.upper.
/// Throws      the constructor Error(usage) unless α > 1 and c > 0; add() AgreedError(numerical) where f, its
///             gradient or the distance is not finite: the pair is not counted.
/// Cost        add(): one partial gradient and two values of f.
/// Test        tests/src/methods/test_flatness.cpp
class FlatnessMeter {
 public:
  FlatnessMeter(double alpha, double modulus);
  void add(const BilevelProblem& problem, const at::Tensor& x, const at::Tensor& value_y, const at::Tensor& y,
           std::int64_t draw);
  [[nodiscard]] double delta() const noexcept { return delta_; }  ///< the least that all pairs allow
  [[nodiscard]] double slope() const noexcept { return slope_; }
  /// The most that δ can be by the slope alone.
  [[nodiscard]] double delta_of_slope() const { return lipschitz_delta(slope_, alpha_, modulus_); }
  [[nodiscard]] std::int64_t pairs() const noexcept { return pairs_; }

 private:
  double alpha_, modulus_;
  double delta_ = 0, slope_ = 0;
  std::int64_t pairs_ = 0;
};

}  // namespace lift
