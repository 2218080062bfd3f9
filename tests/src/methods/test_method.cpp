#include "src/methods/method.hpp"

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mpi/collectives.hpp"
#include "src/methods/method_stages.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/saved_weights.hpp"
#include "tests/src/methods/method_fixture.hpp"

namespace lift {
namespace {

constexpr Method kMethods[] = {
    Method::early_stop,       Method::grid, Method::random,       Method::train_valid,
    Method::validation_steps, Method::wise, Method::wise_tensors, Method::tpgm,
    Method::tpgm_once,        Method::ftp,  Method::pbgd_free,    Method::f2sa,
    Method::v_pbgd,           Method::bome, Method::alright,      Method::f2sa_lambda};

class MethodTest : public ::testing::Test {
 protected:
  static MethodOptions options(Method method) {
    MethodOptions options{
        .method = method, .steps = 24, .evaluations = 3, .trials = 2, .grid_steps = 5, .tensor_steps = 3};
    options.training.rate = 3e-3;
    options.penalty = {.rule = DescentRule::adam, .gamma = 5, .inner = 2, .rate = 3e-3, .inner_rate = 3e-3};
    if (method == Method::early_stop || method == Method::grid) options.from_pretrained = true;
    return options;
  }
  [[nodiscard]] double selection(const OverfittedTiny& tiny) const {
    return mean_loss(tiny.objective, tiny.valid, first_sequences(tiny.valid.size()), world_);
  }
  Communicator world_ = Communicator::world();
};

TEST_F(MethodTest, NeverEndsWithAGreaterSelectionLossThanItStartedWith) {
  for (const Method method : kMethods) {
    if (method == Method::train_valid) continue;
    OverfittedTiny tiny(world_);
    const double before = selection(tiny);
    const MethodSummary done = run_method(tiny.state(), options(method), {});
    EXPECT_LE(selection(tiny), before) << to_string(method);
    EXPECT_EQ(selection(tiny) < before, done.kept != "start") << to_string(method);
    EXPECT_TRUE(same_on_all_ranks(tiny.w(), world_)) << to_string(method);
  }
}

TEST_F(MethodTest, CostsWhatItsPlanSays) {
  for (const Method method : kMethods) {
    OverfittedTiny tiny(world_);
    MethodOptions with = options(method);
    with.training.batch = 3;  // no batch of an epoch is a short one
    const SearchState state = tiny.state();
    const MethodPlan plan = plan_method(with, sizes_of(state));
    run_method(state, with, {});
    const double units = sum_over_ranks(forward_units(tiny.objective.work()), world_);
    EXPECT_NEAR(units, plan.units, 1e-9 * plan.units) << to_string(method);
  }
}

TEST_F(MethodTest, WiseIsTheBestPointOfItsGrid) {
  OverfittedTiny tiny(world_);
  const at::Tensor start = tiny.w().clone();
  double least = INFINITY, where = 0;
  for (int k = 0; k <= 4; ++k) {
    at::Tensor w = tiny.w();
    step_along(w, start, tiny.pretrained - start, k / 4.0);
    if (const double loss = selection(tiny); loss < least) least = loss, where = k / 4.0;
  }
  at::Tensor w = tiny.w();
  w.copy_(start);
  std::vector<StageSummary> stages;
  SearchObserver observer;
  observer.on_stage = [&](const StageSummary& stage) { stages.push_back(stage); };
  run_method(tiny.state(), options(Method::wise), observer);
  ASSERT_EQ(stages.size(), 1u);
  EXPECT_EQ(stages[0].t, where);
  EXPECT_EQ(stages[0].losses.size(), 5u);
  EXPECT_NEAR(selection(tiny), least, 1e-12);
}

TEST_F(MethodTest, WiseOfTensorsLeadsEachBackByItsShare) {
  OverfittedTiny tiny(world_);
  const at::Tensor start = tiny.w().clone();
  const MethodSummary done = run_method(tiny.state(), options(Method::wise_tensors), {});
  const auto& tensors = tiny.tuned.layout().tensors();
  ASSERT_EQ(done.shares.size(), tensors.size());
  at::Tensor expected = start.clone();
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    EXPECT_EQ(done.shares[k].tensor, tensors[k].name);
    at::Tensor part = expected.narrow(0, tensors[k].offset, tensors[k].size);
    part += done.shares[k].share * (tiny.pretrained.narrow(0, tensors[k].offset, tensors[k].size) - part);
  }
  EXPECT_LT(relative_distance(tiny.w(), expected), 1e-14);
  OverfittedTiny other(world_);
  run_method(other.state(), options(Method::wise), {});
  EXPECT_LT(selection(tiny), selection(other) + 1e-2);
}

TEST_F(MethodTest, GoesOnToTheSameBitsWhereverItIsLeft) {
  for (const Method method : kMethods) {
    const TempFolder folder(world_);
    MethodSummary done;
    const auto work = [&](const SearchState& state, const SearchObserver& observer) {
      done = run_method(state, options(method), observer);
    };
    const LeftEnd whole = run_in_sessions(-1, folder, world_, work);
    const std::string kept = done.kept;
    for (const int left_at : {3}) {
      const LeftEnd end = run_in_sessions(left_at, folder, world_, work);
      if (method != Method::wise) {
        EXPECT_GT(end.sessions, 1) << to_string(method);
      }
      EXPECT_TRUE(end.w.equal(whole.w)) << to_string(method) << " left at " << left_at;
      EXPECT_EQ(end.lambda, whole.lambda) << to_string(method);
      EXPECT_EQ(end.stages, whole.stages) << to_string(method);
      EXPECT_EQ(done.kept, kept) << to_string(method);
    }
  }
}

TEST_F(MethodTest, EndsAlikeOnAnyNumberOfRanks) {
  for (const Method method : kMethods) {
    OverfittedTiny tiny(world_);
    run_method(tiny.state(), options(method), {});
    const Communicator self = Communicator::self();
    OverfittedTiny alone(self);
    run_method(alone.state(), options(method), {});
    EXPECT_LT(relative_distance(tiny.w(), alone.w()), 1e-10) << to_string(method);
  }
}

TEST_F(MethodTest, F2saOnLiftsOwnProblemLeavesALambdaOfItsOwn) {
  OverfittedTiny tiny(world_);
  const auto before = tiny.lambda;
  MethodOptions with = options(Method::f2sa_lambda);
  with.penalty.rate = 0.2;
  const MethodSummary done = run_method(tiny.state(), with, {});
  ASSERT_TRUE(done.penalty);
  EXPECT_EQ(done.penalty->count.lower_x, 2 * with.steps);
  if (done.kept != "start") {
    EXPECT_NE(tiny.lambda, before);
  }
}

TEST_F(MethodTest, ReportsTheFlatnessAndLeavesAllElseAsItWas) {
  for (const Method method :
       {Method::pbgd_free, Method::f2sa, Method::v_pbgd, Method::bome, Method::alright}) {
    SCOPED_TRACE(to_string(method));
    MethodOptions with = options(method);
    with.training.batch = 3;
    OverfittedTiny plain(world_), tiny(world_);
    const MethodSummary without = run_method(plain.state(), with, {});
    with.flatness = {.pairs = 4, .steps = 6};
    const SearchState state = tiny.state();
    const MethodPlan plan = plan_method(with, sizes_of(state));
    const MethodSummary done = run_method(state, with, {});
    EXPECT_TRUE(tiny.w().equal(plain.w()));
    EXPECT_EQ(tiny.lambda, plain.lambda);
    EXPECT_EQ(done.kept, without.kept);
    EXPECT_FALSE(without.flatness);
    ASSERT_TRUE(done.flatness);
    EXPECT_EQ(done.flatness->pairs, 4);
    EXPECT_GT(done.flatness->slope, 0);
    EXPECT_GT(done.flatness->distance, 0);
    const double reported = sum_over_ranks(done.reported_units, world_),
                 all = sum_over_ranks(forward_units(tiny.objective.work()), world_);
    EXPECT_NEAR(reported, plan.reported, 1e-9 * reported);
    EXPECT_NEAR(all - reported, plan.units, 1e-9 * all);
  }
}

TEST_F(MethodTest, TheFlatnessIsTheSameHoweverManyRanksMeasureIt) {
  const Communicator alone = Communicator::self();
  MethodOptions with = options(Method::pbgd_free);
  with.flatness = {.pairs = 4, .steps = 6};
  OverfittedTiny tiny(world_), reference(alone);
  const FlatnessSummary shared = *run_method(tiny.state(), with, {}).flatness,
                        own = *run_method(reference.state(), with, {}).flatness;
  EXPECT_NEAR(shared.slope, own.slope, 1e-6 * own.slope);
  EXPECT_NEAR(shared.distance, own.distance, 1e-6 * own.distance);
  EXPECT_NEAR(shared.delta, own.delta, 1e-6 * own.slope * own.distance);
}

TEST_F(MethodTest, TheFlatnessHasTheSameBitsWhereverTheDescentIsLeft) {
  MethodOptions with = options(Method::f2sa);
  with.flatness = {.pairs = 3, .steps = 4};
  const TempFolder folder(world_);
  FlatnessSummary found;
  const auto work = [&](const SearchState& state, const SearchObserver& observer) {
    found = *run_method(state, with, observer).flatness;
  };
  run_in_sessions(-1, folder, world_, work);
  const FlatnessSummary whole = found;
  EXPECT_GT(run_in_sessions(with.steps, folder, world_, work).sessions, 1) << "left before the report alone";
  EXPECT_EQ(found.message, whole.message);
  EXPECT_EQ(found.slope, whole.slope);
  EXPECT_EQ(found.delta, whole.delta);
  run_in_sessions(5, folder, world_, work);
  EXPECT_EQ(found.slope, whole.slope);
  EXPECT_EQ(found.residual, whole.residual);
}

TEST_F(MethodTest, RefusesWhatItCannotDo) {
  OverfittedTiny tiny(world_);
  SearchState state = tiny.state();
  state.pretrained = at::Tensor();
  EXPECT_THROW(run_method(state, options(Method::wise), {}), AgreedError);
  EXPECT_THROW(run_method(tiny.state(), options(Method::lift), {}), AgreedError);
  MethodOptions wrong = options(Method::pbgd_free);
  wrong.lower_blocks = 2;
  EXPECT_THROW(run_method(tiny.state(), wrong, {}), Error);
  MethodOptions own = options(Method::f2sa_lambda);
  own.flatness.pairs = 1;
  EXPECT_THROW(run_method(tiny.state(), own, {}), AgreedError);
}

}  // namespace
}  // namespace lift
