#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mpi/error.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

using namespace test;

class Adjoint : public testing::Test {
 protected:
  [[nodiscard]] Solution solved(const Instance& instance, const StationarityOptions& options = {}) const {
    return adjoint(instance, options, world_);
  }
  const Communicator world_ = Communicator::world();
};

/// ‖g − (H22 + μ)q‖ / ‖g‖ of what was found.
double residual_of(const Instance& instance, const Solution& found) {
  auto rest = instance.h22.times(found.q);
  for (std::size_t k = 0; k < rest.size(); ++k) rest[k] += found.summary.mu * found.q[k] - instance.g[k];
  return std::sqrt(dot_dense(rest, rest) / dot_dense(instance.g, instance.g));
}

TEST_F(Adjoint, IsTheHypergradientOfA1) {
  const auto found = solved(instance_of({1.2}, {{10.0 / 3}}, {2.0 / 3}, {1}), with_mu(0));
  EXPECT_EQ(found.summary.status, StationarityStatus::solved) << found.summary.message;
  EXPECT_NEAR(found.q[0], 5.0 / 9, 1e-15);
  EXPECT_NEAR(found.summary.gamma[0], -50.0 / 27, 1e-14);
  EXPECT_EQ(found.summary.dlambda[0], 1);
  EXPECT_NEAR(found.summary.predicted, -50.0 / 27, 1e-14);
}

TEST_F(Adjoint, AgreesWithEliminationAndItsCertificateIsItsResidual) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const auto instance = random_instance(geometric(40, 0.05, 5), 1 + seed, 100 * (seed + 1));
    StationarityOptions options;
    if (seed % 2 == 0) options.mu = 0.01 * static_cast<double>(seed);
    const auto found = solved(instance, options);
    const auto& s = found.summary;
    EXPECT_EQ(s.status, StationarityStatus::solved) << s.message;
    const auto q = solve_dense(instance.h22, s.mu, instance.g);
    const double size = std::sqrt(dot_dense(q, q));
    for (std::size_t k = 0; k < q.size(); ++k) EXPECT_NEAR(found.q[k], q[k], 1e-6 * size);
    for (std::size_t i = 0; i < instance.s.size(); ++i)
      EXPECT_NEAR(s.gamma[i], -dot_dense(instance.h21[i], q), 1e-5 * size);
    EXPECT_LE(s.certificate, 1e-7);
    EXPECT_EQ(s.certificate, s.q_residual);
    EXPECT_NEAR(s.certificate, residual_of(instance, found), 1e-12);
    EXPECT_EQ(s.products, found.products);
  }
}

TEST_F(Adjoint, IsThatOfTheWholeDirectionForAboutHalfOfItsProducts) {
  const auto instance = random_instance(geometric(40, 0.05, 5), 3, 2000);
  const auto whole = solve(instance, with_mu(0.1), world_);
  const auto alone = solved(instance, with_mu(0.1));
  EXPECT_EQ(alone.q, whole.q);
  EXPECT_EQ(alone.summary.gamma, whole.summary.gamma);
  EXPECT_EQ(alone.summary.dlambda, whole.summary.dlambda);
  EXPECT_EQ(alone.products, whole.products - whole.summary.z_iterations - 1);
  EXPECT_EQ(alone.products, alone.summary.q_iterations + 1) << "one of them measures the residual";
}

TEST_F(Adjoint, LeavesAloneWhatOnlyDWHas) {
  const auto found = solved(random_instance(geometric(20, 0.5, 2), 2, 2100));
  EXPECT_EQ(found.dw, std::vector<double>(20, 7.0));
  EXPECT_EQ(found.summary.g_dw, 0);
  EXPECT_EQ(found.summary.z_residual, 0);
  EXPECT_EQ(found.summary.z_iterations, 0);
}

TEST_F(Adjoint, RaisesTheDampingOfAnIndefiniteHessianOrFails) {
  const auto instance = random_instance({-2, -0.7, 0.5, 1, 2, 3, 4}, 2, 2200);
  const auto raised = solved(instance, with_mu(0.1));
  EXPECT_EQ(raised.summary.status, StationarityStatus::solved) << raised.summary.message;
  EXPECT_GT(raised.summary.mu, 2);
  EXPECT_GE(raised.summary.raises, 1);
  auto options = with_mu(0.1);
  options.max_raises = 0;
  const auto refused = solved(instance, options);
  EXPECT_EQ(refused.summary.status, StationarityStatus::indefinite);
  EXPECT_EQ(refused.summary.dlambda, std::vector<double>(2, 0.0));
}

TEST_F(Adjoint, SaysHowGoodATruncatedSolveIs) {
  const auto instance = random_instance(geometric(60, 1e-4, 1), 3, 600);
  StationarityOptions options;
  options.max_products = 13;
  const auto spent = solved(instance, options);
  EXPECT_EQ(spent.summary.status, StationarityStatus::iteration_limit) << spent.summary.message;
  EXPECT_EQ(spent.summary.q_iterations, 5) << "beside the eight that chose the damping";
  EXPECT_EQ(spent.products, 14) << "one of them measures the residual";
  EXPECT_GT(spent.summary.certificate, 1e-3);
  EXPECT_NEAR(spent.summary.certificate, residual_of(instance, spent), 1e-12);
  options.max_products = 8;
  const auto first = solved(instance, options);
  EXPECT_EQ(first.summary.status, StationarityStatus::iteration_limit) << first.summary.message;
  EXPECT_EQ(first.summary.q_iterations, 0) << "what chose the damping is all there is";
  EXPECT_GT(first.summary.certificate, spent.summary.certificate);
}

TEST_F(Adjoint, IsNotCertifiedWhereProductsAreRoundedAboveItsTolerance) {
  const auto instance = random_instance(geometric(60, 1e-3, 1), 3, 650);
  const auto rounded = adjoint(instance, with_mu(1e-3), world_, true);
  EXPECT_FALSE(answered(rounded.summary.status) || failed(rounded.summary.status)) << rounded.summary.message;
  EXPECT_GT(rounded.summary.certificate, 1e-7);
}

TEST_F(Adjoint, AnswersWithZeroWhereNothingCanMove) {
  auto instance = random_instance(geometric(10, 1, 2), 2, 800);
  std::fill(instance.g.begin(), instance.g.end(), 0.0);
  const auto still = solved(instance);
  EXPECT_EQ(still.summary.status, StationarityStatus::solved);
  EXPECT_THAT(still.summary.message, testing::HasSubstr("the gradient is 0"));
  EXPECT_EQ(still.q, std::vector<double>(10, 0.0));
  EXPECT_EQ(still.products, 0);
}

TEST_F(Adjoint, FailsOnNumbersThatAreNotFinite) {
  auto instance = random_instance(geometric(10, 0.5, 2), 2, 1000);
  instance.h22.entries[37] = std::nan("");
  EXPECT_EQ(solved(instance, with_mu(0.1)).summary.status, StationarityStatus::not_finite);
}

TEST_F(Adjoint, AgreesOnAnyNumberOfRanks) {
  const auto self = Communicator::self();
  const auto instance = random_instance(geometric(33, 0.1, 3), 4, 1100);
  const auto together = solved(instance), alone = adjoint(instance, {}, self);
  for (std::size_t k = 0; k < 33; ++k) EXPECT_NEAR(together.q[k], alone.q[k], 1e-6);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(together.summary.gamma[i], alone.summary.gamma[i], 1e-6);
}

TEST_F(Adjoint, RefusesWrongInputOnEveryRank) {
  auto instance = random_instance(geometric(10, 1, 2), 2, 1200);
  if (world_.rank() == world_.size() - 1) instance.g[9] = std::nan("");
  try {
    (void)solved(instance);
    ADD_FAILURE() << "accepted";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_THAT(error.what(), testing::HasSubstr("g[9] = nan is not finite"));
  }
}

}  // namespace
}  // namespace lift
