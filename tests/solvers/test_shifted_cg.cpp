#include "solvers/shifted_cg.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "tests/solvers/sharded_operator.hpp"

namespace lift {
namespace {

std::vector<double> normals(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  Philox(seed, RandomStream::test).normals(0, 0, std::span<double>(values));
  return values;
}

struct Solution {
  CgSummary summary;
  std::vector<double> x;  ///< whole
};

Solution solve(test::ShardedOperator& h, double mu, const std::vector<double>& b, int max_iterations,
               const Communicator& comm) {
  const auto rhs = h.shard(b);
  std::vector<double> x(rhs.size());
  Solution solution;
  solution.summary = solve_shifted(h.callable(), mu, rhs, 1e-12, max_iterations, h.layout(), comm, x);
  solution.x = h.whole(x);
  return solution;
}

TEST(ShiftedCg, AgreesWithElimination) {
  const auto world = Communicator::world();
  const std::vector<double> eigenvalues{0, 1e-2, 0.3, 0.3, 1, 2, 3, 5, 8, 13};
  test::ShardedOperator h(test::with_spectrum(eigenvalues, 31), world);
  const auto b = normals(10, 32);
  const auto solution = solve(h, 0.05, b, 100, world);
  EXPECT_EQ(solution.summary.end, CgEnd::converged);
  const auto wanted = test::solve_dense(h.matrix(), 0.05, b);
  for (int i = 0; i < 10; ++i) EXPECT_NEAR(solution.x[i], wanted[i], 1e-9);
  EXPECT_EQ(solution.summary.iterations, h.products());
  EXPECT_GE(solution.summary.least, 0.05 - 1e-12);
  EXPECT_LE(solution.summary.greatest, 13.05 + 1e-12);
  EXPECT_LT(solution.summary.least, 1);
  EXPECT_GT(solution.summary.greatest, 4);
}

TEST(ShiftedCg, EndsOnNegativeCurvature) {
  const auto world = Communicator::world();
  test::ShardedOperator mixed(test::with_spectrum({-2, 1, 1.5, 2, 3, 4, 5, 6}, 33), world);
  const auto solution = solve(mixed, 0.5, normals(8, 34), 100, world);
  EXPECT_EQ(solution.summary.end, CgEnd::indefinite);
  EXPECT_LE(solution.summary.least, 0);
  EXPECT_GE(solution.summary.least, -1.5);
  // Negative throughout, which PETSc's CG alone would solve.
  test::ShardedOperator negative(test::with_spectrum({-4, -3, -2, -1}, 35), world);
  EXPECT_EQ(solve(negative, 0, normals(4, 36), 100, world).summary.end, CgEnd::indefinite);
  EXPECT_EQ(negative.products(), 1);
  test::ShardedOperator zero(test::DenseMatrix{4, std::vector<double>(16, 0.0)}, world);
  EXPECT_EQ(solve(zero, 0, normals(4, 36), 100, world).summary.end, CgEnd::indefinite);
}

TEST(ShiftedCg, DeflatedByABasisGoesOnWhereThatEnds) {
  const auto world = Communicator::world();
  std::vector<double> eigenvalues;
  for (int i = 0; i < 60; ++i) eigenvalues.push_back(std::pow(10, -3.0 + 3.0 * i / 59));
  test::ShardedOperator h(test::with_spectrum(eigenvalues, 37), world);
  const auto b = normals(60, 38);
  const int whole = solve(h, 0, b, 500, world).summary.iterations;
  const auto single = h.callable();
  const BlockOperator block = one_by_one(single);
  for (const int size : {1, 5, 20, 40}) {
    KrylovBasis basis(block, h.layout(), world);
    const int chain = basis.start(h.shard(b));
    for (int i = 0; i < size; ++i) ASSERT_TRUE(basis.grow({&chain, 1}));
    const auto y = basis.function([](double theta) { return 1 / theta; }, chain);
    const auto r = basis.residual_vector(y, chain);
    std::vector<double> rest(r.size());
    const auto found = solve_shifted(single, 0, r, 1e-10, 500, h.layout(), world, rest, &basis);
    EXPECT_EQ(found.end, CgEnd::converged) << size;
    EXPECT_LE(size + found.iterations, whole + 5) << "in step with what CG does alone";
    auto x = h.whole(basis.expand(y));
    const auto more = h.whole(rest), wanted = test::solve_dense(h.matrix(), 0, b);
    for (int i = 0; i < 60; ++i)
      EXPECT_NEAR(x[i] + more[i], wanted[i], 1e-5 * std::fabs(wanted[i]) + 1e-6) << size;
  }
}

TEST(ShiftedCg, StopsAtItsIterationLimit) {
  const auto world = Communicator::world();
  std::vector<double> eigenvalues;
  for (int i = 0; i < 40; ++i) eigenvalues.push_back(std::pow(10.0, -0.1 * i));
  test::ShardedOperator h(test::with_spectrum(eigenvalues, 37), world);
  const auto stopped = solve(h, 0, normals(40, 38), 5, world);
  EXPECT_EQ(stopped.summary.end, CgEnd::iteration_limit);
  EXPECT_EQ(stopped.summary.iterations, 5);
  EXPECT_GT(test::dot_dense(stopped.x, stopped.x), 0) << "as far as it came";
  const int before = h.products();
  EXPECT_EQ(solve(h, 0, normals(40, 38), 0, world).summary.end, CgEnd::iteration_limit);
  EXPECT_EQ(h.products(), before);
}

TEST(ShiftedCg, FailsOnNumbersThatAreNotFinite) {
  const auto world = Communicator::world();
  auto matrix = test::with_spectrum({1, 2, 3, 4, 5}, 39);
  matrix.entries[12] = std::nan("");
  test::ShardedOperator h(matrix, world);
  EXPECT_EQ(solve(h, 0, normals(5, 40), 100, world).summary.end, CgEnd::not_finite);
}

TEST(ShiftedCg, PassesOnWhatTheOperatorThrows) {
  const auto world = Communicator::world();
  const ShardMap layout(6, world.size());
  std::vector<double> b(static_cast<std::size_t>(layout.size(world.rank())), 1.0), x(b.size());
  int calls = 0;
  const SymmetricOperator breaks = [&](std::span<const double> in, std::span<double> out) {
    if (++calls == 2) throw AgreedError(ExitCode::numerical, "the loss is not finite");
    for (std::size_t k = 0; k < in.size(); ++k)
      out[k] = in[k] * static_cast<double>(1 + layout.begin(world.rank()) + static_cast<std::int64_t>(k));
  };
  try {
    solve_shifted(breaks, 0, b, 1e-10, 50, layout, world, x);
    ADD_FAILURE() << "went on";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_STREQ(error.what(), "the loss is not finite");
  }
  // PETSc is fit for another solve.
  EXPECT_EQ(solve_shifted(breaks, 0, b, 1e-10, 50, layout, world, x).end, CgEnd::converged);
}

}  // namespace
}  // namespace lift
