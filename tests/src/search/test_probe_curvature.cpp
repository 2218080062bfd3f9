#include "src/search/probe_curvature.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_inv.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mpi/collectives.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/hyperlocal.hpp"
#include "src/search/local_model.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

constexpr int kRound = 2;

class ProbeCurvatureTest : public ::testing::Test {
 protected:
  static SearchOptions small_options() {
    SearchOptions options;
    options.probes = 6;
    options.batches = 2;
    options.hvp_batches = 2;
    options.batch = 3;
    options.seed = 9;
    return options;
  }
  LocalModel build(Tiny& tiny, const SearchOptions& options, const Communicator& comm) {
    const SearchState state{tiny.objective, tiny.regularizer, tiny.train, tiny.valid, tiny.lambda,
                            comm,           timers_};
    return build_local_model(state, options, kRound, {});
  }
  /// H22 on the round's sequences, key biases masked.
  [[nodiscard]] at::Tensor dense(const Tiny& tiny, const SearchOptions& options) const {
    const std::int64_t n = tiny.tuned.n();
    const auto sequences = sample_sequences(options.seed, kRound, Sample::hessian, tiny.train.size(), 6);
    const auto identity = at::eye(n, at::kDouble);
    auto h = at::zeros({n, n}, at::kDouble);
    for (std::int64_t j = world_.rank(); j < n; j += world_.size()) {
      auto v = identity[j].clone();
      auto column = at::zeros_like(v);
      tiny.objective.add_hessian_vectors(tiny.train, sequences, {&v, 1}, {&column, 1});
      column.div_(6);
      tiny.regularizer.add_hessian_vector(tiny.lambda, v, column);
      h[j].copy_(column);
    }
    sum_over_ranks(h, world_);
    return h;
  }
  /// Eigenvalues of VᵀHV relative to VᵀV.
  static std::vector<double> expected(const at::Tensor& h, const LocalModel& model, int m) {
    std::vector<at::Tensor> probes;
    for (int i = 0; i < m; ++i) probes.push_back(model.probe(i).to(at::kDouble));
    const auto v = at::stack(probes);
    const auto inverse = at::linalg_inv(at::linalg_cholesky(at::mm(v, v.t())));
    const auto form = at::mm(at::mm(inverse, at::mm(at::mm(v, h), v.t())), inverse.t());
    const auto values = at::linalg_eigvalsh((form + form.t()) / 2).contiguous();
    return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
  }

  const Communicator world_ = Communicator::world(), self_ = Communicator::self();
  PhaseTimers timers_;
};

/// With an attention whose key biases are masked, and more coordinates than λ on the first rank.
TEST_F(ProbeCurvatureTest, IsThatOfTheDenseHessianOnTheProbes) {
  Tiny tiny(at::kDouble, {.blocks = {2}, .mlp_only = {}, .regularizers = {{2, 2}}});
  tiny.lambda = {0.02, 0.3};
  auto options = small_options();
  const auto h = dense(tiny, options);
  for (const auto kind : {ProbeKind::random, ProbeKind::krylov}) {
    for (const auto space : {LambdaSpace::linear, LambdaSpace::log}) {
      options.probe_kind = kind;
      options.radius.space = space;
      const auto model = build(tiny, options, world_);
      ASSERT_TRUE(model.curvature.has_value());
      EXPECT_THAT(model.curvature->ritz_values,
                  testing::Pointwise(testing::DoubleNear(1e-10), expected(h, model, options.probes)));
      EXPECT_EQ(model.curvature->vectors, options.probes);
      EXPECT_LT(model.curvature->asymmetry, 1e-12);
      EXPECT_GT(model.curvature->noise, 0);
    }
  }
}

TEST_F(ProbeCurvatureTest, CountsNoMoreNegativeEigenvaluesThanThereAre) {
  Tiny tiny;
  auto options = small_options();
  options.probe_kind = ProbeKind::krylov;
  options.probes = 20;
  const auto spectrum = at::linalg_eigvalsh(dense(tiny, options));
  const auto negative = (spectrum < 0).sum().item<std::int64_t>();
  ASSERT_GT(negative, 0);
  const auto found = build(tiny, options, world_).curvature.value();
  EXPECT_GE(found.inertia.negative, 1) << found.message;
  EXPECT_LE(found.inertia.negative, negative);
  EXPECT_THAT(found.message, testing::HasSubstr("definiteness fails"));
  EXPECT_GE(found.ritz_values.front(), spectrum[0].item<double>() - 1e-10);
  tiny.lambda = {40, 40, 40};
  EXPECT_EQ(build(tiny, options, world_).curvature->inertia.negative, 0) << "no such thing there";
}

TEST_F(ProbeCurvatureTest, AnyNumberOfRanksFindsTheSame) {
  for (const auto kind : {ProbeKind::random, ProbeKind::krylov}) {
    for (const int probes : {1, 3, 7}) {
      Tiny together, alone;
      auto options = small_options();
      options.probe_kind = kind;
      options.probes = probes;
      const auto shared = build(together, options, world_).curvature.value();
      const auto single = build(alone, options, self_).curvature.value();
      EXPECT_THAT(shared.ritz_values, testing::Pointwise(testing::DoubleNear(1e-10), single.ritz_values));
      EXPECT_EQ(shared.inertia.negative, single.inertia.negative);
    }
  }
}

TEST_F(ProbeCurvatureTest, Float32ShowsItsNoise) {
  Tiny exact, single(at::kFloat);
  const auto options = small_options();
  const auto reference = build(exact, options, world_).curvature.value();
  const auto rounded = build(single, options, world_).curvature.value();
  EXPECT_GT(rounded.asymmetry, reference.asymmetry);
  EXPECT_GT(rounded.noise, 1e-8);
  EXPECT_THAT(rounded.ritz_values, testing::Pointwise(testing::DoubleNear(1e-3), reference.ritz_values));
}

TEST_F(ProbeCurvatureTest, IsAbsentWhereRowsAreNoProductsWithH22Alone) {
  Tiny tiny;
  auto joint = small_options();
  joint.probe_space = ProbeSpace::joint;
  EXPECT_FALSE(build(tiny, joint, world_).curvature.has_value());
  for (const auto kind : {ProductKind::gauss_newton, ProductKind::identity}) {
    auto other = small_options();
    other.products.kind = kind;
    EXPECT_FALSE(build(tiny, other, world_).curvature.has_value());
  }
  auto adjoint = small_options();
  adjoint.probe_kind = ProbeKind::adjoint;
  EXPECT_FALSE(build(tiny, adjoint, world_).curvature.has_value());
}

TEST_F(ProbeCurvatureTest, DifferencesCountNothing) {
  Tiny tiny;
  auto options = small_options();
  options.probe_kind = ProbeKind::krylov;
  options.probes = 20;
  options.products.kind = ProductKind::central;
  const auto found = build(tiny, options, world_).curvature.value();
  EXPECT_LT(found.ritz_values.front(), -found.noise);
  EXPECT_EQ(found.inertia.negative, 0);
  EXPECT_THAT(found.message, testing::HasSubstr("by differences"));
}

TEST_F(ProbeCurvatureTest, TakesNoProductAndComesWithTheRound) {
  Tiny tiny;
  auto options = small_options();
  const SearchState state{tiny.objective, tiny.regularizer, tiny.train, tiny.valid,
                          tiny.lambda,    world_,           timers_};
  const auto summary = hyperlocal_round(state, options, 0, {});
  EXPECT_EQ(sum_over_ranks(tiny.objective.work().hvp_sequences, world_), options.probes * 6);
  ASSERT_TRUE(summary.curvature.has_value());
  EXPECT_EQ(summary.curvature->vectors, options.probes);
  options.direction = DirectionKind::sign;
  EXPECT_FALSE(hyperlocal_round(state, options, 1, {}).curvature.has_value());
}

}  // namespace
}  // namespace lift
