#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <string>

#include "src/resume/section.hpp"
#include "src/training/adam.hpp"

namespace lift {

enum class DescentRule {
  gradient,  ///< w − rate·gradient
  adam       ///< Adam's step (src/training/adam.hpp)
};

/// First-order steps of one vector, projected onto a set.
///
/// Shapes  w, gradient: [n], equal floating type and device.
/// Cost    Adam: two vectors [n]. A projection: one more while a step is made.
/// Test    tests/src/methods/test_penalty_descent.cpp
class Descent {
 public:
  using Projection = std::function<void(at::Tensor&)>;  ///< in place; empty for the whole space

  Descent(const at::Tensor& w, DescentRule rule);
  /// Moves `w` against `gradient` and projects it; returns ‖w − Proj(w − rate·gradient)‖ / rate, of the w
  /// before, in float64. If that is not finite, nothing moves.
  double step(at::Tensor& w, const at::Tensor& gradient, double rate, const Projection& project);

  void save(Section& section, const std::string& prefix) const;
  void resume(const Section& section, const std::string& prefix);

 private:
  std::optional<Adam> adam_;
};

}  // namespace lift
