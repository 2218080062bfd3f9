#include "solvers/inertia.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lift {
namespace {

/// Of the dot products that entries are made of, relative to the largest eigenvalue.
constexpr double kRounding = 8 * std::numeric_limits<double>::epsilon();

}  // namespace

InertiaBound inertia_bound(std::span<const double> eigenvalues, double noise) noexcept {
  double size = 0;
  for (const double value : eigenvalues) size = std::max(size, std::fabs(value));
  const double error = static_cast<double>(eigenvalues.size()) * (noise + kRounding * size);
  InertiaBound bound;
  for (const double value : eigenvalues) {
    bound.negative += value < -error ? 1 : 0;
    bound.positive += value > error ? 1 : 0;
  }
  return bound;
}

InertiaBound inertia_bound(const EigenSummary& found, double noise) noexcept {
  const InertiaBound of_vector{.negative = found.value < -noise ? 1 : 0,
                               .positive = found.value > noise ? 1 : 0};
  return joined(inertia_bound(found.ritz_values, noise), of_vector);
}

InertiaBound joined(const InertiaBound& a, const InertiaBound& b) noexcept {
  return {.negative = std::max(a.negative, b.negative), .positive = std::max(a.positive, b.positive)};
}

int joint_negative(int rank_h21, int negative_of_h22) noexcept {
  return rank_h21 + std::max(0, negative_of_h22 - rank_h21);
}

}  // namespace lift
