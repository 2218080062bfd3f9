#include "src/search/bilevel_direction.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "src/objective/distributed.hpp"
#include "src/search/direction.hpp"
#include "src/search/saved_weights.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

/// One MLP in two regularisation groups: n = 280, p = 2, key biases none.
struct Small : Tiny {
  Small() : Tiny(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 2}}}) {
    lambda = {0.2, 0.6};
  }
};

class BilevelDirection : public ::testing::Test {
 protected:
  static SearchOptions options() {
    SearchOptions search;
    search.direction = DirectionKind::bilevel;
    search.batches = 0;
    search.hvp_batches = 2;
    search.batch = 3;
    search.damping = kMu;
    search.solve_tol = 1e-12;
    search.max_products = 20000;
    return search;
  }
  SearchState state() {
    return {tiny_.objective, tiny_.regularizer, tiny_.train, tiny_.valid, tiny_.lambda, world_, timers_};
  }
  /// ∇²L_t at W0, column by column.
  at::Tensor dense() {
    const std::int64_t n = tiny_.tuned.n();
    const auto sequences = sample_sequences(0, 0, Sample::hessian, tiny_.train.size(), 6);
    const auto identity = at::eye(n, at::kDouble);
    auto h = at::zeros({n, n}, at::kDouble);
    for (std::int64_t j = world_.rank(); j < n; j += world_.size()) {
      const auto v = identity[j];
      auto column = h[j];
      tiny_.objective.add_hessian_vectors(tiny_.train, sequences, {&v, 1}, {&column, 1});
    }
    sum_over_ranks(h, world_);
    return h.div_(6);
  }
  /// z(Δ) by a dense solve.
  at::Tensor dense_z(const at::Tensor& h, std::span<const double> delta) {
    std::vector<double> lambda(2), change(2);
    for (std::size_t i = 0; i < 2; ++i) {
      lambda[i] = tiny_.lambda[i] * std::exp(delta[i]);
      change[i] = tiny_.lambda[i] - lambda[i];
    }
    auto diagonal = at::zeros_like(tiny_.w()), b = at::zeros_like(tiny_.w());
    tiny_.regularizer.add_hessian_vector(lambda, at::ones_like(tiny_.w()), diagonal);
    tiny_.regularizer.add_cross(change, tiny_.w(), b);
    auto matrix = h.clone();
    matrix.diagonal().add_(diagonal + kMu);
    return at::linalg_solve(matrix, b);
  }
  double loss_at(const at::Tensor& z) {
    SavedWeights weights(tiny_.w());
    weights.step(z, 1);
    return mean_loss(tiny_.objective, tiny_.valid, first_sequences(tiny_.valid.size()), world_);
  }

  static constexpr double kMu = 20;
  const Communicator world_ = Communicator::world();
  PhaseTimers timers_;
  Small tiny_;
};

TEST_F(BilevelDirection, TheModelIsThatOfDenseSolves) {
  const auto search = options();
  const SearchState here = state();
  const Round round = choose_round(here, search, 0);
  const RoundOperators operators(round, {});
  ImplicitModel model(round, operators, kMu, search.max_products);
  const auto w0 = tiny_.w().clone();
  const auto h = dense();
  std::vector<double> gradient(2);
  double least = 1e300;
  for (const std::vector<double>& delta : {std::vector<double>{0.9, -0.7}, {-1.2, 0.3}, {0.0, 0.0}}) {
    const double value = model.value(delta, gradient);
    const auto z = dense_z(h, delta);
    EXPECT_NEAR(value, loss_at(z), 1e-11);
    if (value < least) {
      least = value;
      EXPECT_LT((operators.whole(model.best()) - z).norm().item<double>(),
                1e-10 * (1 + z.norm().item<double>()));
    }
    for (std::size_t i = 0; i < 2; ++i) {
      constexpr double kStep = 1e-4;
      auto up = delta, down = delta;
      up[i] += kStep;
      down[i] -= kStep;
      const double difference = (loss_at(dense_z(h, up)) - loss_at(dense_z(h, down))) / (2 * kStep);
      EXPECT_NEAR(gradient[i], difference, 1e-6 * std::abs(difference)) << i;
      EXPECT_GT(std::abs(difference), 1e-7);
    }
  }
  EXPECT_TRUE(tiny_.w().equal(w0)) << "W is put back to the last bit";
}

TEST_F(BilevelDirection, NoPointOfTheBoxNearItIsLower) {
  auto search = options();
  search.solve_tol = 1e-6;
  const SearchState here = state();
  const Round round = choose_round(here, search, 0);
  const auto step = bilevel_step(round, validation_slope(round, {}), {});
  ASSERT_TRUE(answered(step.summary.status)) << step.summary.message;
  const auto h = dense();
  const double most = std::log(4.0);
  double least = 1e300;
  const double start = loss_at(at::zeros_like(tiny_.w()));
  for (int i = -2; i <= 2; ++i) {
    for (int j = -2; j <= 2; ++j) {
      const std::vector<double> near = {std::clamp(step.summary.theta[0] + 0.2 * i, -most, most),
                                        std::clamp(step.summary.theta[1] + 0.2 * j, -most, most)};
      least = std::min(least, loss_at(dense_z(h, near)));
    }
  }
  // A projected gradient of at most 1e-6 |V|, over the 2 · 0.4 that the points may be away.
  const double tolerance = 1e-6 * step.summary.value * 0.8;
  EXPECT_LE(step.summary.value, least + tolerance);
  EXPECT_LT(step.summary.value, start - 4 * tolerance) << "or the tolerance says nothing";
  EXPECT_LT(step.summary.value, start);
  EXPECT_NEAR(step.summary.path.front().value, start, 1e-12);
  for (const double theta : step.summary.theta) EXPECT_LE(std::abs(theta), most);
  EXPECT_NEAR(loss_at(step.w), step.summary.value, 1e-12);
}

TEST_F(BilevelDirection, IsADirectionOfARound) {
  auto search = options();
  search.solve_tol = 1e-5;
  const auto found = find_direction(state(), search, 0, {});
  ASSERT_TRUE(found.implicit.has_value());
  EXPECT_EQ(found.implicit->status, "converged") << found.implicit->message;
  EXPECT_LT(found.implicit->predicted, 0);
  EXPECT_LE(found.implicit->certificate, 1e-5);
  EXPECT_EQ(found.implicit->mu, kMu);
  EXPECT_EQ(found.lambda.size(), 2U);
  EXPECT_NEAR(found.valid_loss + found.implicit->predicted, loss_at(found.w), 1e-11);
}

TEST_F(BilevelDirection, KeepsItsBudgetAndTheBestThatItSaw) {
  auto search = options();
  search.solve_tol = 1e-6;
  search.max_products = 25;
  const auto found = find_direction(state(), search, 0, {});
  EXPECT_EQ(found.implicit->status, "products_spent") << found.implicit->message;
  EXPECT_LE(found.implicit->products, 25 + 3) << "residuals are measured beside";
  EXPECT_LE(loss_at(found.w), found.valid_loss + 1e-12);
}

TEST_F(BilevelDirection, ABudgetSpentBeforeTheFirstValueIsSaid) {
  auto search = options();
  search.max_products = 3;
  const auto found = find_direction(state(), search, 0, {});
  EXPECT_EQ(found.implicit->status, "products_spent") << found.implicit->message;
  EXPECT_TRUE(found.implicit->failed);
  EXPECT_THAT(found.implicit->message, testing::HasSubstr("stopped before V at its start was known, "));
  EXPECT_THAT(found.implicit->message, testing::Not(testing::HasSubstr("not finite")));
  EXPECT_EQ(found.w.norm().item<double>(), 0);
}

TEST_F(BilevelDirection, WithoutGroupsThereIsNowhereToGo) {
  Tiny free(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 0}}});
  const SearchState here{free.objective, free.regularizer, free.train, free.valid,
                         free.lambda,    world_,           timers_};
  const auto found = find_direction(here, options(), 0, {});
  EXPECT_TRUE(found.lambda.empty());
  EXPECT_EQ(found.w.norm().item<double>(), 0);
}

TEST_F(BilevelDirection, IsTheSameOnEveryRank) {
  const auto found = find_direction(state(), options(), 0, {});
  EXPECT_TRUE(same_on_all_ranks(found.w, world_));
  EXPECT_TRUE(same_on_all_ranks(at::tensor(found.lambda, at::kDouble), world_));
}

}  // namespace
}  // namespace lift
