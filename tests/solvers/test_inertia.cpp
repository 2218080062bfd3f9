#include "solvers/inertia.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "solvers/definiteness.hpp"
#include "solvers/shard_algebra.hpp"
#include "tests/solvers/sharded_operator.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

int below(const std::vector<double>& values, double limit) {
  return static_cast<int>(std::ranges::count_if(values, [&](double value) { return value < limit; }));
}

class InertiaTest : public testing::Test {
 protected:
  Definiteness of(const SymmetricOperator& h, const std::vector<double>& start, double noise,
                  const EigenOptions& options) {
    const ShardMap layout(std::ssize(start), world_.size());
    const std::vector<double> shard(start.begin() + layout.begin(world_.rank()),
                                    start.begin() + layout.end(world_.rank()));
    return check_definite(h, shard, layout, world_, noise, options);
  }
  Definiteness of(const std::vector<double>& eigenvalues, std::uint64_t seed, const EigenOptions& options,
                  double noise = 1e-12) {
    test::ShardedOperator h(test::with_spectrum(eigenvalues, 21), world_);
    const auto found = of(h.callable(), test::normals(eigenvalues.size(), seed), noise, options);
    EXPECT_EQ(h.products(), found.least.products) << "none of the count's own";
    return found;
  }
  const Communicator world_ = Communicator::world();
};

/// `negative` eigenvalues from −2 to −0.02, and the others from 0.05 to 5.
std::vector<double> spectrum(int n, int negative) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) {
    const double part = i < negative ? (i + 1.0) / negative : (i - negative + 1.0) / (n - negative);
    values.push_back((i < negative ? -2 : 5) * std::pow(100, part - 1));
  }
  return values;
}

TEST_F(InertiaTest, AsManyStepsAsCoordinatesKnowItInFull) {
  for (const int negative : {0, 1, 29, 30}) {
    const auto found = of(spectrum(30, negative), 3, {.max_products = 31, .basis = 30});
    EXPECT_EQ(found.inertia.negative, negative);
    EXPECT_EQ(found.inertia.positive, 30 - negative);
  }
}

TEST_F(InertiaTest, APartOfTheStepsFindsMoreAndMoreAndNeverTooMany) {
  test::ShardedOperator h(test::with_spectrum(spectrum(100, 12), 21), world_);
  int most = 0;
  for (const int basis : {3, 12, 50, 99}) {
    int found_most = 0;
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      const auto found =
          of(h.callable(), test::normals(100, seed), 1e-12, {.max_products = basis + 1, .basis = basis});
      EXPECT_LE(found.inertia.negative, 12) << basis;
      EXPECT_LE(found.inertia.positive, 88) << basis;
      EXPECT_EQ(found.least.ritz_values.size(), static_cast<std::size_t>(basis));
      found_most = std::max(found_most, found.inertia.negative);
    }
    EXPECT_GE(found_most, most);
    most = found_most;
  }
  EXPECT_GE(most, 11);
}

/// Restarts change neither T nor the count.
TEST_F(InertiaTest, TheRitzValuesAreThoseOfTheFirstSteps) {
  test::ShardedOperator h(test::with_spectrum(spectrum(100, 12), 21), world_);
  const auto start = h.shard(test::normals(100, 4));
  LanczosOptions twelve;
  twelve.steps = 12;
  const auto t = lanczos(h.callable(), start, h.layout(), world_, twelve);
  for (const int budget : {13, 60}) {
    const auto found =
        least_eigenvalue(h.callable(), start, h.layout(), world_, {.max_products = budget, .basis = 12});
    EXPECT_THAT(found.ritz_values, testing::Pointwise(testing::DoubleNear(1e-11), t.ritz_values)) << budget;
  }
}

TEST_F(InertiaTest, OneEigenvalueManyTimesIsCountedOnce) {
  std::vector<double> eigenvalues(40, 2.0);
  std::fill(eigenvalues.begin(), eigenvalues.begin() + 9, -1.0);
  const auto found = of(eigenvalues, 5, {.max_products = 40, .basis = 20});
  EXPECT_GE(found.inertia.negative, 1);
  EXPECT_LE(found.inertia.negative, 9);
  EXPECT_LE(found.inertia.positive, 31);
}

/// H = δI > 0; each product is wrong by η along u alone, xᵀHx of a unit x by no more than that. Counted one
/// by one the Ritz values below −η say that H has a negative eigenvalue.
TEST_F(InertiaTest, ErrorsThatConspireMakeNoNegativeEigenvalue) {
  constexpr double kEta = 1e-3, kDelta = 1e-5;
  std::vector<double> start(8, 0.0);
  start[0] = start[1] = 1;
  const ShardMap layout(8, world_.size());
  const auto h = [&](std::span<const double> x, std::span<double> y) {
    const bool holds_u = layout.begin(world_.rank()) == 0 && !x.empty();
    for (std::size_t k = 0; k < x.size(); ++k) y[k] = kDelta * x[k];
    if (holds_u) y[0] -= std::copysign(kEta, x[0]);
  };
  const auto found = of(h, start, kEta, {.max_products = 9, .basis = 8});
  EXPECT_GE(below(found.least.ritz_values, -1.3 * kEta), 1) << "a count without m would claim one";
  EXPECT_EQ(found.inertia.negative, 0);
  EXPECT_NE(found.verdict, Verdict::fails);
}

/// Entries that are wrong by up to η, differently above and below the diagonal.
TEST_F(InertiaTest, NoiseOfAnyKindNeverAddsANegativeEigenvalue) {
  constexpr double kEta = 1e-2;
  std::vector<double> eigenvalues(60, 0.0);
  for (int i = 0; i < 5; ++i) eigenvalues[static_cast<std::size_t>(i)] = -10.0 - i;
  for (int i = 30; i < 60; ++i) eigenvalues[static_cast<std::size_t>(i)] = i;
  test::ShardedOperator h(test::with_spectrum(eigenvalues, 8), world_);
  auto noise = test::normals(60 * 60, 9);
  const double largest = std::accumulate(noise.begin(), noise.end(), 0.0,
                                         [](double a, double b) { return std::max(a, std::fabs(b)); });
  scale(kEta / (largest * 60), noise);  // its norm is at most kEta
  test::DenseMatrix wrong = h.matrix();
  axpy(1, noise, wrong.entries);
  test::ShardedOperator rough(wrong, world_);
  int most = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    for (const int basis : {10, 30, 60}) {
      const auto found =
          of(rough.callable(), test::normals(60, seed), kEta, {.max_products = basis + 1, .basis = basis});
      EXPECT_LE(found.inertia.negative, 5) << basis;
      EXPECT_LE(found.inertia.positive, 30) << basis;
      most = std::max(most, found.inertia.negative);
    }
  }
  EXPECT_EQ(most, 5);
}

TEST_F(InertiaTest, MatricesOfAnyOrderAreWrongByTheirOrderTimesTheNoise) {
  const std::vector<double> values{-3, -2, -0.5, 0, 1, 4};
  const auto bound = inertia_bound(values, 0.1);  // 6 · 0.1
  EXPECT_EQ(bound.negative, 2);
  EXPECT_EQ(bound.positive, 2);
  EXPECT_EQ(inertia_bound(values, 0).negative, 3);
  EXPECT_EQ(inertia_bound(values, 1).negative, 0);
  EXPECT_EQ(inertia_bound(std::vector<double>{}, 0).negative, 0);
  EXPECT_EQ(inertia_bound(std::vector<double>{-1, -1e-16, 1e-16, 1}, 0).negative, 1) << "rounding";
}

/// Against the joint matrix itself, of every rank of H21 and number of negative eigenvalues of H22.
TEST_F(InertiaTest, TheJointHessianHasAtLeastTheNegativesOfTheFormula) {
  constexpr int kP = 3, kN = 9;
  for (int rank = 0; rank <= kP; ++rank) {
    for (const int negative : {0, 1, 4, kN}) {
      const auto h22 = test::with_spectrum(spectrum(kN, negative), 40);
      test::DenseMatrix joint{kP + kN, std::vector<double>((kP + kN) * (kP + kN), 0.0)};
      const auto cross = test::normals(static_cast<std::size_t>(rank * kN), 41);
      for (int i = 0; i < kN; ++i) {
        for (int j = 0; j < kN; ++j) joint.entries[(kP + i) * (kP + kN) + kP + j] = h22.at(i, j);
        for (int j = 0; j < rank; ++j)
          joint.entries[(kP + i) * (kP + kN) + j] = joint.entries[j * (kP + kN) + kP + i] = cross[j * kN + i];
      }
      test::ShardedOperator h(joint, world_);
      const auto found = of(h.callable(), test::normals(kP + kN, 42), 1e-12,
                            {.max_products = kP + kN + 1, .basis = kP + kN});
      const int bound = joint_negative(rank, negative);
      EXPECT_EQ(bound, std::max(rank, negative));
      EXPECT_GE(found.inertia.negative, bound) << rank << ", " << negative;
    }
  }
}

TEST_F(InertiaTest, WhatIsNotFiniteProvesNothing) {
  const auto h = [](std::span<const double>, std::span<double> y) { std::ranges::fill(y, std::nan("")); };
  const auto found = of(h, std::vector<double>(8, 1.0), 0, {});
  EXPECT_EQ(found.inertia.negative, 0);
  EXPECT_EQ(found.inertia.positive, 0);
}

}  // namespace
}  // namespace lift
