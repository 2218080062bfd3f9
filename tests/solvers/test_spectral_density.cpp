#include "solvers/spectral_density.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mpi/error.hpp"
#include "solvers/shard_algebra.hpp"
#include "tests/solvers/sharded_operator.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

class SpectralDensity : public testing::Test {
 protected:
  SpectralQuadrature of(const std::vector<double>& eigenvalues, int steps, std::uint64_t seed = 31) {
    test::ShardedOperator h(test::with_spectrum(eigenvalues, 30), world_);
    const auto start = h.shard(test::normals(eigenvalues.size(), seed));
    const auto found = spectral_quadrature(h.callable(), start, steps, h.layout(), world_);
    EXPECT_EQ(found.products, h.products());
    return found;
  }
  const Communicator world_ = Communicator::world();
};

/// Σ w θ^k against vᵀH^k v / vᵀv, up to degree 2k − 1.
TEST_F(SpectralDensity, IntegratesPolynomialsExactly) {
  const auto eigenvalues = test::geometric(50, 0.1, 2);
  test::ShardedOperator h(test::with_spectrum(eigenvalues, 30), world_);
  const auto start = h.shard(test::normals(50, 31));
  const auto found = spectral_quadrature(h.callable(), start, 4, h.layout(), world_);
  ASSERT_EQ(found.nodes.size(), 4U);
  std::vector<double> power = start, next(start.size());
  const double whole = dot(start, start, world_);
  for (int degree = 0; degree <= 7; ++degree) {
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += found.weights[i] * std::pow(found.nodes[i], degree);
    const double moment = dot(start, power, world_) / whole;
    EXPECT_NEAR(sum, moment, 1e-11 * (1 + moment)) << degree;
    h.callable()(power, next);
    power = next;
  }
  double off = 0;
  for (std::size_t i = 0; i < 4; ++i) off += found.weights[i] * std::pow(found.nodes[i], 8);
  EXPECT_GT(std::fabs(off - dot(start, power, world_) / whole), 1e-9) << "one degree more is not exact";
}

TEST_F(SpectralDensity, SeesHowManyEigenvaluesAreWhere) {
  std::vector<double> eigenvalues(200, 0.0);
  for (int i = 0; i < 200; ++i)
    eigenvalues[i] = i < 150 ? 0.001 * (i % 10) : (i < 190 ? 1 + 0.001 * (i % 10) : -2);
  std::vector<SpectralQuadrature> several;
  for (std::uint64_t seed = 0; seed < 10; ++seed) several.push_back(of(eigenvalues, 30, 40 + seed));
  const auto mass = [&](double from, double to) {
    double sum = 0;
    for (int i = 0; i < 1000; ++i)
      sum += spectral_density(several, 0.05, from + (to - from) * (i + 0.5) / 1000) * (to - from) / 1000;
    return sum;
  };
  EXPECT_NEAR(mass(-0.5, 0.5), 0.75, 0.05);
  EXPECT_NEAR(mass(0.5, 1.5), 0.2, 0.05);
  EXPECT_NEAR(mass(-3, -1), 0.05, 0.03);
  EXPECT_NEAR(mass(-4, 4), 1, 1e-3);
}

/// Plain Lanczos loses orthogonality here, and its copies must not count twice.
TEST_F(SpectralDensity, CopiesShareTheirWeight) {
  auto eigenvalues = test::geometric(100, 1e-3, 1);
  eigenvalues.back() = 100;
  const auto found = of(eigenvalues, 60);
  EXPECT_NEAR(std::accumulate(found.weights.begin(), found.weights.end(), 0.0), 1, 1e-10);
  int copies = 0;
  double weight = 0;
  for (std::size_t i = 0; i < found.nodes.size(); ++i) {
    if (std::fabs(found.nodes[i] - 100) > 1e-6) continue;
    ++copies;
    weight += found.weights[i];
  }
  EXPECT_GT(copies, 1) << "nothing was lost, and nothing is tested";
  EXPECT_NEAR(weight, of(eigenvalues, 8).weights.back(), 1e-6);
}

TEST_F(SpectralDensity, EndsInAnInvariantSubspace) {
  const auto found = of(std::vector<double>(30, 2.5), 10);
  EXPECT_EQ(found.products, 1);
  ASSERT_EQ(found.nodes.size(), 1U);
  EXPECT_NEAR(found.nodes[0], 2.5, 1e-13);
  test::ShardedOperator h(test::with_spectrum({1, 2}, 1), world_);
  const auto nothing = spectral_quadrature(h.callable(), h.shard({0, 0}), 5, h.layout(), world_);
  EXPECT_TRUE(nothing.nodes.empty());
  EXPECT_EQ(nothing.status, LanczosStatus::invariant);
  EXPECT_EQ(spectral_density(std::vector{nothing}, 0.1, 1), 0) << "there is none";
  EXPECT_EQ(spectral_density(std::vector{nothing, found}, 0.1, 2.5),
            spectral_density(std::vector{found}, 0.1, 2.5));
  EXPECT_THROW(static_cast<void>(spectral_density(std::vector{found}, 0, 1)), Error);
  EXPECT_THROW(static_cast<void>(of({1, 2, 3}, 0)), AgreedError);
}

TEST_F(SpectralDensity, NumbersThatAreNotFiniteFailAndDoNotCount) {
  const ShardMap layout(8, world_.size());
  const std::vector<double> start(static_cast<std::size_t>(layout.size(world_.rank())), 1.0);
  const auto h = [](std::span<const double>, std::span<double> y) { std::ranges::fill(y, std::nan("")); };
  const auto failing = spectral_quadrature(h, start, 5, layout, world_);
  EXPECT_TRUE(failed(failing.status));
  EXPECT_TRUE(failing.nodes.empty());
  const auto found = of(test::geometric(20, 0.1, 2), 5);
  EXPECT_EQ(spectral_density(std::vector{failing, found}, 0.1, 1),
            spectral_density(std::vector{found}, 0.1, 1));
}

}  // namespace
}  // namespace lift
