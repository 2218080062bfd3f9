#include "src/search/local_model.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/probes.hpp"
#include "src/training/vectors.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

constexpr int kRound = 2;

SearchOptions small_options() {
  SearchOptions options;
  options.probes = 5;
  options.batches = 2;
  options.hvp_batches = 2;
  options.batch = 3;
  options.seed = 9;
  return options;
}

at::Tensor joined(std::span<const double> shard, const ShardMap& layout, const Communicator& comm) {
  auto all = at::empty({layout.total()}, at::kDouble);
  gather_shards(shard, {all.data_ptr<double>(), static_cast<std::size_t>(all.numel())}, layout, comm);
  return all;
}

/// A, whole, on every rank.
at::Tensor joined_rows(const ProbeMatrix& a) {
  const auto size = static_cast<std::size_t>(a.layout().size(a.comm().rank()));
  std::vector<at::Tensor> rows;
  for (int i = 0; i < a.rows(); ++i) {
    rows.push_back(joined(a.local().subspan(static_cast<std::size_t>(i) * size, size), a.layout(), a.comm()));
  }
  return at::cat(rows).view({a.rows(), a.coordinates()});
}

class LocalModelTest : public ::testing::Test {
 protected:
  SearchState state(Tiny& tiny, const Communicator& comm) {
    return {tiny.objective, tiny.regularizer, tiny.train, tiny.valid, tiny.lambda, comm, timers_};
  }
  /// ∇_W F at the model's W and the given λ, over the sequences that a round's products use.
  static at::Tensor f_gradient(const Tiny& tiny, std::span<const double> lambda,
                               const SearchOptions& options) {
    const auto count = std::int64_t{options.hvp_batches} * options.batch;
    const auto sequences = sample_sequences(options.seed, kRound, Sample::hessian, tiny.train.size(), count);
    auto gradient = at::zeros_like(tiny.w());
    tiny.objective.add_gradient(tiny.train, sequences, gradient);
    gradient.div_(static_cast<double>(count));
    tiny.regularizer.add_gradient(lambda, tiny.w(), gradient);
    return gradient;
  }
  /// [H21, H22], n × (p + n), by central differences of ∇_W F in λ (exact: F is linear in λ) and W.
  [[nodiscard]] at::Tensor dense_hessian(const Tiny& tiny, const SearchOptions& options) const {
    const std::int64_t p = std::ssize(tiny.lambda), n = tiny.tuned.n();
    auto h = at::zeros({p + n, n}, at::kDouble);
    for (std::int64_t i = 0; i < p; ++i) {
      auto up = tiny.lambda, down = tiny.lambda;
      up[static_cast<std::size_t>(i)] += 0.5;
      down[static_cast<std::size_t>(i)] -= 0.5;
      h[i].copy_(f_gradient(tiny, up, options) - f_gradient(tiny, down, options));
    }
    const auto w = tiny.w();
    constexpr double kStep = 1e-4;
    auto columns = at::zeros({n, n}, at::kDouble);
    for (std::int64_t j = world_.rank(); j < n; j += world_.size()) {
      const double start = w[j].item().toDouble();
      w[j] = start + kStep;
      const auto up = f_gradient(tiny, tiny.lambda, options);
      w[j] = start - kStep;
      columns[j].copy_((up - f_gradient(tiny, tiny.lambda, options)) / (2 * kStep));
      w[j] = start;
    }
    sum_over_ranks(columns, world_);
    h.narrow(0, p, n).copy_(columns);
    return h.t();
  }

  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
  PhaseTimers timers_;
};

TEST_F(LocalModelTest, RowsAreTheProbesTimesTheDenseHessian) {
  Tiny tiny(at::kDouble, {.blocks = {2}, .mlp_only = {}, .regularizers = {{2, 2}}});
  tiny.lambda = {0.02, 0.3};
  const std::int64_t n = tiny.tuned.n();
  const auto masked = key_biases(tiny.tuned.layout());
  auto options = small_options();
  options.hvp_batches = 1;
  const auto h = dense_hessian(tiny, options);
  const auto before = tiny.w().clone();
  for (const auto space : {LambdaSpace::linear, LambdaSpace::log}) {
    options.radius.space = space;
    const auto model = build_local_model(state(tiny, world_), options, kRound, {});
    EXPECT_TRUE(tiny.w().equal(before));
    const auto rows = joined_rows(model.a);
    for (int i = 0; i < options.probes; ++i) {
      auto v = random_probe(options.seed, kRound, i, n, at::kDouble, at::kCPU);
      mask(v, masked);
      v.div_(norm64(v));
      auto expected = at::mv(h.t(), v);
      for (std::int64_t k = 0; k < 2; ++k) {
        if (space == LambdaSpace::log) expected[k] *= tiny.lambda[static_cast<std::size_t>(k)];
      }
      auto expected_w = expected.narrow(0, 2, n);
      EXPECT_LT(norm64(expected_w.narrow(0, masked[0].begin, 8)), 1e-7);  // what is masked is noise
      mask(expected_w, masked);
      EXPECT_LT(relative_distance(rows[i].narrow(0, 0, 2), expected.narrow(0, 0, 2)), 1e-11);
      EXPECT_LT(relative_distance(rows[i].narrow(0, 2, n), expected_w), 1e-7);
    }
  }
}

TEST_F(LocalModelTest, JointRowsAreTheProbesTimesTheJointHessian) {
  Tiny tiny(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 2}}});
  tiny.lambda = {0.02, 0.3};
  const std::int64_t n = tiny.tuned.n();
  auto options = small_options();
  options.hvp_batches = 1;
  options.probe_space = ProbeSpace::joint;
  const auto h = dense_hessian(tiny, options);  // [H21, H22]
  const auto distances = tiny.regularizer.values(tiny.w());
  for (const auto space : {LambdaSpace::linear, LambdaSpace::log}) {
    options.radius.space = space;
    const auto model = build_local_model(state(tiny, world_), options, kRound, {});
    const auto rows = joined_rows(model.a);
    for (int i = 0; i < options.probes; ++i) {
      const auto v = masked_probe(options.seed, kRound, i, tiny.tuned.layout(), at::kDouble, at::kCPU, 2);
      auto expected = at::mv(h.t(), v.w);
      for (std::int64_t k = 0; k < 2; ++k) {
        const auto index = static_cast<std::size_t>(k);
        const double scale = space == LambdaSpace::log ? tiny.lambda[index] : 1.0;
        const double h11 = space == LambdaSpace::log ? tiny.lambda[index] * distances[index] : 0.0;
        expected[k] = expected[k] * scale + h11 * v.lambda[index];
        expected.narrow(0, 2, n).add_(h.select(1, k), scale * v.lambda[index]);
      }
      EXPECT_NE(v.lambda[0], 0.0);
      EXPECT_LT(relative_distance(rows[i], expected), 1e-7);
    }
  }
}

TEST_F(LocalModelTest, KrylovRowsAreOrthonormalVectorsFromGTimesTheDenseHessian) {
  Tiny tiny(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 2}}});
  tiny.lambda = {0.02, 0.3};
  const std::int64_t n = tiny.tuned.n();
  auto options = small_options();
  options.hvp_batches = 1;
  options.probe_kind = ProbeKind::krylov;
  options.radius.space = LambdaSpace::linear;
  const auto h = dense_hessian(tiny, options);
  const auto model = build_local_model(state(tiny, world_), options, kRound, {});
  const auto rows = joined_rows(model.a);
  std::vector<at::Tensor> v;
  for (int i = 0; i < options.probes; ++i) {
    v.push_back(model.probe(i));
    EXPECT_LT(relative_distance(rows[i], at::mv(h.t(), v.back())), 1e-7) << i;
    for (int j = 0; j <= i; ++j)
      EXPECT_NEAR(dot64(v[static_cast<std::size_t>(j)], v.back()), i == j ? 1.0 : 0.0, 1e-12);
  }
  const auto g = joined(model.g, model.a.layout(), world_).narrow(0, 2, n);
  EXPECT_LT(relative_distance(v[0], g / norm64(g)), 1e-12);
  EXPECT_EQ(model.probes_done, options.probes);
}

TEST_F(LocalModelTest, AnyNumberOfRanksBuildsTheSameKrylovRows) {
  Tiny together, alone;
  auto options = small_options();
  options.probe_kind = ProbeKind::krylov;
  const auto shared = build_local_model(state(together, world_), options, kRound, {});
  const auto single = build_local_model(state(alone, self_), options, kRound, {});
  EXPECT_LT(relative_distance(joined_rows(shared.a), joined_rows(single.a)), 1e-9);
}

TEST_F(LocalModelTest, TheAdjointRowIsTheHypergradientBesideG) {
  Tiny tiny(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 2}}});
  tiny.lambda = {0.02, 0.3};
  const std::int64_t n = tiny.tuned.n();
  auto options = small_options();
  options.hvp_batches = 1;
  options.probe_kind = ProbeKind::adjoint;
  options.radius.space = LambdaSpace::linear;
  options.damping = 50.0;
  options.solve_tol = 1e-10;
  const auto h = dense_hessian(tiny, options);
  const auto model = build_local_model(state(tiny, world_), options, kRound, {});
  const auto row = joined_rows(model.a)[0];
  const auto g = joined(model.g, model.a.layout(), world_).narrow(0, 2, n);
  EXPECT_LT(relative_distance(row.narrow(0, 2, n), g), 1e-12);
  const auto q = model.probe(0);
  EXPECT_LT(relative_distance(at::mv(h.narrow(1, 2, n), q) + 50.0 * q, g), 1e-7);
  EXPECT_LE(model.implicit->certificate, 1e-9);
  EXPECT_EQ(model.implicit->certificate, model.implicit->q_residual);
  // −γ = H12 q.
  EXPECT_LT(relative_distance(row.narrow(0, 0, 2), at::mv(h.narrow(1, 0, 2).t(), q)), 1e-7);
}

TEST_F(LocalModelTest, BalancedLambdaMakesTheRegularisersGradientHalfOfTheLoss) {
  Tiny tiny;
  const auto options = small_options();
  const auto lambda = balanced_lambda(state(tiny, world_), options);
  const auto sequences = sample_sequences(options.seed, 0, Sample::hessian, tiny.train.size(), 6);
  auto loss = at::zeros_like(tiny.w()), penalty = at::zeros_like(tiny.w());
  tiny.objective.add_gradient(tiny.train, sequences, loss);
  loss.div_(6.0);
  tiny.regularizer.add_gradient(lambda, tiny.w(), penalty);
  const auto of_loss = tiny.regularizer.values(loss), of_penalty = tiny.regularizer.values(penalty);
  for (std::size_t i = 0; i < lambda.size(); ++i) EXPECT_NEAR(of_penalty[i] / of_loss[i], 0.25, 1e-9);
}

TEST_F(LocalModelTest, BalancedLambdaStaysWhereTheWeightsAreTheCentre) {
  Tiny tiny;
  tiny.regularizer = Regularizer(tiny.tuned.layout(), tiny.w().clone());
  EXPECT_EQ(balanced_lambda(state(tiny, world_), small_options()), tiny.lambda);
}

TEST_F(LocalModelTest, GIsTheValidationGradientBehindZeros) {
  Tiny tiny;
  const auto options = small_options();
  const auto model = build_local_model(state(tiny, world_), options, kRound, {});
  const auto g = joined(model.g, model.a.layout(), world_);
  const auto sequences = sample_sequences(options.seed, kRound, Sample::gradient, tiny.valid.size(), 6);
  auto expected = at::zeros_like(tiny.w());
  const auto losses = tiny.objective.add_gradient(tiny.valid, sequences, expected);
  EXPECT_LT(relative_distance(g.narrow(0, 3, tiny.tuned.n()), expected / 6), 1e-12);
  EXPECT_EQ(norm64(g.narrow(0, 0, 3)), 0.0);
  const auto fixed = key_biases(tiny.tuned.layout()).front();
  EXPECT_EQ(norm64(g.narrow(0, 3 + fixed.begin, fixed.end - fixed.begin)), 0.0);
  EXPECT_NEAR(model.slope.valid_loss, std::accumulate(losses.begin(), losses.end(), 0.0) / 6, 1e-12);
  EXPECT_NEAR(model.slope.stationarity, norm64(f_gradient(tiny, tiny.lambda, options)), 1e-12);
}

TEST_F(LocalModelTest, BoundsAreThoseOfTheRadius) {
  Tiny tiny;
  const auto options = small_options();
  const auto model = build_local_model(state(tiny, world_), options, kRound, {});
  EXPECT_EQ(model.u, program_bounds(tiny.tuned, tiny.lambda, options.radius, TrustRegion::box,
                                    model.a.layout(), world_.rank()));
}

TEST_F(LocalModelTest, AllValidationBatchesAreUsedOnRequest) {
  Tiny tiny;
  auto options = small_options();
  options.batches = 0;
  const auto model = build_local_model(state(tiny, world_), options, kRound, {});
  EXPECT_NEAR(model.slope.valid_loss,
              mean_loss(tiny.objective, tiny.valid, first_sequences(tiny.valid.size()), self_), 1e-12);
}

TEST_F(LocalModelTest, AnyNumberOfRanksBuildsTheSame) {
  for (const int probes : {1, 2, 3, 11}) {  // fewer probes than ranks, and more than share one graph
    Tiny together, alone;
    auto options = small_options();
    options.probes = probes;
    const auto shared = build_local_model(state(together, world_), options, kRound, {});
    const auto single = build_local_model(state(alone, self_), options, kRound, {});
    EXPECT_LT(relative_distance(joined_rows(shared.a), joined_rows(single.a)), 1e-12);
    EXPECT_LT(relative_distance(joined(shared.g, shared.a.layout(), world_),
                                joined(single.g, single.a.layout(), self_)),
              1e-12);
  }
}

TEST_F(LocalModelTest, AnyNumberOfRanksBuildsTheSameInFloat32) {
  for (const int probes : {1, 2, 3, 11}) {
    Tiny together(at::kFloat), alone(at::kFloat);
    auto options = small_options();
    options.probes = probes;
    const auto shared = build_local_model(state(together, world_), options, kRound, {});
    const auto single = build_local_model(state(alone, self_), options, kRound, {});
    EXPECT_LT(relative_distance(joined_rows(shared.a), joined_rows(single.a)), 1e-5);
  }
}

TEST_F(LocalModelTest, ProbesAreDividedAndNeverRepeated) {
  for (const int probes : {1, 3, 9}) {
    Tiny tiny;
    auto options = small_options();
    options.probes = probes;
    const auto model = build_local_model(state(tiny, world_), options, kRound, {});
    EXPECT_EQ(sum_over_ranks(tiny.objective.work().hvp_sequences, world_), probes * 6);
    EXPECT_GE(model.probes_done, probes / world_.size());
    EXPECT_LE(model.probes_done, (probes + world_.size() - 1) / world_.size());
  }
}

TEST_F(LocalModelTest, WithoutRegularisationThereIsNoLambda) {
  Tiny tiny(at::kFloat, {.blocks = {1}, .mlp_only = {1}, .regularizers = {{1, 0}}});
  const auto model = build_local_model(state(tiny, world_), small_options(), kRound, {});
  EXPECT_EQ(model.a.coordinates(), tiny.tuned.n());
  EXPECT_GT(norm64(joined_rows(model.a).view({-1})), 0.0);
}

TEST_F(LocalModelTest, TellsItsProgress) {
  Tiny tiny;
  std::vector<std::string> phases;
  std::int64_t probes = -1;
  SearchObserver observer;
  observer.on_progress = [&](const char* phase, std::int64_t done, std::int64_t total) {
    phases.emplace_back(phase);
    if (phases.back() != "probes") return;
    EXPECT_EQ(total, 5);
    EXPECT_GT(done, probes);
    probes = done;
  };
  build_local_model(state(tiny, world_), small_options(), kRound, observer);
  EXPECT_EQ(phases.front(), "gradient");
  EXPECT_EQ(probes, 5);
  EXPECT_GT(timers_.seconds("gradient"), 0.0);
  EXPECT_GT(timers_.seconds("probes"), 0.0);
}

TEST_F(LocalModelTest, AProductThatIsNotFiniteFailsOnEveryRank) {
  Tiny tiny;
  tiny.w()[0] = std::numeric_limits<double>::infinity();
  try {
    build_local_model(state(tiny, world_), small_options(), kRound, {});
    FAIL() << "expected an AgreedError";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
  }
}

}  // namespace
}  // namespace lift
