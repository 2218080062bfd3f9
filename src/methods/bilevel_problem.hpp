#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>

namespace lift {

/// Which partial gradients of a function of (x, y) are asked for beside its value.
enum class Partial { none, x, y, both };
[[nodiscard]] constexpr bool wants_x(Partial which) noexcept {
  return which == Partial::x || which == Partial::both;
}
[[nodiscard]] constexpr bool wants_y(Partial which) noexcept {
  return which == Partial::y || which == Partial::both;
}

/// Value and partial gradients of a function at (x, y); what was not asked for is undefined.
struct Partials {
  double value = 0;
  at::Tensor x = {};  ///< [d_x]
  at::Tensor y = {};  ///< [d_y]
};

/// A function of (x, y) by its values and partial gradients.
///
/// `draw` numbers the sample of one that is a mean over data: equal draws are equal samples, on every rank.
using PartialGradients =
    std::function<Partials(const at::Tensor& x, const at::Tensor& y, Partial which, std::int64_t draw)>;

/// Constraints c(x, y) ≤ 0 of the lower level that x has a part in.
struct CoupledConstraint {
  std::function<at::Tensor(const at::Tensor& x, const at::Tensor& y)> value;  ///< c [r], float64
  /// Σ_k μ_k ∇c_k in x [d_x] and in y [d_y] for multipliers μ [r].
  std::function<Partials(const at::Tensor& x, const at::Tensor& y, const at::Tensor& multipliers)> pull;
};

/// min_x f(x, y) over X, with y in argmin g(x, ·) over Y (the optimistic one where there are several).
///
/// Shapes      x: [d_x], y: [d_y], of one floating type and device.
/// Collective  upper and lower where they are; equal on every rank then. All else is local.
/// Test        tests/src/methods/test_penalty_descent.cpp
struct BilevelProblem {
  PartialGradients upper;                             ///< f
  PartialGradients lower;                             ///< g
  std::function<void(at::Tensor& x)> project_x = {};  ///< onto X, in place; empty: X is all there is
  std::function<void(at::Tensor& y)> project_y = {};
  std::optional<CoupledConstraint> constraint = {};
};

/// How many partial gradients were asked for: one is of one function in one variable at one point.
struct PartialCount {
  std::int64_t upper_x = 0, upper_y = 0, lower_x = 0, lower_y = 0;
  [[nodiscard]] std::int64_t total() const noexcept { return upper_x + upper_y + lower_x + lower_y; }
  bool operator==(const PartialCount&) const = default;
};

}  // namespace lift
