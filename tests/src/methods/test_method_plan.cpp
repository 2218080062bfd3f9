#include <gtest/gtest.h>

#include <cmath>

#include "mpi/error.hpp"
#include "src/methods/method_stages.hpp"

namespace lift {
namespace {

constexpr MethodSizes kSizes{.selection = 20, .tensors = 16};
constexpr Method kTraining[] = {
    Method::early_stop, Method::grid,      Method::random,  Method::train_valid, Method::validation_steps,
    Method::tpgm,       Method::tpgm_once, Method::ftp,     Method::pbgd_free,   Method::f2sa,
    Method::v_pbgd,     Method::bome,      Method::alright, Method::f2sa_lambda};

TEST(MethodPlan, SpendsABudgetButForLessThanAStepOfEachTraining) {
  for (const Method method : kTraining) {
    for (const double budget : {3000.0, 12'345.0, 100'000.0}) {
      MethodOptions options{.method = method, .budget = budget};
      options.penalty.inner = 2;
      const MethodPlan plan = plan_method(options, kSizes);
      EXPECT_LE(plan.units, budget) << to_string(method);
      // What a rounded interval between evaluations spares, and less than a step of each training.
      const double step = 3 * 9 * options.training.batch;  // of the costliest
      EXPECT_GT(plan.units, budget - plan.trainings * (step + 10.0 * kSizes.selection)) << to_string(method);
    }
  }
}

TEST(MethodPlan, RefusesABudgetThatPaysForNothing) {
  for (const Method method : kTraining) {
    const MethodOptions options{.method = method, .budget = 10.0};
    EXPECT_THROW((void)plan_method(options, kSizes), Error) << to_string(method);
  }
}

TEST(MethodPlan, DividesStepsOverItsTrainings) {
  const MethodOptions options{.method = Method::grid, .steps = 100, .evaluations = 4, .trials = 5};
  const MethodPlan plan = plan_method(options, kSizes);
  EXPECT_EQ(plan.trainings, 5);
  EXPECT_EQ(plan.steps, 20);
  EXPECT_EQ(plan.every, 5);
  EXPECT_EQ(plan.units, 20 + 5 * (20 * 12 + 20 * 5));
}

TEST(MethodPlan, LooksLessOftenWhereABudgetIsShort) {
  MethodOptions options{.method = Method::early_stop, .budget = 3000.0};
  EXPECT_EQ(plan_method(options, kSizes).every, (plan_method(options, kSizes).steps + 9) / 10);
  options = {.method = Method::grid, .budget = 1500.0, .trials = 6};
  const double each = (1500.0 - 20) / 6;  // a third pays for four evaluations, that of the start among them
  const MethodPlan short_of = plan_method(options, kSizes);
  EXPECT_EQ(short_of.steps, std::floor((each - 4 * 20) / 12));
  EXPECT_EQ(short_of.every, std::ceil(static_cast<double>(short_of.steps) / 3));
  options.evaluations = 10;  // what is asked for stays, and leaves two steps
  EXPECT_EQ(plan_method(options, kSizes).steps, std::floor((each - 11 * 20) / 12));
  options = {.method = Method::grid, .steps = 600, .trials = 6};
  EXPECT_EQ(plan_method(options, kSizes).every, 10) << "steps are no budget";
}

TEST(MethodPlan, CountsThePassesOfAPenaltyStep) {
  MethodOptions options{.steps = 10};
  options.penalty.inner = 3;
  const std::pair<Method, double> gradients[] = {{Method::pbgd_free, 7}, {Method::f2sa, 12},
                                                 {Method::v_pbgd, 6},    {Method::bome, 6},
                                                 {Method::alright, 2},   {Method::f2sa_lambda, 9}};
  for (const auto& [method, count] : gradients) {
    options.method = method;
    const double looks = 20.0 * (1 + 1 + 10);
    EXPECT_EQ(plan_method(options, kSizes).units, looks + 10 * 3 * count * options.training.batch);
  }
}

TEST(MethodPlan, CountsTheFlatnessReportByItself) {
  MethodOptions options{.method = Method::pbgd_free, .budget = 3000.0};
  const MethodPlan plain = plan_method(options, kSizes);
  EXPECT_EQ(plain.reported, 0);
  options.flatness = {.pairs = 5, .steps = 7};
  const MethodPlan reported = plan_method(options, kSizes);
  EXPECT_EQ(reported.units, plain.units);
  EXPECT_EQ(reported.steps, plain.steps);
  EXPECT_EQ(reported.reported, options.training.batch * (7 * 3 + 5 * 4));
}

TEST(MethodPlan, CountsTheUpdatesOfTheRadii) {
  MethodOptions options{.method = Method::tpgm, .steps = 10};
  options.tpgm.every = 4;  // after steps 1, 5 and 9
  options.tpgm.updates = 2;
  EXPECT_EQ(plan_method(options, kSizes).units, 20 * 12 + (10 + 6) * 3 * 4);
  options.method = Method::tpgm_once;
  EXPECT_EQ(plan_method(options, kSizes).units, 20 * 2 + 10 * 3 * 4);
}

TEST(MethodPlan, OfWiseIsItsEvaluations) {
  MethodOptions options{.method = Method::wise, .grid_steps = 11, .tensor_steps = 5};
  EXPECT_EQ(plan_method(options, kSizes).units, 11 * 20);
  options.method = Method::wise_tensors;
  EXPECT_EQ(plan_method(options, kSizes).units, (1 + 16 * 4) * 20);
}

TEST(PlannedTrainings, CoverTheGridFromEndToEnd) {
  const MethodOptions options{.method = Method::grid, .trials = 4, .lambda_low = 1e-6, .lambda_high = 1e-3};
  const auto trainings = planned_trainings(options);
  ASSERT_EQ(trainings.size(), 4u);
  for (int k = 0; k < 4; ++k)
    EXPECT_NEAR(std::log10(*trainings[static_cast<std::size_t>(k)].lambda), -6 + k, 1e-12);
}

TEST(PlannedTrainings, AreDrawnBetweenTheirBoundsBySeed) {
  MethodOptions options{.method = Method::random, .trials = 50, .lambda_low = 1e-6, .lambda_high = 1e-3};
  const auto drawn = planned_trainings(options);
  int low = 0;
  for (const PlannedTraining& training : drawn) {
    EXPECT_GE(*training.lambda, 1e-6);
    EXPECT_LE(*training.lambda, 1e-3);
    low += *training.lambda < std::sqrt(1e-9) ? 1 : 0;
  }
  EXPECT_GT(low, 12);
  EXPECT_LT(low, 38);
  EXPECT_EQ(*planned_trainings(options)[7].lambda, *drawn[7].lambda);
  options.training.seed = 1;
  EXPECT_NE(*planned_trainings(options)[7].lambda, *drawn[7].lambda);
}

TEST(MethodOptions, NameWhatIsWrong) {
  const std::pair<MethodOptions, const char*> wrong[] = {{{.evaluations = 0}, "evaluations"},
                                                         {{.trials = 0}, "trials"},
                                                         {{.lambda_low = 0}, "lambda_low"},
                                                         {{.grid_steps = 1}, "grid_steps"},
                                                         {{.tensor_steps = 1}, "tensor_steps"},
                                                         {{.lower_blocks = 0}, "lower_blocks"},
                                                         {{.steps = -1}, "steps"},
                                                         {{.budget = -1.0}, "budget"}};
  for (const auto& [options, name] : wrong)
    EXPECT_TRUE(options.violation().starts_with(name)) << options.violation();
  EXPECT_EQ(MethodOptions().violation(), "");
}

}  // namespace
}  // namespace lift
