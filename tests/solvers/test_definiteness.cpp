#include "solvers/definiteness.hpp"

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

using testing::HasSubstr;

class DefinitenessTest : public testing::Test {
 protected:
  Definiteness of(const std::vector<double>& eigenvalues, double noise, const EigenOptions& options = {}) {
    test::ShardedOperator h(test::with_spectrum(eigenvalues, 21), world_);
    auto found = check_definite(h.callable(), h.shard(test::normals(eigenvalues.size(), 22)), h.layout(),
                                world_, noise, options);
    std::vector<double> product(found.least.vector.size());
    h.callable()(found.least.vector, product);
    curvature_ = dot(found.least.vector, product, world_);
    return found;
  }
  const Communicator world_ = Communicator::world();
  double curvature_ = 0;  ///< of the vector last found
};

TEST_F(DefinitenessTest, AKnownNegativeEigenvalueFailsByItsVector) {
  auto eigenvalues = test::geometric(200, 1e-3, 10);
  eigenvalues[7] = -0.05;
  const auto found = of(eigenvalues, 1e-6, {.max_products = 150, .basis = 40});
  EXPECT_EQ(found.verdict, Verdict::fails);
  EXPECT_NEAR(curvature_, found.least.value, 1e-12);
  EXPECT_LT(curvature_, -1e-6);
  EXPECT_THAT(found.message, HasSubstr("fails: curvature -0.05"));
}

TEST_F(DefinitenessTest, AVectorProvesItBeforeItIsAnEigenvector) {
  auto eigenvalues = test::geometric(200, 1e-3, 10);
  for (int i = 0; i < 40; ++i) eigenvalues[i] = -1 - 0.01 * i;
  const auto found = of(eigenvalues, 1e-6, {.max_products = 8, .basis = 6});
  EXPECT_EQ(found.least.status, EigenStatus::budget_spent);
  EXPECT_EQ(found.verdict, Verdict::fails);
  EXPECT_LT(curvature_, -0.5);
}

TEST_F(DefinitenessTest, TheWholeSpectrumOfADenseModelHolds) {
  EXPECT_EQ(of({0.5, 1, 2, 3, 4}, 1e-9).verdict, Verdict::holds);
  EXPECT_EQ(of({1e-7, 1, 2, 3, 4}, 1e-6).verdict, Verdict::undecided) << "0 to within the noise";
}

/// By an eigenvalue that was found, though the bound says nothing; or by the bound before one was.
TEST_F(DefinitenessTest, APartOfTheSpectrumRefutesNothing) {
  auto eigenvalues = test::geometric(300, 8, 10);
  eigenvalues[0] = 1;
  const auto found = of(eigenvalues, 1e-9, {.max_products = 60, .basis = 14, .tol = 1e-4});
  EXPECT_EQ(found.verdict, Verdict::not_refuted) << found.message;
  EXPECT_TRUE(answered(found.least.status));
  EXPECT_LT(found.least.lower_bound, 0);
  EXPECT_THAT(found.message, HasSubstr("not refuted: least eigenvalue met 1, "));
  const auto bounded = of(test::geometric(300, 1, 10), 1e-9, {.max_products = 70, .basis = 60, .tol = 1e-9});
  EXPECT_EQ(bounded.verdict, Verdict::not_refuted) << bounded.message;
  EXPECT_FALSE(answered(bounded.least.status));
  EXPECT_GT(bounded.least.lower_bound, 0.5);
  EXPECT_LT(bounded.least.lower_bound, 1);
}

TEST_F(DefinitenessTest, SingularAndTooSmallABudgetAreUndecided) {
  auto eigenvalues = test::geometric(60, 0.1, 3);
  eigenvalues[3] = 0;
  EXPECT_EQ(of(eigenvalues, 1e-8, {.max_products = 200, .basis = 59}).verdict, Verdict::undecided);
  const auto few = of(test::geometric(300, 1e-3, 10), 1e-9, {.max_products = 6, .basis = 5});
  EXPECT_EQ(few.verdict, Verdict::undecided);
  EXPECT_THAT(few.message, HasSubstr("undecided, noise 1.0e-09: least eigenvalue not settled"));
}

TEST_F(DefinitenessTest, AValueThatItsResidualReachesBelowZeroRefutesNothingEither) {
  EigenSummary least;
  least.status = EigenStatus::converged;
  least.value = 1e-4;
  least.residual = 2e-4;
  EXPECT_EQ(judge_definite(least, 1e-6, 0.01).verdict, Verdict::undecided);
  least.residual = 5e-5;
  EXPECT_EQ(judge_definite(least, 1e-6, 0.01).verdict, Verdict::not_refuted);
  least.residual = 2e-4;
  least.lower_bound = 5e-5;
  EXPECT_EQ(judge_definite(least, 1e-6, 0.01).verdict, Verdict::not_refuted) << "by the bound";
}

TEST_F(DefinitenessTest, WhatIsWithinTheNoiseProvesNothing) {
  EXPECT_EQ(of({-1e-4, 1, 2, 3}, 1e-3).verdict, Verdict::undecided);
  EXPECT_EQ(of({-1e-4, 1, 2, 3}, 1e-5).verdict, Verdict::fails);
}

TEST_F(DefinitenessTest, ANoiseThatIsKnownLateChangesTheVerdict) {
  auto eigenvalues = test::geometric(60, 1e-1, 10);
  eigenvalues[3] = -0.05;
  const auto found = of(eigenvalues, 1e-6, {.max_products = 200, .basis = 60});
  ASSERT_EQ(found.verdict, Verdict::fails);
  EXPECT_EQ(judge_definite(found.least, 0.04, 0.01).verdict, Verdict::fails);
  const auto late = judge_definite(found.least, 0.06, 0.01);
  EXPECT_EQ(late.verdict, Verdict::undecided);
  EXPECT_EQ(late.noise, 0.06);
  EXPECT_THAT(late.message, HasSubstr("noise 6.0e-02"));
}

TEST_F(DefinitenessTest, NumbersThatAreNotFiniteDecideNothing) {
  const ShardMap layout(8, world_.size());
  const std::vector<double> start(static_cast<std::size_t>(layout.size(world_.rank())), 1.0);
  const auto h = [](std::span<const double>, std::span<double> y) { std::ranges::fill(y, std::nan("")); };
  const auto found = check_definite(h, start, layout, world_, 0);
  EXPECT_EQ(found.verdict, Verdict::undecided);
  EXPECT_THAT(found.message, HasSubstr("not finite"));
}

TEST_F(DefinitenessTest, RefusesANoiseThatIsNone) {
  for (const double noise : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THROW(of({1, 2, 3}, noise), AgreedError) << noise;
}

}  // namespace
}  // namespace lift
