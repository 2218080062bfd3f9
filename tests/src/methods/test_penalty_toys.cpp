#include <gtest/gtest.h>

#include "mpi/philox.hpp"
#include "src/methods/penalty_descent.hpp"
#include "tests/src/methods/bilevel_toys.hpp"

namespace lift {
namespace {

using namespace toys;

struct End {
  double x, y;
  PenaltySummary summary;
};

End run(const BilevelProblem& problem, const PenaltyOptions& options, double x, double y) {
  const at::Tensor a = number(x), b = number(y);
  const PenaltySummary summary = descend(problem, options, a, b);
  return {number(a), number(b), summary};
}

/// The residual of x, once y and y_g stand still: ‖∇F_γ(x)‖ in f2sa.
double reduced_gradient(const BilevelProblem& problem, double x, double y, double gamma, int inner = 5000,
                        double inner_rate = 0.01) {
  const PenaltyOptions options{.method = PenaltyMethod::f2sa,
                               .gamma = gamma,
                               .inner = inner,
                               .rate = 1e-6,
                               .inner_rate = inner_rate,
                               .steps = 1};
  return run(problem, options, x, y).summary.last.residual;
}

TEST(PenaltyToys, OnATiltedLowerLevelF2saFindsTheAnswerAndPbgdFreeCannot) {
  const Philox philox(11, RandomStream::test);
  for (std::uint64_t start = 0; start < 3; ++start) {
    double u[2];
    philox.normals(start, 0, u);
    const double x = std::clamp(1.75 + u[0], -8.0, 1.5), y = std::clamp(1.75 + 3 * u[1], -8.0, 1.5);
    PenaltyOptions options{.gamma = 15, .inner = 1, .rate = 0.01, .inner_rate = 0.01, .steps = 2000};
    const at::Tensor a = number(x), b = number(y);
    const BilevelProblem problem = tilted();
    PenaltyDescent descent(problem, options, a, b);
    for (int t = 0; t < options.steps; ++t) descent.step();
    EXPECT_NEAR(number(descent.x()), -5, 1e-12);
    EXPECT_NEAR(number(descent.value_y()), -6, 1e-12);
    EXPECT_NEAR(number(descent.y()), -6 - 5.0 / 15, 1e-12);

    options.method = PenaltyMethod::pbgd_free;
    const End free = run(problem, options, x, y);
    EXPECT_NEAR(free.x, 0, 1e-12);
    EXPECT_NEAR(free.y, -4.0 / 3, 1e-12);
    EXPECT_NEAR(free.x * free.x + 10 * (free.x - 1), -10, 1e-11);  // φ, where −35 is the least
  }
}

TEST(PenaltyToys, TheResidualThatPbgdFreeLeavesDoesNotVanishWithGamma) {
  for (const double gamma : {1.0, 15.0, 1000.0})
    EXPECT_NEAR(reduced_gradient(tilted(), 0, 0, gamma), 10, 1e-9);
}

TEST(PenaltyToys, F2saFollowsTheTrajectoryOfThePreferences) {
  const BilevelProblem problem = Preferences::problem();
  const at::Tensor x = number(5), y = number(-9.9);
  EXPECT_NEAR(Preferences::g(5, -9.9), 4.99984, 5e-6);
  PenaltyDescent descent(problem, {.gamma = 16, .inner = 10, .rate = 0.01, .inner_rate = 0.01}, x, y);
  const auto run_to = [&](std::int64_t t) {
    while (descent.steps() < t) descent.step();
  };
  run_to(100);
  EXPECT_NEAR(number(x), 4.39405, 5e-6);
  EXPECT_NEAR(number(y), -6.15737, 5e-6);
  run_to(1000);
  EXPECT_NEAR(number(x), -0.43558, 5e-6);
  EXPECT_NEAR(number(y), 2.12069, 5e-6);
  run_to(5000);
  EXPECT_NEAR(number(x), -6.03120, 5e-6);
  EXPECT_NEAR(number(y), 5.95125, 1e-5);  // 5.951256: one unit of the last digit given
  EXPECT_NEAR(Preferences::f(number(x), number(y)), 1.25304, 5e-6);
  EXPECT_NEAR(Preferences::g(number(x), number(y)), 1.07580, 5e-6);
}

TEST(PenaltyToys, PbgdFreeFollowsItsTrajectoryToItsOwnFixedPoint) {
  const BilevelProblem problem = Preferences::problem();
  const at::Tensor x = number(5), y = number(-9.9);
  PenaltyDescent descent(
      problem,
      {.method = PenaltyMethod::pbgd_free, .gamma = 16, .inner = 2, .rate = 0.01, .inner_rate = 0.01}, x, y);
  while (descent.steps() < 100) descent.step();
  EXPECT_NEAR(number(x), 4.40915, 5e-6);
  EXPECT_NEAR(number(y), -9.03992, 5e-6);
  while (descent.steps() < 1000) descent.step();
  EXPECT_NEAR(number(x), -0.30440, 5e-6);
  EXPECT_NEAR(number(y), -2.92792, 5e-6);

  for (const int inner : {1, 2}) {
    const End end = run(problem,
                        {.method = PenaltyMethod::pbgd_free,
                         .gamma = 16,
                         .inner = inner,
                         .rate = 1,
                         .inner_rate = 1,
                         .steps = 20'000,
                         .tolerance = 1e-12},
                        5, -9.9);
    EXPECT_EQ(end.summary.status, PenaltyStatus::converged);
    EXPECT_NEAR(end.x, -7.163917, 5e-7);
    EXPECT_NEAR(end.y, 6.643452, 5e-7);
    EXPECT_NEAR(Preferences::f(end.x, end.y), 1.292224, 5e-7);
    EXPECT_NEAR(Preferences::g(end.x, end.y), 1.370811, 5e-7);
    EXPECT_NEAR(Preferences::f(end.x, Preferences::follow(end.x, 1e300)), 1.314179, 5e-7);
    EXPECT_NEAR(reduced_gradient(problem, end.x, end.y, 16, 3000, 1), 0.08063, 5e-6);
    EXPECT_NEAR(reduced_gradient(problem, end.x, end.y, 256, 3000, 1), 0.0826, 5e-5);
  }
}

TEST(PenaltyToys, TheGapOfF2saFallsWithTheSquareOfGamma) {
  constexpr double kLeast = 1.272180;
  std::vector<double> gaps;
  for (const double gamma : {16.0, 64.0, 256.0}) {
    const End end =
        run(Preferences::problem(),
            {.gamma = gamma, .inner = 20, .rate = 1, .inner_rate = 1, .steps = 20'000, .tolerance = 1e-11},
            -6, 6);
    EXPECT_EQ(end.summary.status, PenaltyStatus::converged);
    if (gamma == 16) {
      EXPECT_NEAR(end.x, -6.188557, 5e-7);
    }
    gaps.push_back(Preferences::f(end.x, Preferences::follow(end.x, 1e300)) - kLeast);
  }
  EXPECT_NEAR(Preferences::f(-6.167815, 6.199888), kLeast, 5e-7);
  EXPECT_NEAR(gaps[0] - gaps[2], 1.9e-5, 5e-7);
  EXPECT_NEAR(gaps[1] - gaps[2], 1.2e-6 - 7.5e-8, 5e-8);
}

TEST(PenaltyToys, VPbgdEndsInTheLocalMinimaOfAWavyProblem) {
  const double minima[] = {0.3824, 1.2151, 2.8296}, values[] = {0.44271, 0.19991, 1.24346};
  for (int k = 0; k < 3; ++k) EXPECT_NEAR(Wavy::phi(minima[k]), values[k], 5e-6);
  const BilevelProblem problem = Wavy::problem();
  const Philox philox(3, RandomStream::test);
  int found[3] = {};
  for (std::uint64_t start = 0; start < 40; ++start) {
    double u[2];
    philox.normals(start, 0, u);
    const double x = std::clamp(1.5 + 0.8 * u[0], 0.0, 3.0);
    const End end = run(problem,
                        {.method = PenaltyMethod::v_pbgd,
                         .gamma = 10,
                         .inner = 10,
                         .rate = 0.1 / 10,
                         .inner_rate = 0.1,
                         .steps = 200'000,
                         .tolerance = 1e-5},
                        x, 1.75 + 2 * u[1]);
    EXPECT_EQ(end.summary.status, PenaltyStatus::converged) << end.summary.message;
    int nearest = 0;
    for (int k = 1; k < 3; ++k)
      if (std::abs(end.x - minima[k]) < std::abs(end.x - minima[nearest])) nearest = k;
    ++found[nearest];
    EXPECT_NEAR(end.x, minima[nearest], 0.05) << "from " << x;  // of f + γ(g − v), not of φ
    EXPECT_LT(std::abs(Wavy::phi(end.x) - values[nearest]), 0.01);
  }
  for (const int times : found) EXPECT_GT(times, 0);
}

TEST(PenaltyToys, TheBiasOfPbgdFreeIsLinearInHowSteepTheUpperLevelIs) {
  for (const auto& [s, a, bias] :
       {std::tuple{0.1, 2.0, 0.198020}, std::tuple{1.0, 2.0, 1.818182}, std::tuple{1.0, 0.0, 0.0}}) {
    constexpr double kGamma = 10;
    const BilevelProblem problem = linear_quadratic(s, a);
    const PenaltyOptions options{
        .gamma = kGamma, .inner = 5, .rate = 0.1, .inner_rate = 0.5, .steps = 5000, .tolerance = 1e-12};
    PenaltyOptions free_options = options;
    free_options.method = PenaltyMethod::pbgd_free;
    EXPECT_NEAR(run(problem, free_options, 3, -2).x, 1, 1e-11);
    EXPECT_NEAR(reduced_gradient(problem, 1, 1, kGamma), bias, 5e-7);

    const End end = run(problem, options, 3, -2);
    EXPECT_EQ(end.summary.status, PenaltyStatus::converged);
    const double weight = s * kGamma / (s + kGamma);
    EXPECT_NEAR(end.x, (1 + weight * a) / (1 + weight * a * a), 1e-10);
  }
  EXPECT_NEAR(run(linear_quadratic(0.1, 2),
                  {.gamma = 1e6, .inner = 60, .rate = 0.1, .inner_rate = 0.5, .steps = 400}, 3, -2)
                  .x,
              0.857143, 1e-6);
}

TEST(PenaltyToys, AStepOfXDoesNotDependOnGammaOnceTheLowerLevelIsSolved) {
  for (const double gamma : {1.0, 1e2, 1e4}) {
    // One inner step of ½ solves g, and f/γ + g, from anywhere.
    const PenaltyOptions reduced{.gamma = gamma, .inner = 1, .rate = 0.5, .inner_rate = 0.5, .steps = 60};
    EXPECT_NEAR(run(stiff(), reduced, 4, -3).x, 0, 1e-12) << gamma;
    PenaltyOptions joint = reduced;
    joint.method = PenaltyMethod::v_pbgd;
    const End end = run(stiff(), joint, 4, -3);
    EXPECT_TRUE(!std::isfinite(end.x) || std::abs(end.x) > 1) << gamma;
  }
  for (const double gamma : {1.0, 10.0, 100.0}) {
    PenaltyOptions joint{.method = PenaltyMethod::v_pbgd, .gamma = gamma, .inner_rate = 0.5};
    joint.rate = 0.1 / gamma;  // a run's own rate of V-PBGD is that of the others over γ
    joint.steps = static_cast<std::int64_t>(400 * gamma);
    EXPECT_NEAR(run(stiff(), joint, 4, -3).x, 0, 1e-6) << gamma;
  }
}

TEST(PenaltyToys, AlrightEndsWhereTheWeightedSumIsLeast) {
  // ½f + ½g of T4 with s = 1, a = 2: x = y·2 − …, the 2 × 2 system (5x − 2y = 1, −2x + 2y = 1).
  const End end =
      run(linear_quadratic(1, 2),
          {.method = PenaltyMethod::alright, .rate = 0.2, .steps = 5000, .tolerance = 1e-12}, 3, -2);
  EXPECT_EQ(end.summary.status, PenaltyStatus::converged);
  EXPECT_NEAR(end.x, 2.0 / 3, 1e-11);
  EXPECT_NEAR(end.y, 7.0 / 6, 1e-11);
}

TEST(PenaltyToys, BomeApproachesTheAnswerAsItsConstraintFades) {
  const End end = run(
      linear_quadratic(1, 2),
      {.method = PenaltyMethod::bome, .inner = 10, .rate = 0.01, .inner_rate = 0.5, .steps = 20'000}, 3, -2);
  EXPECT_NEAR(end.x, 0.6, 2e-2);
  EXPECT_NEAR(end.y, 1.2, 4e-2);
}

}  // namespace
}  // namespace lift
