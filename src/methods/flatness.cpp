#include "src/methods/flatness.hpp"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/error.hpp"
#include "src/training/vectors.hpp"

namespace lift {
namespace {

void check(double alpha, double modulus) {
  if (!(alpha > 1 && std::isfinite(alpha)))
    throw Error(ExitCode::usage, fmt::format("flatness: alpha = {} violates 1 < alpha < ∞", alpha));
  if (!(modulus > 0 && std::isfinite(modulus)))
    throw Error(ExitCode::usage, fmt::format("flatness: modulus = {} violates 0 < modulus < ∞", modulus));
}

}  // namespace

double lipschitz_delta(double slope, double alpha, double modulus) {
  check(alpha, modulus);
  const double s = std::pow(slope / (modulus * alpha), 1 / (alpha - 1));
  return slope * s - modulus * std::pow(s, alpha);
}

FlatnessMeter::FlatnessMeter(double alpha, double modulus) : alpha_(alpha), modulus_(modulus) {
  check(alpha, modulus);
}

void FlatnessMeter::add(const BilevelProblem& problem, const at::Tensor& x, const at::Tensor& value_y,
                        const at::Tensor& y, std::int64_t draw) {
  const Partials at_value = problem.upper(x, value_y, Partial::y, draw);
  const double away = problem.upper(x, y, Partial::none, draw).value;
  const double slope = norm64(at_value.y);
  const double needed = std::abs(at_value.value - away) - modulus_ * std::pow(norm64(value_y - y), alpha_);
  if (!std::isfinite(slope) || !std::isfinite(needed))
    throw AgreedError(ExitCode::numerical, fmt::format("f is not finite at pair {}", pairs_ + 1));
  slope_ = std::max(slope_, slope);
  delta_ = std::max(delta_, needed);
  ++pairs_;
}

}  // namespace lift
