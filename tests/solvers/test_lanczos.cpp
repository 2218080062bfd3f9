#include "solvers/lanczos.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "solvers/shard_algebra.hpp"
#include "solvers/tridiagonal.hpp"
#include "tests/solvers/sharded_operator.hpp"

namespace lift {
namespace {

std::vector<double> normals(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  Philox(seed, RandomStream::test).normals(0, 0, std::span<double>(values));
  return values;
}

LanczosSummary run(test::ShardedOperator& h, const std::vector<double>& start, const Communicator& comm,
                   const LanczosOptions& options = {}) {
  return lanczos(h.callable(), h.shard(start), h.layout(), comm, options);
}

TEST(Tridiagonal, HasTheEigenpairsOfTheSecondDifference) {
  for (const int k : {1, 2, 3, 10, 60}) {
    const std::vector<double> diagonal(k, 2.0), below(k, -1.0);
    const auto eigen = symmetric_tridiagonal_eigen(diagonal, below);
    ASSERT_EQ(eigen.values.size(), static_cast<std::size_t>(k));
    for (int i = 0; i < k; ++i) {
      EXPECT_NEAR(eigen.values[i], 2 - 2 * std::cos(3.141592653589793 * (i + 1) / (k + 1)), 1e-13);
      const double* v = eigen.vectors.data() + static_cast<std::ptrdiff_t>(i) * k;
      for (int j = 0; j < k; ++j) {
        const double product = 2 * v[j] - (j > 0 ? v[j - 1] : 0) - (j + 1 < k ? v[j + 1] : 0);
        EXPECT_NEAR(product, eigen.values[i] * v[j], 1e-13);
      }
    }
  }
}

TEST(Tridiagonal, SplitsAtZerosAndKeepsEqualEigenvalues) {
  const auto eigen =
      symmetric_tridiagonal_eigen(std::vector<double>{3, 1, 1, 3, -2}, std::vector<double>{0, 0, 4, 0});
  const double root = std::sqrt(17.0);
  const std::vector<double> wanted{2 - root, -2, 1, 3, 2 + root};
  for (int i = 0; i < 5; ++i) EXPECT_NEAR(eigen.values[i], wanted[i], 1e-14);
  const auto zero = symmetric_tridiagonal_eigen(std::vector<double>(4, 0.0), std::vector<double>(3, 0.0));
  EXPECT_EQ(zero.values, std::vector<double>(4, 0.0));
  EXPECT_TRUE(symmetric_tridiagonal_eigen({}, {}).values.empty());
}

TEST(Lanczos, FindsTheWholeSpectrumInAsManySteps) {
  const auto world = Communicator::world();
  const std::vector<double> eigenvalues{-3, -1e-3, 0, 0.5, 1, 2, 7, 40};
  test::ShardedOperator h(test::with_spectrum(eigenvalues, 1), world);
  const auto s = run(h, normals(8, 2), world);
  EXPECT_TRUE(answered(s.status));
  ASSERT_EQ(s.ritz_values.size(), 8U);
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(s.ritz_values[i], eigenvalues[i], 1e-11);
  EXPECT_EQ(s.products, 8);
  EXPECT_EQ(h.products(), 8);
  EXPECT_LE(s.asymmetry, 1e-12);
}

TEST(Lanczos, KeepsItsBasisOrthonormalAndItsRelation) {
  const auto world = Communicator::world();
  std::vector<double> eigenvalues;  // an outlier converges at once, where plain Lanczos loses orthogonality
  for (int i = 0; i < 60; ++i) eigenvalues.push_back(i == 0 ? 1e4 : 1.0 / i);
  test::ShardedOperator h(test::with_spectrum(eigenvalues, 3), world);
  LanczosOptions options;
  options.steps = 40;
  const auto s = run(h, normals(60, 4), world, options);
  const std::size_t k = s.basis.size();
  ASSERT_GT(k, 10U);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j)
      EXPECT_NEAR(dot(s.basis[i], s.basis[j], world), i == j ? 1 : 0, 1e-13);
    const auto hv = h.matrix().times(h.whole(s.basis[i]));
    for (std::size_t j = 0; j < k; ++j) {
      const double t = i == j ? s.alpha[i] : (i == j + 1 ? s.beta[j] : (j == i + 1 ? s.beta[i] : 0));
      EXPECT_NEAR(test::dot_dense(h.whole(s.basis[j]), hv), t, 1e-10);
    }
  }
}

TEST(Lanczos, HasAnEigenvalueWithinEveryBound) {
  const auto world = Communicator::world();
  const auto eigenvalues = normals(80, 5);
  test::ShardedOperator h(test::with_spectrum(eigenvalues, 6), world);
  for (const int steps : {1, 3, 8, 20}) {
    LanczosOptions options;
    options.steps = steps;
    const auto s = run(h, normals(80, 7), world, options);
    EXPECT_EQ(s.status, LanczosStatus::complete);
    ASSERT_EQ(s.bounds.size(), static_cast<std::size_t>(steps));
    double widest = 0;
    for (int i = 0; i < steps; ++i) {
      double nearest = 1e300;
      for (const double value : eigenvalues) nearest = std::min(nearest, std::fabs(value - s.ritz_values[i]));
      EXPECT_LE(nearest, s.bounds[i] + 1e-12);
      widest = std::max(widest, s.bounds[i]);
    }
    EXPECT_GT(widest, 1e-6) << "bounds that say something";
  }
}

TEST(Lanczos, HandsOverEveryProductAsItIsMade) {
  const auto world = Communicator::world();
  test::ShardedOperator h(test::with_spectrum(normals(30, 8), 9), world);
  std::vector<std::vector<double>> vectors;
  LanczosOptions options;
  options.steps = 5;
  options.on_vector = [&](int i, std::span<const double> v, std::span<const double> hv) {
    EXPECT_EQ(i, static_cast<int>(vectors.size()));
    vectors.emplace_back(v.begin(), v.end());
    const auto wanted = h.shard(h.matrix().times(h.whole(v)));
    EXPECT_EQ(std::vector<double>(hv.begin(), hv.end()), wanted);
  };
  const auto s = run(h, normals(30, 10), world, options);
  EXPECT_EQ(vectors, s.basis);
  EXPECT_EQ(h.products(), 5);
}

TEST(Lanczos, EndsEarlyOnAnInvariantSubspace) {
  const auto world = Communicator::world();
  // A projector times 3: start and its image span two dimensions.
  std::vector<double> eigenvalues(20, 0.0);
  for (int i = 0; i < 7; ++i) eigenvalues[i] = 3;
  test::ShardedOperator h(test::with_spectrum(eigenvalues, 11), world);
  const auto s = run(h, normals(20, 12), world);
  EXPECT_EQ(s.status, LanczosStatus::invariant);
  ASSERT_EQ(s.ritz_values.size(), 2U);
  EXPECT_NEAR(s.ritz_values[0], 0, 1e-13);
  EXPECT_NEAR(s.ritz_values[1], 3, 1e-13);
  EXPECT_LE(s.bounds[1], 1e-11);
  EXPECT_THAT(s.message, testing::HasSubstr("invariant"));

  const auto nothing = run(h, std::vector<double>(20, 0.0), world);
  EXPECT_EQ(nothing.status, LanczosStatus::invariant);
  EXPECT_TRUE(nothing.basis.empty() && nothing.ritz_values.empty());
  EXPECT_EQ(nothing.products, 0);

  test::ShardedOperator zero(test::DenseMatrix{20, std::vector<double>(400, 0.0)}, world);
  const auto one = run(zero, normals(20, 13), world);
  EXPECT_EQ(one.status, LanczosStatus::invariant);
  EXPECT_EQ(one.ritz_values, std::vector<double>{0.0});
}

TEST(Lanczos, MeasuresWhatAnOperatorLacksInSymmetry) {
  const auto world = Communicator::world();
  auto matrix = test::with_spectrum(normals(20, 14), 15);
  matrix.entries[3 * 20 + 11] += 1e-3;
  test::ShardedOperator h(matrix, world);
  const auto s = run(h, normals(20, 16), world);
  EXPECT_GT(s.asymmetry, 1e-6);
  EXPECT_LE(s.asymmetry, 1e-3);
}

TEST(Lanczos, FailsOnNumbersThatAreNotFinite) {
  const auto world = Communicator::world();
  auto matrix = test::with_spectrum(normals(20, 17), 18);
  matrix.entries[7 * 20 + 7] = std::nan("");
  test::ShardedOperator h(matrix, world);
  const auto s = run(h, normals(20, 19), world);
  EXPECT_EQ(s.status, LanczosStatus::not_finite);
  EXPECT_TRUE(failed(s.status));
  EXPECT_EQ(s.products, 1);
  auto start = normals(20, 19);
  start[3] = std::nan("");
  EXPECT_TRUE(failed(run(h, start, world).status));
}

TEST(Lanczos, AgreesOnAnyNumberOfRanks) {
  const auto world = Communicator::world();
  const auto self = Communicator::self();
  const auto matrix = test::with_spectrum(normals(50, 20), 21);
  test::ShardedOperator together(matrix, world), alone(matrix, self);
  const auto s = run(together, normals(50, 22), world), t = run(alone, normals(50, 22), self);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(s.ritz_values[i], t.ritz_values[i], 1e-12);
  std::vector<double> mine = s.ritz_values;
  mine.insert(mine.end(), s.bounds.begin(), s.bounds.end());
  auto root = mine;
  broadcast(host_buffer(std::span<double>(root)), 0, world);
  EXPECT_EQ(mine, root);
}

TEST(Lanczos, RefusesWrongInputOnEveryRank) {
  const auto world = Communicator::world();
  test::ShardedOperator h(test::with_spectrum(normals(9, 23), 24), world);
  LanczosOptions options;
  options.steps = 0;
  EXPECT_EQ(options.violation(), "steps = 0 violates steps >= 1");
  EXPECT_THROW(run(h, normals(9, 25), world, options), AgreedError);
  options = {};
  options.invariant_tol = -1;
  EXPECT_EQ(options.violation(), "invariant_tol = -1 violates invariant_tol >= 0");
  auto start = h.shard(normals(9, 25));
  if (world.rank() == world.size() - 1) start.push_back(1);
  EXPECT_THROW(lanczos(h.callable(), start, h.layout(), world), AgreedError);
  EXPECT_THROW(lanczos(h.callable(), start, ShardMap(9, world.size() + 1), world), AgreedError);
}

TEST(Lanczos, NamesItsStatuses) {
  EXPECT_STREQ(to_string(LanczosStatus::complete), "complete");
  EXPECT_STREQ(to_string(LanczosStatus::invariant), "invariant");
  EXPECT_STREQ(to_string(LanczosStatus::not_finite), "not_finite");
}

}  // namespace
}  // namespace lift
