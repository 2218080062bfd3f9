#include "solvers/krylov_basis.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi/error.hpp"
#include "solvers/shard_algebra.hpp"
#include "tests/solvers/sharded_operator.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift::test {
namespace {

class KrylovBasisTest : public ::testing::Test {
 protected:
  KrylovBasisTest() : h_(with_spectrum(spectrum(), 11), world_), single_(h_.callable()) {}
  static std::vector<double> spectrum() {
    auto values = geometric(40, 1e-2, 1);
    values.insert(values.begin(), {-0.5, -0.1});
    return values;
  }
  /// One call for all of them.
  BlockOperator block() {
    return [this](std::span<const std::span<const double>> x, std::span<const std::span<double>> y) {
      ++calls_;
      for (std::size_t j = 0; j < x.size(); ++j) single_(x[j], y[j]);
    };
  }
  /// y of the unit vectors: U, whole.
  std::vector<std::vector<double>> vectors(const KrylovBasis& basis) {
    std::vector<std::vector<double>> all;
    for (int i = 0; i < basis.size(); ++i) {
      std::vector<double> unit(basis.size(), 0.0);
      unit[i] = 1;
      all.push_back(h_.whole(basis.expand(unit)));
    }
    return all;
  }
  Communicator world_ = Communicator::world();
  ShardedOperator h_;
  SymmetricOperator single_;
  int calls_ = 0;
};

std::vector<double> shifted_inverse(const KrylovBasis& basis, double mu, int chain) {
  return basis.function([mu](double theta) { return 1 / (theta + mu); }, chain);
}

/// ‖b − (H + μ)x‖ by the dense matrix.
double residual_of(const DenseMatrix& h, double mu, const std::vector<double>& b,
                   const std::vector<double>& x) {
  const auto product = h.times(x);
  double square = 0;
  for (std::size_t k = 0; k < b.size(); ++k) square += std::pow(b[k] - product[k] - mu * x[k], 2);
  return std::sqrt(square);
}

TEST_F(KrylovBasisTest, IsOrthonormalAndItsRitzValuesAreThoseOfTheMatrixOnIt) {
  const auto h = block();
  KrylovBasis basis(h, h_.layout(), world_);
  for (int seed = 1; seed <= 3; ++seed) basis.start(h_.shard(normals(42, seed)));
  const std::vector<int> all{0, 1, 2}, two{0, 2};
  for (int step = 0; step < 4; ++step) ASSERT_TRUE(basis.grow(step % 2 == 0 ? all : two));
  ASSERT_EQ(basis.size(), 10);
  EXPECT_EQ(calls_, 4);
  EXPECT_EQ(basis.products(), 10);
  EXPECT_EQ(h_.products(), 10);
  const auto u = vectors(basis);
  std::vector<double> t;
  for (const auto& a : u) {
    const auto product = h_.matrix().times(a);
    for (const auto& b : u) {
      EXPECT_NEAR(dot_dense(a, b), &a == &b ? 1 : 0, 1e-13);
      t.push_back(dot_dense(product, b));
    }
  }
  const auto expected = symmetric_eigen(t, 10);
  for (int i = 0; i < 10; ++i) {
    EXPECT_NEAR(basis.ritz().values[i], expected.values[i], 1e-13);
    // x = U s, whole.
    std::vector<double> x(42, 0.0);
    for (int j = 0; j < 10; ++j)
      for (int k = 0; k < 42; ++k) x[k] += basis.ritz().vectors[i * 10 + j] * u[j][k];
    const std::vector<double> zero(42, 0.0);
    EXPECT_NEAR(basis.ritz_residual(i), residual_of(h_.matrix(), -basis.ritz().values[i], zero, x), 1e-13);
  }
}

TEST_F(KrylovBasisTest, KnowsTheResidualOfAnyRightHandSideAtAnyShift) {
  const auto h = block();
  KrylovBasis basis(h, h_.layout(), world_);
  const auto b = normals(42, 1), c = normals(42, 2);
  const int first = basis.start(h_.shard(b));
  for (int step = 0; step < 6; ++step) ASSERT_TRUE(basis.grow({&first, 1}));
  const int second = basis.start(h_.shard(c));
  const auto expect = [&](int chain, const std::vector<double>& rhs) {
    for (const double mu : {0.6, 2.0}) {
      const auto y = shifted_inverse(basis, mu, chain);
      const auto x = h_.whole(basis.expand(y));
      const double residual = residual_of(h_.matrix(), mu, rhs, x);
      EXPECT_NEAR(basis.residual(y, chain), residual, 1e-12 * basis.length(chain));
      EXPECT_NEAR(norm2(basis.residual_vector(y, chain), world_), residual, 1e-12 * basis.length(chain));
    }
  };
  expect(second, c);  // before its first product: only what the first chain knows of it
  for (int step = 0; step < 5; ++step) {
    ASSERT_TRUE(basis.grow({&second, 1}));
    expect(first, b);
    expect(second, c);
  }
}

TEST_F(KrylovBasisTest, FollowsThePartThatTakesMostOffAndEndsAtTheSolution) {
  const auto h = block();
  KrylovBasis basis(h, h_.layout(), world_);
  const auto b = normals(42, 1);
  auto c = h_.matrix().times(b);
  basis.start(h_.shard(b));
  const int in_it = basis.start(h_.shard(c));
  ASSERT_TRUE(basis.grow(std::vector<int>{0}));
  // c = Hb lies in the span of b and the first chain's head, so that its own has nothing new soon.
  double last = INFINITY;
  std::vector<double> y;
  for (;;) {
    y = shifted_inverse(basis, 0.7, in_it);
    const double residual = basis.residual(y, in_it);
    if (residual <= 1e-10 * basis.length(in_it)) break;
    const int next = basis.largest_part(y, in_it);
    ASSERT_GE(next, 0);
    ASSERT_LE(basis.size(), 42);
    ASSERT_TRUE(basis.grow({&next, 1}));
    last = residual;
  }
  EXPECT_LT(last, INFINITY);
  const auto x = h_.whole(basis.expand(y)), expected = solve_dense(h_.matrix(), 0.7, c);
  for (std::size_t k = 0; k < x.size(); ++k) EXPECT_NEAR(x[k], expected[k], 1e-8);
}

TEST_F(KrylovBasisTest, GivesAnyFunctionOnceTheSpaceIsInvariant) {
  const auto h = block();
  KrylovBasis basis(h, h_.layout(), world_);
  const auto b = normals(42, 5);
  const int chain = basis.start(h_.shard(b));
  while (!basis.closed(chain)) ASSERT_TRUE(basis.grow({&chain, 1}));
  EXPECT_LE(basis.size(), 42);
  const auto eigen = symmetric_eigen(h_.matrix().entries, 42);
  const auto y = basis.function([](double theta) { return 1 / (std::fabs(theta) + 0.01); }, chain);
  const auto x = h_.whole(basis.expand(y));
  std::vector<double> expected(42, 0.0);
  for (std::size_t i = 0; i < 42; ++i) {
    double part = 0;
    for (std::size_t k = 0; k < 42; ++k) part += eigen.vectors[i * 42 + k] * b[k];
    for (std::size_t k = 0; k < 42; ++k)
      expected[k] += part / (std::fabs(eigen.values[i]) + 0.01) * eigen.vectors[i * 42 + k];
  }
  for (std::size_t k = 0; k < 42; ++k) EXPECT_NEAR(x[k], expected[k], 1e-8);
}

TEST_F(KrylovBasisTest, DeflationSolvesItsPartAndMakesTheRestConjugateToIt) {
  const auto h = block();
  KrylovBasis basis(h, h_.layout(), world_);
  const int chain = basis.start(h_.shard(normals(42, 1)));
  for (int step = 0; step < 7; ++step) ASSERT_TRUE(basis.grow({&chain, 1}));
  const double mu = 0.6;
  const auto r = normals(42, 9);
  std::vector<double> shard = h_.shard(r), z(shard.size());
  basis.deflate(mu, shard, z);
  // Uᵀ(H + μ)z = Uᵀr: what a solve by U would leave is 0.
  const auto whole = h_.whole(z);
  auto product = h_.matrix().times(whole);
  for (std::size_t k = 0; k < 42; ++k) product[k] += mu * whole[k] - r[k];
  for (const auto& u : vectors(basis)) EXPECT_NEAR(dot_dense(u, product), 0, 1e-12);
  const auto other = normals(42, 10);
  shard = h_.shard(other);
  std::vector<double> of_other(shard.size());
  basis.deflate(mu, shard, of_other);
  EXPECT_NEAR(dot_dense(other, whole), dot_dense(r, h_.whole(of_other)), 1e-12);
}

TEST_F(KrylovBasisTest, ClosesAChainThatHasNothingNew) {
  const auto h = block();
  KrylovBasis basis(h, h_.layout(), world_);
  const auto b = normals(42, 1);
  const int first = basis.start(h_.shard(b));
  ASSERT_TRUE(basis.grow({&first, 1}));
  auto twice = b;
  for (double& entry : twice) entry *= 2;
  const int second = basis.start(h_.shard(twice));
  const int zero = basis.start(h_.shard(std::vector<double>(42, 0.0)));
  EXPECT_TRUE(basis.closed(second));
  EXPECT_TRUE(basis.closed(zero));
  ASSERT_TRUE(basis.grow(std::vector<int>{second, zero}));
  EXPECT_EQ(basis.size(), 1);
  EXPECT_EQ(h_.products(), 1);
  const auto y = shifted_inverse(basis, 1, first), y2 = shifted_inverse(basis, 1, second);
  EXPECT_NEAR(y2[0], 2 * y[0], 1e-14 * std::fabs(y2[0]));
}

TEST_F(KrylovBasisTest, SaysThatAProductIsNotFinite) {
  const BlockOperator h = [](std::span<const std::span<const double>>, std::span<const std::span<double>> y) {
    for (const auto& shard : y) std::ranges::fill(shard, NAN);
  };
  KrylovBasis basis(h, h_.layout(), world_);
  const int chain = basis.start(h_.shard(normals(42, 1)));
  EXPECT_FALSE(basis.grow({&chain, 1}));
}

}  // namespace
}  // namespace lift::test
