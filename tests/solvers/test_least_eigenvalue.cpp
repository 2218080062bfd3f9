#include "solvers/least_eigenvalue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "solvers/shard_algebra.hpp"
#include "tests/solvers/sharded_operator.hpp"

namespace lift {
namespace {

std::vector<double> normals(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  Philox(seed, RandomStream::test).normals(0, 0, std::span<double>(values));
  return values;
}

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

/// Of many starts no more than the probability allows may break the bound; here none does.
TEST(LeastEigenvalue, ItsLowerBoundHolds) {
  const auto world = Communicator::world();
  int finite = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    test::ShardedOperator h(test::with_spectrum(spectrum(80, -0.5, 4), 5), world);
    EigenOptions options{.max_products = 40, .basis = 25, .tol = 1e-14, .failure = 0.01};
    const auto s = run(h, world, options, 100 + seed);
    EXPECT_LE(s.lower_bound, -0.5 + 1e-12);
    EXPECT_EQ(s.steps, 25);
    finite += std::isfinite(s.lower_bound) ? 1 : 0;
  }
  EXPECT_EQ(finite, 20);
  test::ShardedOperator h(test::with_spectrum(spectrum(80, -0.5, 4), 5), world);
  const auto few = run(h, world, {.max_products = 6, .basis = 5});
  EXPECT_EQ(few.lower_bound, -std::numeric_limits<double>::infinity()) << "five steps say nothing";
}

TEST(LeastEigenvalue, TheMarginIsTheTheorems) {
  const double root = std::log(1.648 * 1000 / 0.01) / 99;
  EXPECT_DOUBLE_EQ(lanczos_margin(1'000'000, 50, 0.01), root * root);
  EXPECT_EQ(lanczos_margin(10, 0, 0.1), std::numeric_limits<double>::infinity());
}

TEST(LeastEigenvalue, AMultipleOfTheIdentityIsFoundAtOnce) {
  const auto world = Communicator::world();
  for (const double value : {0.0, -2.0}) {
    test::ShardedOperator h(test::with_spectrum(std::vector<double>(40, value), 1), world);
    const auto s = run(h, world);
    EXPECT_EQ(s.status, EigenStatus::converged) << s.message;
    EXPECT_NEAR(s.value, value, 1e-12);
  }
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

TEST(LeastEigenvalue, WhatTheOperatorThrowsComesThrough) {
  const auto world = Communicator::world();
  const ShardMap layout(20, world.size());
  const std::vector<double> start(static_cast<std::size_t>(layout.size(world.rank())), 1.0);
  const auto h = [](std::span<const double>, std::span<double>) {
    throw AgreedError(ExitCode::numerical, "a product went wrong");
  };
  EXPECT_THROW(static_cast<void>(least_eigenvalue(h, start, layout, world)), AgreedError);
}

}  // namespace
}  // namespace lift
