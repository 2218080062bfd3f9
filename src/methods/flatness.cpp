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
  slope_ = std::max(slope_, norm64(at_value.y));
  const double allowed = modulus_ * std::pow(norm64(value_y - y), alpha_);
  delta_ = std::max(delta_, std::abs(at_value.value - away) - allowed);
  ++pairs_;
}

}  // namespace lift
