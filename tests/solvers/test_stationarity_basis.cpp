#include <gtest/gtest.h>

#include <cmath>

#include "mpi/error.hpp"
#include "solvers/symmetric_eigen.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift::test {
namespace {

std::vector<double> indefinite_spectrum() {
  auto values = geometric(50, 1e-3, 1);
  values.insert(values.begin(), {-0.8, -0.3, -0.05});
  return values;
}

StationarityOptions absolute(double mu) {
  auto options = with_mu(mu);
  options.inverse = DampedInverse::absolute;
  options.basis = 200;
  return options;
}

/// (|H| + mu)⁻¹ b by the dense spectrum.
std::vector<double> absolute_inverse(const DenseMatrix& h, double mu, const std::vector<double>& b) {
  const auto size = static_cast<std::size_t>(h.size);
  const auto eigen = symmetric_eigen(h.entries, static_cast<int>(size));
  std::vector<double> x(size, 0.0);
  for (std::size_t i = 0; i < size; ++i) {
    const std::vector<double> v(eigen.vectors.begin() + static_cast<std::ptrdiff_t>(i * size),
                                eigen.vectors.begin() + static_cast<std::ptrdiff_t>((i + 1) * size));
    const double part = dot_dense(v, b) / (std::fabs(eigen.values[i]) + mu);
    for (std::size_t k = 0; k < size; ++k) x[k] += part * v[k];
  }
  return x;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected, double tol) {
  ASSERT_EQ(found.size(), expected.size());
  const double length = std::sqrt(dot_dense(expected, expected));
  for (std::size_t k = 0; k < found.size(); ++k) EXPECT_NEAR(found[k], expected[k], tol * length);
}

TEST(StationarityBasis, AbsoluteCurvatureIsThatOfTheDenseSpectrum) {
  const auto instance = random_instance(indefinite_spectrum(), 3, 900);
  const auto found = solve(instance, absolute(0.05));
  EXPECT_EQ(found.summary.status, StationarityStatus::solved) << found.summary.message;
  EXPECT_EQ(found.summary.mu, 0.05) << "never raised";
  EXPECT_EQ(found.summary.products, found.products);
  expect_near(found.q, absolute_inverse(instance.h22, 0.05, instance.g), 1e-6);
  std::vector<double> rhs(53, 0.0);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 53; ++k) rhs[k] -= instance.h21[i][k] * found.summary.dlambda[i];
  expect_near(found.dw, absolute_inverse(instance.h22, 0.05, rhs), 1e-6);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(found.summary.gamma[i], -dot_dense(instance.h21[i], found.q), 1e-9);
    EXPECT_EQ(found.summary.dlambda[i], -std::copysign(instance.s[i], found.summary.gamma[i]));
  }
}

TEST(StationarityBasis, AbsoluteCurvatureDescendsHoweverFewTheProducts) {
  const auto instance = random_instance(indefinite_spectrum(), 3, 901);
  for (const std::int64_t products : {1, 2, 5, 12, 40}) {
    auto options = absolute(0.05);
    options.max_products = products;
    const auto found = solve(instance, options);
    EXPECT_FALSE(failed(found.summary.status)) << found.summary.message;
    EXPECT_LE(found.products, products) << "nothing is measured beside";
    EXPECT_LT(found.summary.g_dw, 0);
    EXPECT_NEAR(found.summary.g_dw, found.summary.predicted, 1e-12 * std::fabs(found.summary.predicted));
    EXPECT_EQ(found.summary.raises, 0);
  }
}

TEST(StationarityBasis, AbsoluteCurvatureIsCurvatureWhereThatIsPositive) {
  const auto instance = random_instance(geometric(40, 0.1, 1), 2, 902);
  const auto found = solve(instance, absolute(0.01)), shifted = solve(instance, with_mu(0.01));
  expect_near(found.q, shifted.q, 1e-7);
  expect_near(found.dw, shifted.dw, 1e-7);
}

TEST(StationarityBasis, AbsoluteCurvatureChoosesADampingAndSaysWhenItsBasisIsFull) {
  const auto instance = random_instance(indefinite_spectrum(), 3, 903);
  StationarityOptions options;
  options.inverse = DampedInverse::absolute;
  options.basis = 12;
  options.tol = 1e-12;
  const auto found = solve(instance, options);
  EXPECT_EQ(found.summary.status, StationarityStatus::iteration_limit) << found.summary.message;
  EXPECT_EQ(found.products, 12);
  EXPECT_EQ(found.summary.q_iterations, 2) << "beside the eight that chose the damping";
  EXPECT_EQ(found.summary.z_iterations, 2) << "each has its share of the basis";
  EXPECT_GT(found.summary.mu, 0);
  EXPECT_LE(found.summary.mu, 1.001e-3);
  EXPECT_GT(std::max(found.summary.q_residual, found.summary.z_residual), 1e-12);
}

TEST(StationarityBasis, AFullBasisIsWhatCgIsDeflatedBy) {
  const auto instance = random_instance(geometric(80, 1e-3, 1), 3, 904);
  const auto whole = [&] {
    auto options = with_mu(0);
    options.basis = 200;
    return solve(instance, options);
  }();
  expect_solved(whole);
  for (const int basis : {1, 5, 20}) {
    auto options = with_mu(0);
    options.basis = basis;
    const auto found = solve(instance, options);
    expect_solved(found);
    expect_near(found.q, whole.q, 1e-5);
    expect_near(found.dw, whole.dw, 1e-5);
  }
}

TEST(StationarityBasis, NegativeCurvatureBeyondTheBasisRaisesTheDampingToo) {
  const auto instance = random_instance(indefinite_spectrum(), 3, 905);
  auto options = with_mu(1e-3);
  options.basis = 2;
  const auto found = solve(instance, options);
  EXPECT_EQ(found.summary.status, StationarityStatus::solved) << found.summary.message;
  EXPECT_GT(found.summary.raises, 0);
  EXPECT_GT(found.summary.mu, 0.8);
  options.basis = 200;
  const auto whole = solve(instance, options);
  EXPECT_GT(whole.summary.raises, 0);
  EXPECT_LT(whole.products, found.products) << "a raise costs nothing where the basis holds what was done";
}

}  // namespace
}  // namespace lift::test
