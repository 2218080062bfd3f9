// What the box LP does where it cannot go on: its time is over, numbers overflow, rows depend on each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <thread>

#include "mpi/error.hpp"
#include "solvers/box_lp.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift {
namespace {

using testing::HasSubstr;

class BoxLpLimits : public testing::Test {
 protected:
  /// Lets all the time pass in the step that `when` says, on rank 0 alone.
  template <typename When>
  BoxLpOptions delayed(LpMethod method, const When& when) {
    BoxLpOptions options;
    options.method = method;
    options.least_coordinates = 0;
    options.max_seconds = 1;
    options.on_iteration = [this, when](const LpIteration& step) {
      after_ += late_ ? 1 : 0;
      if (late_ || !when(step)) return;
      late_ = true;
      if (world_.is_root()) std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    };
    return options;
  }
  /// Feasible, and the certificate is that of d and y themselves, around the optimum.
  void expect_honest(const test::DenseLp& lp, const test::LpSolution& solution) const {
    const auto& c = solution.summary.certificate;
    EXPECT_EQ(c.bound_violation, 0);
    EXPECT_LE(c.residual, 1e-9);
    const test::DistributedLp dealt(lp, world_);
    const auto anew = certify(dealt.problem(), solution.d, solution.summary.y);
    EXPECT_EQ(anew.objective, c.objective);
    EXPECT_EQ(anew.gap, c.gap);
    const double optimum = test::solve_dealt(lp, world_).summary.certificate.objective;
    const double rounding = 2e-9 * test::cost_norm(lp);
    EXPECT_GE(c.objective, optimum - rounding);
    EXPECT_LE(c.dual_objective, optimum + rounding);
    EXPECT_LE(c.objective - optimum, c.gap * test::cost_norm(lp) + rounding);
  }
  const Communicator world_ = Communicator::world();
  bool late_ = false;
  int after_ = 0;  ///< steps after all time has passed
};

TEST_F(BoxLpLimits, MehrotraEndsWithTheStepInWhichItsTimePasses) {
  const auto lp = test::gaussian("late", 8, 3000, 501);
  const auto solution = test::solve_dealt(
      lp, world_, delayed(LpMethod::mehrotra, [](const LpIteration& step) { return step.iteration == 4; }));
  EXPECT_EQ(solution.summary.status, LpStatus::time_limit) << solution.summary.message;
  EXPECT_LE(after_, 1);
  EXPECT_GT(solution.summary.certificate.gap, 1e-9);
  EXPECT_LT(solution.summary.certificate.objective, 0) << "what was found is kept";
  expect_honest(lp, solution);
}

TEST_F(BoxLpLimits, PreprocessingEndsInWhicheverProgramItsTimePasses) {
  const auto lp = test::gaussian("late", 8, 20000, 502);
  for (const std::string stage : {"pilot", "reduced"}) {
    SCOPED_TRACE(stage);
    late_ = false;
    after_ = 0;
    const auto solution =
        test::solve_dealt(lp, world_, delayed(LpMethod::preprocessing, [&](const LpIteration& step) {
                            return step.stage == stage && step.iteration == 3;
                          }));
    EXPECT_EQ(solution.summary.status, LpStatus::time_limit) << solution.summary.message;
    EXPECT_LE(after_, 1) << "no program was begun after it";
    EXPECT_GT(solution.summary.certificate.gap, 1e-9);
    expect_honest(lp, solution);
  }
}

TEST_F(BoxLpLimits, NoCrossoverIsBegunWhenTheTimeIsOver) {
  const auto lp = test::gaussian("no vertex", 6, 2000, 503);
  auto options = delayed(LpMethod::mehrotra,
                         [](const LpIteration& step) { return step.gap <= 1e-9 && step.residual <= 1e-9; });
  options.crossover = true;
  const auto solution = test::solve_dealt(lp, world_, options);
  EXPECT_EQ(solution.summary.status, LpStatus::optimal) << solution.summary.message;
  EXPECT_THAT(solution.summary.message, HasSubstr("no time was left for a crossover"));
  EXPECT_FALSE(solution.summary.inside.has_value());
  options.on_iteration = {};
  EXPECT_TRUE(test::solve_dealt(lp, world_, options).summary.inside.has_value()) << "with time there is one";
}

/// Every entry is finite; what they add up to is not.
TEST_F(BoxLpLimits, SumsThatOverflowAreAStatus) {
  const auto whole = test::gaussian("overflow", 3, 400, 504);
  const auto expect_not_finite = [&](const test::DenseLp& lp, const char* what) {
    for (const LpMethod method : {LpMethod::mehrotra, LpMethod::preprocessing}) {
      BoxLpOptions options;
      options.method = method;
      options.least_coordinates = 0;
      const auto solution = test::solve_dealt(lp, world_, options);
      EXPECT_EQ(solution.summary.status, LpStatus::not_finite) << what << ": " << solution.summary.message;
      EXPECT_THAT(solution.summary.message, HasSubstr("numbers that are not finite"));
      EXPECT_EQ(solution.d, std::vector<double>(solution.d.size(), 0.0)) << what;
      EXPECT_EQ(solution.summary.y, std::vector<double>(3, 0.0)) << what;
    }
  };
  auto lp = whole;
  for (double& g : lp.g) g *= 1e308 / 5;
  expect_not_finite(lp, "costs");
  lp = whole;
  for (std::int64_t k = 0; k < lp.coordinates; ++k) lp.a[lp.coordinates + k] *= 1e308 / 5;
  expect_not_finite(lp, "a row");
  lp = whole;
  for (double& u : lp.u) u = 1e308;
  expect_not_finite(lp, "bounds");
  // Large as such is no matter.
  lp = whole;
  for (double& a : lp.a) a *= 1e140;
  for (double& g : lp.g) g *= 1e140;
  EXPECT_EQ(test::solve_dealt(lp, world_).summary.status, LpStatus::optimal);
}

TEST_F(BoxLpLimits, AnEntryThatIsNotFiniteIsStillRefused) {
  auto lp = test::gaussian("infinite", 3, 400, 505);
  lp.a[500] = std::numeric_limits<double>::infinity();
  EXPECT_THROW(static_cast<void>(test::solve_dealt(lp, world_)), AgreedError);
}

/// Rows that are equal up to single precision, on few coordinates: a gap of 1e-9 may be below the rounding of
/// its own certificate. What is not proven is not claimed.
TEST_F(BoxLpLimits, RowsEqualUpToSinglePrecisionAreSolvedOrStall) {
  int stalled = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto lp = test::gaussian("nearly equal", 4, 7, 510 + seed);
    for (std::int64_t k = 0; k < lp.coordinates; ++k) {
      lp.a[2 * lp.coordinates + k] = static_cast<float>(lp.a[k]);
      lp.a[3 * lp.coordinates + k] = static_cast<float>(lp.a[lp.coordinates + k]);
    }
    const auto s = test::solve_dealt(lp, world_).summary;
    EXPECT_TRUE(s.status == LpStatus::optimal || s.status == LpStatus::stalled) << seed << ": " << s.message;
    EXPECT_EQ(s.certificate.bound_violation, 0);
    const bool proven = s.certificate.gap <= 1e-9 && s.certificate.residual <= 1e-9;
    EXPECT_EQ(s.status == LpStatus::optimal, proven) << s.message;
    stalled += s.status == LpStatus::stalled ? 1 : 0;
  }
  EXPECT_GT(stalled, 0) << "the limit is none";
}

/// Two wide boxes, as of lambda, rows that are much alike, and (for these seeds of thousands) a coordinate
/// hardly off its bound: near the end D is many orders larger on the others inside, and the normal matrix
/// holds fewer rows.
TEST_F(BoxLpLimits, NeedsEveryRowWhereACoordinateIsHardlyOffItsBound) {
  constexpr int kRows = 8;
  constexpr std::int64_t kCoordinates = 400;
  BoxLpOptions options;
  options.method = LpMethod::mehrotra;
  for (const std::uint64_t seed : {1171, 3041}) {
    auto lp = test::gaussian("hardly off", kRows, kCoordinates, seed);
    const auto entry = [&](int i, std::int64_t k) -> double& {
      return lp.a[static_cast<std::size_t>(i * kCoordinates + k)];
    };
    for (std::int64_t k = 0; k < kCoordinates; ++k) {
      lp.u[k] = k < 2 ? 80 : std::exp(std::sin(37.0 * static_cast<double>(k)));
      if (k < 2) lp.g[k] = 0;
      for (int i = 1; i < kRows && k >= 2; ++i) entry(i, k) = 0.1 * entry(i, k) + entry(0, k);
    }
    const auto s = test::solve_dealt(lp, world_, options).summary;
    EXPECT_EQ(s.status, LpStatus::optimal) << seed << ": " << s.message;
    EXPECT_LE(s.certificate.residual, 1e-9) << seed;
  }
}

}  // namespace
}  // namespace lift
