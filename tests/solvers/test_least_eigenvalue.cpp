#include "solvers/least_eigenvalue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/error.hpp"
#include "solvers/shard_algebra.hpp"
#include "tests/solvers/sharded_operator.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

using test::normals;

EigenSummary run(test::ShardedOperator& h, const Communicator& comm, const EigenOptions& options = {},
                 std::uint64_t seed = 2) {
  return least_eigenvalue(h.callable(), h.shard(normals(h.layout().total(), seed)), h.layout(), comm,
                          options);
}

/// `least`, then 1/1 … 1/(n − 1) and one large eigenvalue.
std::vector<double> spectrum(int n, double least, double largest) {
  std::vector<double> values{least};
  for (int i = 1; i + 1 < n; ++i) values.push_back(1.0 / i);
  values.push_back(largest);
  return values;
}

TEST(LeastEigenvalue, IsThatOfSmallDenseMatrices) {
  const auto world = Communicator::world();
  for (const int n : {1, 2, 3, 8}) {
    std::vector<double> eigenvalues;
    for (int i = 0; i < n; ++i) eigenvalues.push_back(i * i - 3.5);
    test::ShardedOperator h(test::with_spectrum(eigenvalues, 10 + n), world);
    const auto s = run(h, world);
    EXPECT_EQ(s.status, EigenStatus::converged) << s.message;
    EXPECT_NEAR(s.value, -3.5, 1e-9) << n;
    EXPECT_NEAR(s.largest, eigenvalues.back(), 1e-9) << n;
    EXPECT_NEAR(s.lower_bound, -3.5, 1e-6) << "as many steps as coordinates leave nothing open";
  }
}

TEST(LeastEigenvalue, FindsOneBelowZeroThroughRestartsAndProvesItByItsVector) {
  const auto world = Communicator::world();
  test::ShardedOperator h(test::with_spectrum(spectrum(300, -0.2, 50), 3), world);
  EigenOptions options{.max_products = 200, .basis = 12, .tol = 1e-7};
  const auto s = run(h, world, options);
  EXPECT_EQ(s.status, EigenStatus::converged) << s.message;
  EXPECT_GT(s.products, options.basis) << "a restart";
  EXPECT_LE(s.products, options.max_products);
  EXPECT_EQ(s.products, h.products());
  EXPECT_NEAR(s.value, -0.2, 1e-6);
  EXPECT_NEAR(norm2(s.vector, world), 1, 1e-12);
  std::vector<double> product(s.vector.size());
  h.callable()(s.vector, product);
  EXPECT_NEAR(dot(s.vector, product, world), s.value, 1e-12);
  axpy(-s.value, s.vector, product);
  EXPECT_NEAR(norm2(product, world), s.residual, 1e-12);
}

TEST(LeastEigenvalue, ABudgetTooSmallIsSaidWithTheBestVectorThereIs) {
  const auto world = Communicator::world();
  for (const int budget : {4, 8, 17}) {
    test::ShardedOperator h(test::with_spectrum(spectrum(300, -0.02, 50), 3), world);
    EigenOptions options{.max_products = budget, .basis = 6, .tol = 1e-9};
    const auto s = run(h, world, options);
    EXPECT_EQ(s.status, EigenStatus::budget_spent) << s.message;
    EXPECT_LE(h.products(), budget);
    EXPECT_GT(s.residual, 1e-6);
    EXPECT_GE(s.value, -0.02 - 1e-12);
    EXPECT_LE(s.value, 50);
  }
}

/// A spectrum that Lanczos finds the end of slowly, and a bound that may be wrong half of the time.
TEST(LeastEigenvalue, ItsLowerBoundIsTheTheoremsAndHolds) {
  const auto world = Communicator::world();
  std::vector<double> eigenvalues;
  for (int i = 0; i < 200; ++i) eigenvalues.push_back(i / 199.0);
  const EigenOptions options{.max_products = 13, .basis = 12, .tol = 1e-14, .failure = 0.5};
  int below = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    test::ShardedOperator h(test::with_spectrum(eigenvalues, 5), world);
    const auto s = run(h, world, options, 100 + seed);
    LanczosOptions twelve;
    twelve.steps = 12;
    const auto t = lanczos(h.callable(), h.shard(normals(200, 100 + seed)), h.layout(), world, twelve);
    const double root = std::log(1.648 * std::sqrt(200.0) / 0.25) / 23, epsilon = root * root;
    const double least = t.ritz_values.front(), spread = t.ritz_values.back() - least;
    EXPECT_EQ(s.steps, 12);
    EXPECT_NEAR(s.value, least, 1e-10);
    EXPECT_NEAR(s.largest, t.ritz_values.back(), 1e-10);
    EXPECT_NEAR(s.lower_bound, least - epsilon * spread / (1 - 2 * epsilon), 1e-10);
    EXPECT_FALSE(s.whole_spectrum);
    below += s.lower_bound <= 0 ? 1 : 0;
  }
  EXPECT_GE(below, 15);
  test::ShardedOperator h(test::with_spectrum(eigenvalues, 5), world);
  const auto few = run(h, world, {.max_products = 6, .basis = 5, .failure = 0.01});
  EXPECT_EQ(few.lower_bound, -std::numeric_limits<double>::infinity()) << "five steps say nothing";
}

TEST(LeastEigenvalue, TheMarginIsTheTheorems) {
  const double root = std::log(1.648 * 1000 / 0.01) / 99;
  EXPECT_DOUBLE_EQ(lanczos_margin(1'000'000, 50, 0.01), root * root);
  EXPECT_EQ(lanczos_margin(10, 0, 0.1), std::numeric_limits<double>::infinity());
}

/// Rounding alone takes the steps on; 0 among the eigenvalues, or alone.
TEST(LeastEigenvalue, FewDifferentEigenvaluesAreFoundWithinAnyBudget) {
  const auto world = Communicator::world();
  for (const auto& few : {std::vector<double>{0}, {-2}, {0, 1, 3}, {-1, 0.5, 2, 7}}) {
    std::vector<double> eigenvalues;
    for (int i = 0; i < 40; ++i) eigenvalues.push_back(few[i % few.size()]);
    for (const int budget : {8, 60}) {
      test::ShardedOperator h(test::with_spectrum(eigenvalues, 1), world);
      const auto s = run(h, world, {.max_products = budget, .basis = 6});
      EXPECT_EQ(s.status, EigenStatus::converged) << s.message;
      EXPECT_NEAR(s.value, few.front(), 1e-10);
      EXPECT_NEAR(s.largest, few.back(), 1e-10);
      EXPECT_LE(s.lower_bound, s.value);
      EXPECT_LE(h.products(), budget);
    }
  }
}

TEST(LeastEigenvalue, ProductsOfNoiseStall) {
  const auto world = Communicator::world();
  test::ShardedOperator h(test::with_spectrum(test::geometric(60, 0.1, 5), 3), world);
  const auto exact = h.callable();
  const auto rounded = [&](std::span<const double> x, std::span<double> y) {
    exact(x, y);
    for (double& entry : y) entry = static_cast<float>(entry);
  };
  const auto start = h.shard(normals(60, 4));
  const auto found = [&](double tol) {
    return least_eigenvalue(rounded, start, h.layout(), world,
                            {.max_products = 500, .basis = 30, .tol = tol});
  };
  EXPECT_EQ(found(1e-5).status, EigenStatus::converged);
  const auto stalled = found(1e-11);
  EXPECT_EQ(stalled.status, EigenStatus::stalled) << stalled.message;
  EXPECT_NEAR(stalled.value, 0.1, 1e-5);
  EXPECT_LT(stalled.products, 500);
}

TEST(LeastEigenvalue, ARerunHasTheSameBits) {
  const auto world = Communicator::world();
  std::vector<EigenSummary> found;
  for (int i = 0; i < 2; ++i) {
    test::ShardedOperator h(test::with_spectrum(spectrum(300, -0.2, 50), 3), world);
    found.push_back(run(h, world, {.max_products = 60, .basis = 12}));
  }
  EXPECT_EQ(found[0].value, found[1].value);
  EXPECT_EQ(found[0].vector, found[1].vector);
  EXPECT_EQ(found[0].lower_bound, found[1].lower_bound);
}

TEST(LeastEigenvalue, NumbersThatAreNotFiniteFail) {
  const auto world = Communicator::world();
  const ShardMap layout(20, world.size());
  std::vector<double> start(static_cast<std::size_t>(layout.size(world.rank())), 1.0);
  int products = 0;
  const auto h = [&](std::span<const double> x, std::span<double> y) {
    std::ranges::copy(x, y.begin());
    for (std::size_t k = 0; k < y.size(); ++k) y[k] *= static_cast<double>(k + 1);
    if (++products == 2 && !y.empty()) y[0] = std::nan("");
  };
  const auto s = least_eigenvalue(h, start, layout, world);
  EXPECT_EQ(s.status, EigenStatus::not_finite);
  EXPECT_THAT(s.message, testing::HasSubstr("product 2"));
}

TEST(LeastEigenvalue, RefusesWhatItCannotUse) {
  const auto world = Communicator::world();
  test::ShardedOperator h(test::with_spectrum({1, 2, 3, 4}, 1), world);
  const auto refused = [&](const EigenOptions& options) {
    EXPECT_THROW(static_cast<void>(run(h, world, options)), AgreedError);
  };
  refused({.max_products = 3});
  refused({.basis = 2});
  refused({.tol = 0});
  refused({.failure = 1});
  const std::vector<double> zero(static_cast<std::size_t>(h.layout().size(world.rank())), 0.0);
  EXPECT_THROW(static_cast<void>(least_eigenvalue(h.callable(), zero, h.layout(), world)), AgreedError);
}

TEST(LeastEigenvalue, WhatTheOperatorThrowsComesThroughAndLeavesNothingBroken) {
  const auto world = Communicator::world();
  test::ShardedOperator h(test::with_spectrum(spectrum(30, -1, 5), 3), world);
  const auto exact = h.callable();
  for (const int last : {1, 4, 9}) {
    int products = 0;
    const auto throws = [&](std::span<const double> x, std::span<double> y) {
      if (++products == last) throw AgreedError(ExitCode::numerical, "a product went wrong");
      exact(x, y);
    };
    try {
      static_cast<void>(least_eigenvalue(throws, h.shard(normals(30, 1)), h.layout(), world, {.basis = 6}));
      FAIL() << "expected an AgreedError";
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), ExitCode::numerical);
      EXPECT_THAT(error.what(), testing::HasSubstr("a product went wrong"));
    }
    EXPECT_EQ(products, last) << "it was called again";
  }
  EXPECT_EQ(run(h, world).status, EigenStatus::converged);
}

}  // namespace
}  // namespace lift
