#include "solvers/exact_stationarity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mpi/error.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

using namespace test;

TEST(ExactStationarity, FailsWithoutAStepWhereDampingMayNotBeRaised) {
  const auto instance = random_instance({-5, -4, 1, 2, 3, 4}, 2, 500);
  auto options = with_mu(0);
  options.max_raises = 0;
  const auto solution = solve(instance, options);
  EXPECT_EQ(solution.summary.status, StationarityStatus::indefinite);
  EXPECT_TRUE(failed(solution.summary.status));
  EXPECT_EQ(solution.dw, std::vector<double>(6, 0.0));
  EXPECT_EQ(solution.summary.dlambda, std::vector<double>(2, 0.0));
  // H22 = 0 has no size to damp by.
  const auto zero = solve(random_instance(std::vector<double>(5, 0.0), 2, 510));
  EXPECT_EQ(zero.summary.status, StationarityStatus::indefinite) << zero.summary.message;
}

TEST(ExactStationarity, SaysHowGoodTruncatedSolvesAre) {
  const auto instance = random_instance(geometric(60, 1e-4, 1), 3, 600);
  auto options = with_mu(0);
  options.max_iterations = 6;
  const auto stopped = solve(instance, options);
  EXPECT_EQ(stopped.summary.status, StationarityStatus::iteration_limit) << stopped.summary.message;
  EXPECT_FALSE(answered(stopped.summary.status) || failed(stopped.summary.status));
  EXPECT_EQ(stopped.summary.q_iterations, 6);
  EXPECT_EQ(stopped.summary.z_iterations, 6);
  EXPECT_GT(stopped.summary.q_residual, 1e-3);
  EXPECT_LT(stopped.summary.certificate, 1e-12) << "one inverse for both, however bad";
  EXPECT_LT(stopped.summary.g_dw, 0);
  double found = 0;
  for (std::size_t k = 0; k < stopped.dw.size(); ++k) found += instance.g[k] * stopped.dw[k];
  EXPECT_NEAR(found, stopped.summary.g_dw, 1e-10 * std::fabs(found));

  options = {};
  options.max_products = 13;
  const auto spent = solve(instance, options);
  EXPECT_EQ(spent.summary.status, StationarityStatus::iteration_limit);
  EXPECT_EQ(spent.summary.q_iterations, 3) << "beside the eight that chose the damping";
  EXPECT_EQ(spent.summary.z_iterations, 2);
  EXPECT_EQ(spent.products, 15) << "two of them measure the residuals";
  EXPECT_EQ(spent.summary.products, spent.products);
  options.max_products = 3;
  const auto none = solve(instance, options);
  EXPECT_EQ(none.summary.status, StationarityStatus::iteration_limit) << none.summary.message;
  EXPECT_EQ(none.summary.z_iterations, 0) << "nothing left for a solve, but the basis has three vectors";
  EXPECT_LT(none.summary.g_dw, 0);
  EXPECT_LT(none.summary.certificate, 1e-12);
}

TEST(ExactStationarity, SaysWhatSinglePrecisionProductsAllow) {
  const auto world = Communicator::world();
  const auto instance = random_instance(geometric(60, 1e-3, 1), 3, 650);
  auto options = with_mu(1e-3);
  const auto strict = solve(instance, options, world, 1, true);
  EXPECT_FALSE(answered(strict.summary.status) || failed(strict.summary.status)) << strict.summary.message;
  EXPECT_GT(std::max(strict.summary.q_residual, strict.summary.z_residual), 1e-7);
  EXPECT_LT(strict.summary.certificate, 1e-3) << "usable all the same";
  options.tol = 1e-4;
  options.certificate_tol = 1e-2;
  expect_solved_to(solve(instance, options, world, 1, true), 1e-3);
}

TEST(ExactStationarity, CatchesAnH12ThatIsNotTheTransposeOfH21) {
  const auto world = Communicator::world();
  const auto instance = random_instance(geometric(20, 0.5, 2), 3, 700);
  const auto twice = solve(instance, {}, world, 2);
  EXPECT_EQ(twice.summary.status, StationarityStatus::stalled);
  EXPECT_NEAR(twice.summary.certificate, 0.5, 1e-5);
  const auto reversed = solve(instance, {}, world, -1);
  EXPECT_EQ(reversed.summary.status, StationarityStatus::no_descent);
  EXPECT_GT(reversed.summary.g_dw, 0);
  EXPECT_EQ(reversed.dw, std::vector<double>(20, 0.0));
  EXPECT_TRUE(failed(reversed.summary.status));
}

TEST(ExactStationarity, AnswersWithZeroWhereNothingCanMove) {
  const auto still = [](const Instance& instance, const std::string& why, bool free) {
    const auto solution = solve(instance);
    EXPECT_EQ(solution.summary.status, StationarityStatus::solved) << why;
    EXPECT_THAT(solution.summary.message, testing::HasSubstr(why));
    EXPECT_EQ(solution.dw, std::vector<double>(solution.dw.size(), 0.0));
    EXPECT_EQ(solution.summary.dlambda, std::vector<double>(instance.s.size(), 0.0));
    EXPECT_EQ(solution.summary.predicted, 0);
    EXPECT_EQ(solution.products == 0, free) << why;
  };
  const auto plain = random_instance(geometric(10, 1, 2), 2, 800);
  auto instance = plain;
  instance.h21.clear();
  instance.s.clear();
  still(instance, "no hyperparameter", true);
  instance = plain;
  for (auto& column : instance.h21) std::fill(column.begin(), column.end(), 0.0);
  still(instance, "H21 is 0", true);
  instance = plain;
  std::fill(instance.g.begin(), instance.g.end(), 0.0);
  still(instance, "the gradient is 0", true);
  instance = plain;
  std::fill(instance.s.begin(), instance.s.end(), 0.0);
  still(instance, "wherever s is not", true);
  // H22 = 2 I, g and H21 on different coordinates.
  instance = instance_of({2, 0, 0, 0, 2, 0, 0, 0, 2}, {{0, 1, 0}}, {1, 0, 0}, {1});
  still(instance, "the hypergradient is 0", false);
}

TEST(ExactStationarity, FailsOnNumbersThatAreNotFinite) {
  auto instance = random_instance(geometric(10, 0.5, 2), 2, 1000);
  instance.h22.entries[37] = std::nan("");
  for (const auto& options : {StationarityOptions{}, with_mu(0.1)}) {
    const auto solution = solve(instance, options);
    EXPECT_EQ(solution.summary.status, StationarityStatus::not_finite);
    EXPECT_EQ(solution.dw, std::vector<double>(10, 0.0));
  }
}

TEST(ExactStationarity, RefusesWrongInputOnEveryRank) {
  const auto world = Communicator::world();
  const bool last = world.rank() == world.size() - 1;
  const auto plain = random_instance(geometric(10, 1, 2), 2, 1200);
  const auto refused = [&](auto change, const std::string& text) {
    auto instance = plain;
    StationarityOptions options;
    change(instance, options);
    try {
      solve(last ? instance : plain, last ? options : StationarityOptions{}, world);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), ExitCode::internal);
      EXPECT_THAT(error.what(), testing::HasSubstr(text));
    }
  };
  refused([](auto&, auto& o) { o.mu = -1; }, "mu = -1 violates mu >= 0");
  refused([](auto&, auto& o) { o.delta = 0; }, "delta = 0 violates delta > 0");
  refused([](auto&, auto& o) { o.lanczos_steps = 0; }, "lanczos_steps = 0 violates lanczos_steps >= 1");
  refused([](auto&, auto& o) { o.tol = 0; }, "tol = 0 violates tol > 0");
  refused([](auto&, auto& o) { o.certificate_tol = 0; }, "certificate_tol = 0 violates certificate_tol > 0");
  refused([](auto&, auto& o) { o.max_iterations = 0; }, "max_iterations = 0 violates max_iterations >= 1");
  refused([](auto&, auto& o) { o.max_products = 0; }, "max_products = 0 violates max_products >= 1");
  refused([](auto&, auto& o) { o.max_raises = -1; }, "max_raises = -1 violates max_raises >= 0");
  refused([](auto& i, auto&) { i.g[9] = std::nan(""); }, "g[9] = nan is not finite");
  refused([](auto& i, auto&) { i.s[1] = -1; }, "s[1] = -1, expected finite and >= 0");
}

TEST(ExactStationarity, NamesItsStatuses) {
  EXPECT_STREQ(to_string(StationarityStatus::solved), "solved");
  EXPECT_STREQ(to_string(StationarityStatus::iteration_limit), "iteration_limit");
  EXPECT_STREQ(to_string(StationarityStatus::stalled), "stalled");
  EXPECT_STREQ(to_string(StationarityStatus::no_descent), "no_descent");
  EXPECT_STREQ(to_string(StationarityStatus::indefinite), "indefinite");
  EXPECT_STREQ(to_string(StationarityStatus::not_finite), "not_finite");
}

}  // namespace
}  // namespace lift
