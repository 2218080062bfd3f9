#include "solvers/restricted_form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "solvers/semidefinite_factor.hpp"
#include "solvers/symmetric_eigen.hpp"

namespace lift {
namespace {

constexpr double kFactor = 10;         ///< of the asymmetry that a few vectors show
constexpr double kFloor = 4;           ///< roundings of the largest curvature
constexpr double kIndependent = 1e-8;  ///< of a vector's square, what the others must leave of it

std::size_t order_of(std::span<const double> matrix) {
  return static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(matrix.size()))));
}

/// L⁻¹ M L⁻ᵀ of the rows that the factor kept.
std::vector<double> relative_to(const SemidefiniteFactor& gram, const std::vector<double>& form,
                                std::size_t m) {
  const auto rank = static_cast<std::size_t>(gram.rank());
  const auto index = [&](std::size_t i) {
    return static_cast<std::size_t>(gram.original(static_cast<int>(i)));
  };
  const auto lower = [&](std::size_t i, std::size_t j) {
    return gram.lower(static_cast<int>(i), static_cast<int>(j));
  };
  std::vector<double> c(rank * rank);
  for (std::size_t i = 0; i < rank; ++i) {
    for (std::size_t j = 0; j < rank; ++j) c[i * rank + j] = form[index(i) * m + index(j)];
  }
  for (std::size_t i = 0; i < rank; ++i) {
    for (std::size_t j = 0; j < rank; ++j) {
      for (std::size_t k = 0; k < i; ++k) c[i * rank + j] -= lower(i, k) * c[k * rank + j];
      c[i * rank + j] /= lower(i, i);
    }
  }
  for (std::size_t i = 0; i < rank; ++i) {
    for (std::size_t j = 0; j < rank; ++j) {
      for (std::size_t k = 0; k < j; ++k) c[i * rank + j] -= lower(j, k) * c[i * rank + k];
      c[i * rank + j] /= lower(j, j);
    }
  }
  return c;
}

void finish(RestrictedForm& found, std::span<const double> eigenvalues, double eps) {
  double largest = 0;
  for (const double value : eigenvalues) largest = std::max(largest, std::fabs(value));
  found.noise = product_noise(found.asymmetry, eps, largest);
  found.inertia = inertia_bound(eigenvalues, found.noise);
  if (found.ritz_values.empty()) return;
  const int negative = found.inertia.negative;
  found.message = fmt::format(
      "curvature {:.4g} to {:.4g} on the span of {} vectors, noise {:.1e}: positive definiteness {}",
      found.ritz_values.front(), found.ritz_values.back(), found.vectors, found.noise,
      negative > 0
          ? fmt::format("fails, at least {} negative eigenvalue{}", negative, negative == 1 ? "" : "s")
          : "is not refuted");
}

}  // namespace

double product_noise(double asymmetry, double eps, double largest) noexcept {
  return std::max(kFactor * asymmetry, kFloor * eps * largest);
}

RestrictedForm restricted_form(std::span<const double> gram, std::span<const double> form, double eps) {
  const std::size_t m = order_of(gram);
  RestrictedForm found;
  found.vectors = static_cast<int>(m);
  std::vector<double> unit(m * m), symmetric(m * m);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      const double lengths = std::sqrt(gram[i * m + i] * gram[j * m + j]);
      const double above = form[i * m + j] / lengths, under = form[j * m + i] / lengths;
      unit[i * m + j] = gram[i * m + j] / lengths;
      symmetric[i * m + j] = 0.5 * (above + under);
      found.asymmetry = std::max(found.asymmetry, std::fabs(above - under));
    }
  }
  const SemidefiniteFactor factor(unit, static_cast<int>(m), kIndependent);
  found.ritz_values = symmetric_eigen(relative_to(factor, symmetric, m), factor.rank()).values;
  finish(found, symmetric_eigen(std::move(symmetric), static_cast<int>(m)).values, eps);
  return found;
}

RestrictedForm restricted_form(const LanczosSummary& found, double eps) {
  RestrictedForm restricted;
  restricted.vectors = static_cast<int>(found.ritz_values.size());
  restricted.ritz_values = found.ritz_values;
  restricted.asymmetry = found.asymmetry;
  finish(restricted, found.ritz_values, eps);
  return restricted;
}

}  // namespace lift
