#pragma once
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "src/methods/bilevel_problem.hpp"

namespace lift::toys {

inline at::Tensor number(double value) {
  return at::full({1}, value, at::kDouble);
}

inline double number(const at::Tensor& value) {
  return value.item<double>();
}

/// A function of two numbers with its partial derivatives, written out.
struct Function {
  std::function<double(double x, double y)> value, in_x, in_y;
  [[nodiscard]] PartialGradients partials() const {
    return [*this](const at::Tensor& x, const at::Tensor& y, Partial which, std::int64_t) {
      const double a = number(x), b = number(y);
      Partials found{.value = value(a, b)};
      if (wants_x(which)) found.x = number(in_x(a, b));
      if (wants_y(which)) found.y = number(in_y(a, b));
      return found;
    };
  }
};

inline std::function<void(at::Tensor&)> box(double low, double high) {
  return [=](at::Tensor& z) { z.clamp_(low, high); };
}

inline double softplus(double z) {
  return std::log1p(std::exp(-std::abs(z))) + std::max(z, 0.0);
}

inline double sigmoid(double z) {
  return 1 / (1 + std::exp(-z));
}

/// T1, on which PBGD-Free fails: f = x² + 10y, g = (y − x + 1)²; y_g = x − 1, ∇F_γ = 2x + 10 for every γ.
inline BilevelProblem tilted() {
  const Function f{[](double x, double y) { return x * x + 10 * y; }, [](double x, double) { return 2 * x; },
                   [](double, double) { return 10.0; }};
  const Function g{[](double x, double y) { return std::pow(y - x + 1, 2); },
                   [](double x, double y) { return -2 * (y - x + 1); },
                   [](double x, double y) { return 2 * (y - x + 1); }};
  return {f.partials(), g.partials(), box(-8, 1.5), box(-8, 1.5)};
}

/// T2, fine-tuning and preferences of a two-weight model in closed form.
struct Preferences {
  static constexpr double kReference = -5.3395834;
  static double f(double x, double y) { return softplus((x - kReference) / 2) + 0.01 * (x * x + y * y); }
  static double f_x(double x, double) { return 0.5 * sigmoid((x - kReference) / 2) + 0.02 * x; }
  static double f_y(double, double y) { return 0.02 * y; }
  static double g(double x, double y) {
    return 0.5 * (softplus(-(x + y) / 2) + softplus(x)) + 0.01 * (x * x + y * y);
  }
  static double g_x(double x, double y) {
    return 0.5 * (-0.5 * sigmoid(-(x + y) / 2) + sigmoid(x)) + 0.02 * x;
  }
  static double g_y(double x, double y) { return -0.25 * sigmoid(-(x + y) / 2) + 0.02 * y; }
  static BilevelProblem problem() {
    return {Function{f, f_x, f_y}.partials(), Function{g, g_x, g_y}.partials()};
  }
  /// argmin_y f/γ + g, or of g alone for γ = ∞, by bisection: the derivative increases in y.
  static double follow(double x, double gamma) {
    double low = -50, high = 50;
    for (int k = 0; k < 200; ++k) {
      const double y = (low + high) / 2;
      (f_y(x, y) / gamma + g_y(x, y) < 0 ? low : high) = y;
    }
    return low;
  }
};

/// T3: φ(x) = cos(2 − 4x)/(1 + e^{2−4x}) + ½ ln((4x − 2)² + 1) in disguise, with three local minima on [0,
/// 3].
struct Wavy {
  static double u(double x) { return 1 + std::exp(2 - 4 * x); }
  static double f(double x, double y) {
    return std::cos(4 * y + 2) / u(x) + 0.5 * std::log(std::pow(4 * x - 2, 2) + 1);
  }
  static double f_x(double x, double y) {
    const double z = 4 * x - 2;
    return std::cos(4 * y + 2) * 4 * std::exp(-z) / (u(x) * u(x)) + 4 * z / (z * z + 1);
  }
  static double f_y(double x, double y) { return -4 * std::sin(4 * y + 2) / u(x); }
  static double g(double x, double y) { return std::pow(x + y, 2) + x * std::pow(std::sin(x + y), 2); }
  static double g_x(double x, double y) {
    const double s = std::sin(x + y);
    return 2 * (x + y) + s * s + x * std::sin(2 * (x + y));
  }
  static double g_y(double x, double y) { return 2 * (x + y) + x * std::sin(2 * (x + y)); }
  static double phi(double x) { return f(x, -x); }
  static BilevelProblem problem() {
    return {Function{f, f_x, f_y}.partials(), Function{g, g_x, g_y}.partials(), box(0, 3)};
  }
};

/// T4, linear-quadratic: f = (x − 1)²/2 + s(y − 1)²/2, g = (y − ax)²/2.
inline BilevelProblem linear_quadratic(double s, double a) {
  const Function f{[s](double x, double y) { return (x - 1) * (x - 1) / 2 + s * (y - 1) * (y - 1) / 2; },
                   [](double x, double) { return x - 1; }, [s](double, double y) { return s * (y - 1); }};
  const Function g{[a](double x, double y) { return (y - a * x) * (y - a * x) / 2; },
                   [a](double x, double y) { return -a * (y - a * x); },
                   [a](double x, double y) { return y - a * x; }};
  return {f.partials(), g.partials()};
}

/// T5: f = x²/2, g = (y − x)², so that F_γ = x²/2 whatever γ is, and f + γg has curvature 1 + 2γ in x.
inline BilevelProblem stiff() {
  const Function f{[](double x, double) { return x * x / 2; }, [](double x, double) { return x; },
                   [](double, double) { return 0.0; }};
  const Function g{[](double x, double y) { return (y - x) * (y - x); },
                   [](double x, double y) { return -2 * (y - x); },
                   [](double x, double y) { return 2 * (y - x); }};
  return {f.partials(), g.partials()};
}

/// T6: g = (y − 2x)² with 3x − y ≤ 0, at x > 0: y = 3x, multiplier 2x, v = x².
inline BilevelProblem coupled(const Function& f) {
  const Function g{[](double x, double y) { return std::pow(y - 2 * x, 2); },
                   [](double x, double y) { return -4 * (y - 2 * x); },
                   [](double x, double y) { return 2 * (y - 2 * x); }};
  const CoupledConstraint c{
      [](const at::Tensor& x, const at::Tensor& y) { return 3 * x - y; },
      [](const at::Tensor&, const at::Tensor&, const at::Tensor& multipliers) -> Partials {
        return {.value = 0, .x = 3 * multipliers, .y = -multipliers};
      }};
  return {f.partials(), g.partials(), {}, {}, c};
}

}  // namespace lift::toys
