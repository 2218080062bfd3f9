#include "solvers/schur_complement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpi/error.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

using namespace test;

TEST(SchurComplement, OfA1IsItsClosedForm) {
  const auto world = Communicator::world();
  const auto s = schur(instance_of({1.2}, {{10.0 / 3}}, {2.0 / 3}, {1}), {}, world);
  EXPECT_EQ(s.status, SchurStatus::solved) << s.message;
  ASSERT_EQ(s.s.size(), 1U);
  EXPECT_NEAR(s.s[0], -(100.0 / 9) / 1.2, 1e-13);
  EXPECT_NEAR(s.eigenvalues[0], s.s[0], 1e-15);
}

TEST(SchurComplement, AgreesWithElimination) {
  const auto world = Communicator::world();
  for (const double mu : {0.0, 0.3}) {
    const auto instance = random_instance(geometric(40, 0.05, 5), 3, 900);
    const auto s = schur(instance, {.mu = mu}, world);
    EXPECT_EQ(s.status, SchurStatus::solved) << s.message;
    ASSERT_EQ(s.s.size(), 9U);
    double trace = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      const auto x = solve_dense(instance.h22, mu, instance.h21[j]);
      for (std::size_t i = 0; i < 3; ++i) {
        const double expected = -dot_dense(instance.h21[i], x);
        EXPECT_NEAR(s.s[i * 3 + j], expected, 1e-6 * std::fabs(s.eigenvalues.front()));
        EXPECT_EQ(s.s[i * 3 + j], s.s[j * 3 + i]);
      }
      trace += s.s[j * 3 + j];
    }
    EXPECT_NEAR(s.eigenvalues[0] + s.eigenvalues[1] + s.eigenvalues[2], trace, 1e-12 * std::fabs(trace));
    EXPECT_LT(s.eigenvalues.back(), 0) << "S is negative definite";
    EXPECT_LE(s.asymmetry, 1e-7);
    EXPECT_LE(s.residual, 1e-7);
  }
}

TEST(SchurComplement, AWrongH12ShowsInItsSignOrAsymmetry) {
  const auto world = Communicator::world();
  const auto instance = random_instance(geometric(30, 0.1, 2), 2, 950);
  const auto turned = schur(instance, {}, world, {-1, -1});
  EXPECT_GT(turned.eigenvalues.front(), 0);
  EXPECT_EQ(turned.status, SchurStatus::stalled) << "S cannot be positive";
  const auto uneven = schur(instance, {}, world, {1, 3});
  EXPECT_GT(uneven.asymmetry, 0.1);
  EXPECT_EQ(uneven.status, SchurStatus::stalled);
}

TEST(SchurComplement, NumbersThatAreNotFiniteFail) {
  const auto world = Communicator::world();
  const auto instance = random_instance(geometric(20, 0.5, 2), 2, 960);
  EXPECT_EQ(schur(instance, {}, world, {1, std::nan("")}).status, SchurStatus::not_finite);
  auto wrong = instance;
  wrong.h21[1][3] = std::numeric_limits<double>::infinity();
  const auto found = schur(wrong, {}, world);
  EXPECT_EQ(found.status, SchurStatus::not_finite);
  EXPECT_TRUE(found.s.empty());
}

TEST(SchurComplement, ABudgetIsKept) {
  const auto world = Communicator::world();
  const auto found = schur(random_instance(geometric(40, 1e-4, 5), 3, 990), {.max_products = 20}, world);
  EXPECT_EQ(found.status, SchurStatus::iteration_limit);
  EXPECT_LE(found.products, 20 + 3);
  EXPECT_GT(found.residual, 0.1);
  EXPECT_TRUE(found.s.empty()) << "nothing worth showing";
  EXPECT_THAT(found.message, testing::HasSubstr("not found"));
  const auto enough = schur(random_instance(geometric(40, 0.5, 5), 3, 990), {.max_products = 90}, world);
  EXPECT_EQ(enough.status, SchurStatus::solved) << "each column has its share: " << enough.message;
}

TEST(SchurComplement, AColumnOfZerosNeedsNoSolve) {
  const auto world = Communicator::world();
  auto instance = random_instance(geometric(20, 0.5, 2), 2, 970);
  std::ranges::fill(instance.h21[0], 0.0);
  const auto s = schur(instance, {}, world);
  EXPECT_EQ(s.status, SchurStatus::solved);
  EXPECT_EQ(s.s[0], 0);
  EXPECT_EQ(s.s[1], 0);
  EXPECT_LT(s.s[3], 0);
  const auto none = schur(random_instance(geometric(20, 0.5, 2), 0, 971), {}, world);
  EXPECT_EQ(none.status, SchurStatus::solved);
  EXPECT_EQ(none.products, 0);
  EXPECT_TRUE(none.eigenvalues.empty());
}

TEST(SchurComplement, HasNoMeaningWhereH22IsIndefinite) {
  const auto world = Communicator::world();
  const auto instance = random_instance({-1, 0.5, 1, 2, 3, 4}, 2, 980);
  const auto s = schur(instance, {}, world);
  EXPECT_EQ(s.status, SchurStatus::indefinite);
  EXPECT_TRUE(failed(s.status));
  EXPECT_TRUE(s.s.empty());
  EXPECT_EQ(schur(instance, {.mu = 1.5}, world).status, SchurStatus::solved) << "damped it has one";
}

TEST(SchurComplement, ALimitIsSaid) {
  const auto world = Communicator::world();
  const auto s = schur(random_instance(geometric(40, 1e-4, 5), 2, 990), {.max_iterations = 3}, world);
  EXPECT_EQ(s.status, SchurStatus::iteration_limit) << s.message;
  EXPECT_GT(s.residual, 1e-7);
}

TEST(SchurComplement, RefusesInvalidOptions) {
  const auto world = Communicator::world();
  const auto instance = random_instance({1, 2, 3}, 1, 991);
  for (const SchurOptions& wrong : {SchurOptions{.mu = -1},
                                    {.tol = 0},
                                    {.certificate_tol = 0},
                                    {.max_iterations = 0},
                                    {.max_products = 0}})
    EXPECT_THROW(static_cast<void>(schur(instance, wrong, world)), AgreedError) << wrong.violation();
}

}  // namespace
}  // namespace lift
