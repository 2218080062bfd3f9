#include "solvers/second_order_cone.hpp"

#include <algorithm>
#include <cmath>

#include "solvers/shard_algebra.hpp"

namespace lift {
namespace {

/// √(x_0² − ‖x_1‖²), of x in the cone.
double determinant_root(std::span<const double> x) {
  const auto tail = x.subspan(1);
  const double length = std::sqrt(dot(tail, tail));
  return std::sqrt(x[0] - length) * std::sqrt(x[0] + length);
}

/// x_0 y_0 − x_1ᵀy_1.
double signed_dot(std::span<const double> x, std::span<const double> y) {
  return x[0] * y[0] - dot(x.subspan(1), y.subspan(1));
}

}  // namespace

std::vector<double> unit_of_cone(std::size_t size) {
  std::vector<double> e(size, 0.0);
  e[0] = 1;
  return e;
}

std::vector<double> cone_product(std::span<const double> x, std::span<const double> y) {
  std::vector<double> product{dot(x, y)};
  for (std::size_t i = 1; i < x.size(); ++i) product.push_back(x[0] * y[i] + y[0] * x[i]);
  return product;
}

std::vector<double> cone_quotient(std::span<const double> x, std::span<const double> y) {
  const double root = determinant_root(x);
  std::vector<double> z{signed_dot(x, y) / root / root};
  for (std::size_t i = 1; i < x.size(); ++i) z.push_back((y[i] - z[0] * x[i]) / x[0]);
  return z;
}

double inverse_step(std::span<const double> x, std::span<const double> d) {
  const double root = determinant_root(x);
  std::vector<double> unit(x.begin(), x.end());
  scale(1 / root, unit);
  const double first = signed_dot(unit, d);
  const double part = (first + d[0]) / (unit[0] + 1);
  double square = 0;
  for (std::size_t i = 1; i < x.size(); ++i) {
    const double rest = d[i] - part * unit[i];
    square += rest * rest;
  }
  return (std::sqrt(square) - first) / root;
}

ConeScaling::ConeScaling(std::span<const double> s, std::span<const double> z) : axis_(s.begin(), s.end()) {
  const double root_s = determinant_root(s), root_z = determinant_root(z);
  beta_ = std::sqrt(root_s / root_z);
  const double gamma = std::sqrt((1 + dot(s, z) / root_s / root_z) / 2);
  // w̄ = (s̄ + J z̄)/(2γ) with s̄ and z̄ of determinant 1; the axis is J w̄, half (J w̄ + e)/√(2 (w̄_0 + 1)).
  for (std::size_t i = 0; i < axis_.size(); ++i)
    axis_[i] = ((i == 0 ? 1 : -1) * s[i] / root_s + z[i] / root_z) / (2 * gamma);
  half_ = axis_;
  half_[0] += 1;
  scale(1 / std::sqrt(2 * (axis_[0] + 1)), half_);
}

std::vector<double> ConeScaling::divide(std::span<const double> x) const {
  const double along = 2 * dot(half_, x);
  std::vector<double> out;
  for (std::size_t i = 0; i < x.size(); ++i)
    out.push_back((along * half_[i] + (i == 0 ? -1 : 1) * x[i]) / beta_);
  return out;
}

}  // namespace lift
