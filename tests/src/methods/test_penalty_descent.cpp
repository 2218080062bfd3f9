#include "src/methods/penalty_descent.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "mpi/error.hpp"
#include "tests/src/methods/bilevel_toys.hpp"

namespace lift {
namespace {

using namespace toys;

constexpr PenaltyMethod kMethods[] = {PenaltyMethod::pbgd_free, PenaltyMethod::f2sa, PenaltyMethod::v_pbgd,
                                      PenaltyMethod::bome, PenaltyMethod::alright};

TEST(PenaltyDescent, AFirstStepOfEachMethodIsItsFormula) {
  const double s = 1, a = 2, x = 3, y = -2, gamma = 10, rate = 0.1, inner_rate = 0.5;
  const double f_x = x - 1, f_y = y - 1, g_x = -a * (y - a * x), g_y = y - a * x;
  const double value_y = y - inner_rate * g_y, at_value = -a * (value_y - a * x);
  const double penalised_y = y - inner_rate * (f_y / gamma + g_y), at_penalised = -a * (penalised_y - a * x);
  const double q_x = g_x - at_value, squares = q_x * q_x + g_y * g_y;
  const double multiplier = std::max(0.0, (0.5 * squares - f_x * q_x - f_y * g_y) / squares);
  ASSERT_GT(multiplier, 0);
  const std::pair<double, double> expected[] = {
      {x - rate * f_x, penalised_y},
      {x - rate * (f_x + gamma * (at_penalised - at_value)), penalised_y},
      {x - rate * (f_x + gamma * (g_x - at_value)), y - rate * (f_y + gamma * g_y)},
      {x - rate * (f_x + multiplier * q_x), y - rate * (f_y + multiplier * g_y)},
      {x - rate * (0.5 * f_x + 0.5 * g_x), y - rate * (0.5 * f_y + 0.5 * g_y)}};
  for (std::size_t k = 0; k < std::size(kMethods); ++k) {
    const BilevelProblem problem = linear_quadratic(s, a);
    const at::Tensor at_x = number(x), at_y = number(y);
    PenaltyDescent descent(
        problem, {.method = kMethods[k], .gamma = gamma, .inner = 1, .rate = rate, .inner_rate = inner_rate},
        at_x, at_y);
    descent.step();
    EXPECT_NEAR(number(at_x), expected[k].first, 1e-12) << k;
    EXPECT_NEAR(number(at_y), expected[k].second, 1e-12) << k;
  }
}

TEST(PenaltyDescent, TheBoxHoldsAndTheResidualIsThatOfTheProjection) {
  const BilevelProblem problem = tilted();
  const at::Tensor x = number(-8), y = number(-8);
  PenaltyDescent descent(problem, {.method = PenaltyMethod::v_pbgd, .rate = 10}, x, y);
  const PenaltyStep step = descent.step();
  EXPECT_GE(number(x), -8);
  EXPECT_LE(number(x), 1.5);
  EXPECT_LE(step.residual, std::hypot(9.5, 9.5) / 10 + 1e-12);
}

TEST(PenaltyDescent, AWrongPartialGradientIsSeenInItsEnd) {
  BilevelProblem wrong = linear_quadratic(1, 2);
  wrong.lower = [right = wrong.lower](const at::Tensor& x, const at::Tensor& y, Partial which,
                                      std::int64_t draw) {
    Partials found = right(x, y, which, draw);
    if (found.x.defined()) found.x = -found.x;
    return found;
  };
  const at::Tensor x = number(3), y = number(-2);
  descend(wrong, {.gamma = 10, .inner = 5, .rate = 0.01, .inner_rate = 0.5, .steps = 5000}, x, y);
  const double weight = 10.0 / 11;
  EXPECT_GT(std::abs(number(x) - (1 + weight * 2) / (1 + weight * 4)), 0.1);
}

TEST(PenaltyDescent, StopsBeforeAGradientThatIsNotFiniteReachesXOrY) {
  for (const PenaltyMethod method : kMethods) {
    BilevelProblem problem = linear_quadratic(1, 2);
    int calls = 0;
    problem.upper = [&calls, right = problem.upper](const at::Tensor& x, const at::Tensor& y, Partial which,
                                                    std::int64_t draw) {
      Partials found = right(x, y, which, draw);
      if (++calls == 7)
        (found.x.defined() ? found.x : found.y).fill_(std::numeric_limits<double>::quiet_NaN());
      return found;
    };
    const at::Tensor x = number(3), y = number(-2);
    const auto summary = descend(problem, {.method = method, .steps = 100}, x, y);
    EXPECT_EQ(summary.status, PenaltyStatus::not_finite);
    EXPECT_NE(summary.message.find("not finite in step"), std::string::npos) << summary.message;
    EXPECT_TRUE(std::isfinite(number(x)) && std::isfinite(number(y)));
  }
}

TEST(PenaltyDescent, GoesOnToTheLastBit) {
  for (const PenaltyMethod method : kMethods) {
    for (const DescentRule rule : {DescentRule::gradient, DescentRule::adam}) {
      const BilevelProblem problem = linear_quadratic(0.7, 2);
      const PenaltyOptions options{.method = method, .rule = rule, .inner = 2};
      const at::Tensor x = number(3), y = number(-2);
      PenaltyDescent whole(problem, options, x, y);
      for (int t = 0; t < 5; ++t) whole.step();
      Section section;
      whole.save(section);
      const at::Tensor left_x = x.clone(), left_y = y.clone();
      PenaltyDescent resumed(problem, options, left_x, left_y);
      resumed.resume(section);
      for (int t = 0; t < 5; ++t) whole.step(), resumed.step();
      EXPECT_TRUE(x.equal(left_x) && y.equal(left_y));
      EXPECT_EQ(whole.count(), resumed.count());
      EXPECT_EQ(resumed.steps(), 10);
    }
  }
}

TEST(PenaltyDescent, AnUpperLevelThatDoesNotKnowXNeverMovesItWithoutAValueFunction) {
  // As in LiFT's own problem, where f = L_v(W) and x = λ.
  BilevelProblem problem = linear_quadratic(1, 2);
  problem.upper = Function{
      [](double, double y) { return (y - 1) * (y - 1) / 2; }, [](double, double) { return 0.0; },
      [](double, double y) {
        return y - 1;
      }}.partials();
  const at::Tensor x = number(0.3), y = number(1);
  PenaltyOptions options{.method = PenaltyMethod::pbgd_free,
                         .gamma = 100,
                         .inner = 20,
                         .rate = 0.1,
                         .inner_rate = 0.5,
                         .steps = 200};
  descend(problem, options, x, y);
  EXPECT_EQ(number(x), 0.3);
  options.method = PenaltyMethod::f2sa;
  descend(problem, options, x, y);
  EXPECT_NEAR(number(x), 0.5, 1e-6);
}

TEST(PenaltyDescent, NamesTheOptionThatIsWrong) {
  for (const auto& [options, name] : std::initializer_list<std::pair<PenaltyOptions, const char*>>{
           {{.gamma = 0}, "gamma"},
           {{.inner = 0}, "inner"},
           {{.rate = -1}, "rate"},
           {{.weight = 2}, "weight"},
           {{.inner_rate = std::numeric_limits<double>::infinity()}, "inner_rate"},
           {{.steps = -1}, "steps"},
           {{.tolerance = -1}, "tolerance"},
           {{.dual_rate = 0.0}, "dual_rate"}}) {
    EXPECT_TRUE(options.violation().starts_with(name)) << options.violation();
    EXPECT_THROW(PenaltyDescent(tilted(), options, number(0), number(0)), AgreedError);
  }
}

}  // namespace
}  // namespace lift
