#include "src/methods/value_function.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <cmath>

#include "mpi/error.hpp"
#include "src/methods/descent_rule.hpp"

namespace lift {
namespace {

bool is_positive(double value) {
  return value > 0 && std::isfinite(value);
}

/// What keeps c ≤ 0, μ ≥ 0 and μ_k c_k = 0 from holding.
double complementarity(const at::Tensor& c, const at::Tensor& multipliers, double rate) {
  return at::maximum(c, multipliers.div(-rate)).abs().max().item<double>();
}

}  // namespace

std::string ValueFunctionOptions::violation() const {
  if (!is_positive(rate)) return fmt::format("rate = {} violates 0 < rate < ∞", rate);
  if (!is_positive(dual_rate)) return fmt::format("dual_rate = {} violates 0 < dual_rate < ∞", dual_rate);
  if (steps < 0) return fmt::format("steps = {} violates steps ≥ 0", steps);
  if (!(tolerance >= 0)) return fmt::format("tolerance = {} violates tolerance ≥ 0", tolerance);
  return "";
}

ValueFunctionSummary value_function(const BilevelProblem& problem, const at::Tensor& x,
                                    const at::Tensor& start, const ValueFunctionOptions& options) {
  if (const auto violation = options.violation(); !violation.empty())
    throw AgreedError(ExitCode::usage, "value function: " + violation);
  const auto& constraint = problem.constraint;
  ValueFunctionSummary found{.y = start.clone()};
  if (constraint) found.multipliers = at::zeros_like(constraint->value(x, found.y));
  Descent descent(found.y, DescentRule::gradient);
  while (!found.answered && found.steps < options.steps) {
    at::Tensor gradient = problem.lower(x, found.y, Partial::y, 0).y;
    if (constraint) gradient = gradient + constraint->pull(x, found.y, found.multipliers).y;
    found.residual = descent.step(found.y, gradient, options.rate, problem.project_y);
    if (!std::isfinite(found.residual)) break;
    if (constraint) {
      const at::Tensor c = constraint->value(x, found.y);
      found.violation = complementarity(c, found.multipliers, options.dual_rate);
      found.multipliers.add_(c, options.dual_rate).clamp_min_(0);
    }
    ++found.steps;
    found.answered = found.residual <= options.tolerance && found.violation <= options.tolerance;
  }
  const Partials at_end = problem.lower(x, found.y, Partial::x, 0);
  found.value = at_end.value;
  found.gradient = at_end.x;
  if (constraint) found.gradient = found.gradient + constraint->pull(x, found.y, found.multipliers).x;
  return found;
}

}  // namespace lift
