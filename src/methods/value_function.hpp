#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "src/methods/bilevel_problem.hpp"

namespace lift {

struct ValueFunctionOptions {
  double rate = 0.1;          ///< > 0, of y
  double dual_rate = 0.1;     ///< > 0, of the multipliers
  std::int64_t steps = 1000;  ///< most steps, ≥ 0
  double tolerance = 1e-8;    ///< answered once residual and violation are within it, ≥ 0
  /// "" when valid, else as "rate = 0 violates 0 < rate < ∞".
  [[nodiscard]] std::string violation() const;
};

struct ValueFunctionSummary {
  bool answered = false;        ///< else the steps were spent, and what stands here is where they ended
  double value = 0;             ///< v(x) = g(x, y)
  at::Tensor y = {};            ///< [d_y]
  at::Tensor multipliers = {};  ///< [r], ≥ 0; undefined without a constraint
  at::Tensor gradient = {};     ///< ∇v(x) [d_x]
  double residual = 0;          ///< ‖y − Proj(y − rate ∇_y L)‖ / rate, L = g + Σ μ_k c_k
  double violation = 0;         ///< max_k |max(c_k, −μ_k/dual_rate)|: infeasibility or a slack multiplier
  std::int64_t steps = 0;
};

/// v(x) = min_y g(x, y) over Y and c(x, y) ≤ 0, and its gradient.
///
/// Method      primal–dual gradient steps from `start`; ∇v = ∇_x g + Σ μ_k ∇_x c_k at the saddle point
///             (Danskin; with a constraint the first part alone can have the wrong sign).
/// Collective  as problem.lower. Throws AgreedError(usage) for invalid options.
/// Test        tests/src/methods/test_value_function.cpp
ValueFunctionSummary value_function(const BilevelProblem& problem, const at::Tensor& x,
                                    const at::Tensor& start, const ValueFunctionOptions& options);

}  // namespace lift
