#include "src/search/curvature_report.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/probes.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

class CurvatureReportTest : public ::testing::Test {
 protected:
  static SearchOptions search() {
    SearchOptions options;
    options.batches = 0;
    options.hvp_batches = 2;
    options.batch = 3;
    options.seed = 5;
    return options;
  }
  CurvatureReport report(Tiny& tiny, const CurvatureOptions& options, SearchOptions with = search()) {
    const SearchState state{tiny.objective, tiny.regularizer, tiny.train, tiny.valid,
                            tiny.lambda,    world_,           timers_};
    return measure_curvature(state, with, options, {});
  }
  /// ∇²F on the report's sequences with the rows and columns of key biases at 0.
  [[nodiscard]] at::Tensor dense(const Tiny& tiny) const {
    const std::int64_t n = tiny.tuned.n();
    const auto sequences = sample_sequences(search().seed, 0, Sample::hessian, tiny.train.size(), 6);
    const auto identity = at::eye(n, at::kDouble);
    auto h = at::zeros({n, n}, at::kDouble);
    for (std::int64_t j = world_.rank(); j < n; j += world_.size()) {
      auto v = identity[j].clone();
      mask(v, key_biases(tiny.tuned.layout()));
      auto column = at::zeros_like(v);
      tiny.objective.add_hessian_vectors(tiny.train, sequences, {&v, 1}, {&column, 1});
      column.div_(6);
      tiny.regularizer.add_hessian_vector(tiny.lambda, v, column);
      mask(column, key_biases(tiny.tuned.layout()));
      h[j].copy_(column);
    }
    sum_over_ranks(h, world_);
    return h;
  }
  static std::vector<double> eigenvalues(const at::Tensor& h) {
    const auto values = at::linalg_eigvalsh(h).contiguous();
    return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
  }

  const Communicator world_ = Communicator::world();
  PhaseTimers timers_;
};

TEST_F(CurvatureReportTest, ANegativeEigenvalueFailsAndIsThatOfTheDenseHessian) {
  Tiny tiny;  // generic weights, which nothing has minimised
  const auto h = dense(tiny);
  const auto spectrum = eigenvalues(h);
  ASSERT_LT(spectrum.front(), -1e-3);
  const auto found = report(tiny, {.max_products = 400, .basis = 60, .tol = 1e-6, .density_vectors = 0});
  EXPECT_EQ(found.h22.verdict, Verdict::fails) << found.h22.message;
  EXPECT_TRUE(answered(found.h22.least.status)) << found.h22.message;
  EXPECT_NEAR(found.h22.least.value, spectrum.front(), 1e-7);
  EXPECT_NEAR(found.h22.least.largest, spectrum.back(), 1e-6 * spectrum.back());
  EXPECT_LT(found.noise, 1e-10);
  EXPECT_GT(found.noise, 0);
  EXPECT_LE(found.products, 400 + 3);
  EXPECT_EQ(found.null_directions, 0) << "they are regularised";
  EXPECT_EQ(found.rank_h21, 3);
  // The diagonal block of each tuned block.
  ASSERT_EQ(found.blocks.size(), 2U);
  const auto& tensors = tiny.tuned.layout().tensors();
  for (const auto& block : found.blocks) {
    std::int64_t begin = tiny.tuned.n(), end = 0;
    for (const auto& tensor : tensors) {
      if (tensor.block != block.block) continue;
      begin = std::min(begin, tensor.offset);
      end = std::max(end, tensor.offset + tensor.size);
    }
    const auto least = eigenvalues(h.slice(0, begin, end).slice(1, begin, end)).front();
    EXPECT_GE(block.curvature.least.value, least - 1e-9);
    EXPECT_NEAR(block.curvature.least.value, least, 0.05 * (spectrum.back() - spectrum.front()));
    EXPECT_EQ(block.n, end - begin - (block.block == 2 ? 8 : 0));
  }
}

TEST_F(CurvatureReportTest, WhatIsCountedIsThereAndInFullWithAsManyStepsAsCoordinates) {
  Tiny tiny(at::kDouble, {.blocks = {1, 2}, .mlp_only = {1, 2}, .regularizers = {{1, 1}, {2, 1}}});
  const auto spectrum = eigenvalues(dense(tiny));
  const auto n = static_cast<int>(spectrum.size());
  const auto negative = static_cast<int>(std::ranges::count_if(spectrum, [](double x) { return x < 0; }));
  ASSERT_GT(negative, 5);
  int last = 0;
  for (const int basis : {10, 30, 90}) {
    const auto found = report(tiny, {.max_products = 3 * (basis + 10), .basis = basis, .density_vectors = 0});
    EXPECT_GE(found.h22.inertia.negative, std::max(1, last)) << basis;
    EXPECT_LE(found.h22.inertia.negative, negative) << basis;
    EXPECT_LE(found.h22.inertia.positive, n - negative) << basis;
    for (const auto& block : found.blocks)
      EXPECT_GE(found.h22.inertia.negative, block.curvature.inertia.negative);
    last = found.h22.inertia.negative;
  }
  EXPECT_GT(last, 5);
  auto with = search();
  with.products.kind = ProductKind::central;
  const CurvatureOptions options{.max_products = 60, .basis = 20, .density_vectors = 0, .blocks = false};
  EXPECT_LE(report(tiny, options, with).h22.inertia.negative, 1) << "one vector's step was measured";
}

/// solvers/README.md, Curvature, 4: W_q(I + ε e_a e_bᵀ) and W_k(I − ε e_b e_aᵀ) of a head leave the loss as
/// it is.
TEST_F(CurvatureReportTest, AnUnregularisedAttentionIsFlatAlongAStraightLineAndNotConvex) {
  Tiny tiny(at::kDouble, {.blocks = {2}, .mlp_only = {}, .regularizers = {{2, 0}}});
  const auto h = dense(tiny);
  const auto sequences = sample_sequences(search().seed, 0, Sample::hessian, tiny.train.size(), 6);
  const auto g = mean_gradient(tiny.objective, tiny.train, sequences, world_).gradient;
  auto u = at::zeros_like(g), image = at::zeros_like(g);
  constexpr int kA = 1, kB = 2, kWidth = 8;  // of the first head; the keys' columns follow the queries'
  const auto& tensors = tiny.tuned.layout().tensors();
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    const bool bias = tensors[k].name.ends_with(".attn.c_attn.bias");
    if (!bias && !tensors[k].name.ends_with(".attn.c_attn.weight")) continue;
    auto w = tiny.w();
    auto slope = g.clone();
    const auto at = tiny.tuned.view(w, k), of_g = tiny.tuned.view(slope, k);
    auto to = tiny.tuned.view(u, k), of_image = tiny.tuned.view(image, k);
    to.select(-1, kB).copy_(at.select(-1, kA));
    of_image.select(-1, kA).copy_(of_g.select(-1, kB).neg());
    if (bias) continue;  // key biases are masked
    to.select(-1, kWidth + kA).copy_(at.select(-1, kWidth + kB).neg());
    of_image.select(-1, kWidth + kB).copy_(of_g.select(-1, kWidth + kA));
  }
  const auto hu = h.mv(u);
  const auto norm = [](const at::Tensor& x) { return x.norm().item<double>(); };
  ASSERT_GT(norm(image), 1e-4);
  EXPECT_LE(norm(hu - image), 1e-12 * norm(u));
  EXPECT_LE(std::abs(u.dot(hu).item<double>()), 1e-12 * norm(u) * norm(hu));
  const double along = image.dot(h.mv(image)).item<double>(), squares = norm(image) * norm(image);
  const auto x = u - image * (squares / std::max(2 * std::abs(along), squares));
  EXPECT_LT(x.dot(h.mv(x)).item<double>(), -0.5 * squares * squares / std::max(2 * std::abs(along), squares));
}

TEST_F(CurvatureReportTest, AStrongRegulariserMakesItPositive) {
  Tiny tiny;
  tiny.lambda = {40, 40, 40};
  const auto found = report(tiny, {.max_products = 120, .basis = 30, .density_vectors = 0});
  EXPECT_EQ(found.h22.verdict, Verdict::not_refuted) << found.h22.message;
  EXPECT_GT(found.h22.least.value, 0);
  EXPECT_LE(found.h22.least.lower_bound, found.h22.least.value);
  EXPECT_GT(found.h22.least.largest, 80) << "2 lambda and more";
}

TEST_F(CurvatureReportTest, KeyBiasesThatNothingHoldsMakeItSingular) {
  Tiny free(at::kDouble, {.blocks = {1, 2}, .mlp_only = {1}, .regularizers = {{1, 1}, {2, 0}}});
  EXPECT_EQ(report(free, {.max_products = 40, .blocks = false}).null_directions, 8)
      << "the paper's own configuration";
  Tiny embedded(at::kDouble,
                {.blocks = {1}, .mlp_only = {1}, .regularizers = {{1, 1}}, .embedding_groups = 0});
  const auto found_embedded = report(embedded, {.max_products = 40, .blocks = false});
  EXPECT_EQ(found_embedded.null_directions, (16 - 9) * 8) << "positions that predict nothing";
  Tiny off;
  off.lambda = {1e-3, 0, 0};
  const auto found = report(off, {.max_products = 40, .blocks = false});
  EXPECT_EQ(found.null_directions, 8);
  EXPECT_TRUE(found.blocks.empty());
}

TEST_F(CurvatureReportTest, TheSchurComplementIsThatOfTheDenseHessian) {
  Tiny tiny(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 2}}});
  tiny.lambda = {0.02, 0.3};
  const auto h = dense(tiny);
  const auto found =
      report(tiny, {.max_products = 2000, .basis = 60, .tol = 1e-8, .damping = 50.0, .density_vectors = 0});
  ASSERT_TRUE(found.schur.has_value());
  EXPECT_EQ(found.schur->status, SchurStatus::solved) << found.schur->message;
  EXPECT_EQ(found.mu, 50.0);
  const auto damped = h + 50 * at::eye(tiny.tuned.n(), at::kDouble);
  for (std::size_t j = 0; j < 2; ++j) {
    std::vector<double> unit(2, 0.0);
    unit[j] = 1;
    auto column = at::zeros_like(tiny.w());
    tiny.regularizer.add_cross(unit, tiny.w(), column);
    const auto s = tiny.regularizer.cross(tiny.w(), at::linalg_solve(damped, column));
    for (std::size_t i = 0; i < 2; ++i)
      EXPECT_NEAR(found.schur->s[i * 2 + j], -s[i], 1e-7 * std::abs(found.schur->eigenvalues.front()));
  }
  EXPECT_LT(found.schur->eigenvalues.back(), 0) << "V(lambda) is concave there";
}

TEST_F(CurvatureReportTest, ADampingOfItsOwnMakesTheSolvesPossible) {
  Tiny tiny(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 2}}});
  const auto spectrum = eigenvalues(dense(tiny));
  ASSERT_LT(spectrum.front(), 0);
  const auto found = report(tiny, {.max_products = 1500, .basis = 60, .tol = 1e-6, .density_vectors = 0});
  EXPECT_GE(found.mu, -spectrum.front());
  EXPECT_FALSE(failed(found.schur->status)) << found.schur->message;
}

TEST_F(CurvatureReportTest, TheDensityHasTheMassOfTheSpectrum) {
  Tiny tiny(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 2}}});
  const auto spectrum = eigenvalues(dense(tiny));
  const auto found = report(tiny, {.max_products = 400, .density_vectors = 3});
  ASSERT_EQ(found.density.size(), 3U);
  const auto n = static_cast<double>(spectrum.size());
  double mean = 0, trace = 0, squares = 0;
  for (const double value : spectrum) trace += value / n, squares += value * value / n;
  for (const auto& quadrature : found.density) {
    for (std::size_t i = 0; i < quadrature.nodes.size(); ++i)
      mean += quadrature.weights[i] * quadrature.nodes[i] / 3;
  }
  // vᵀHv of normal v has the variance 2 Σ λ² / n² about the mean eigenvalue.
  EXPECT_NEAR(mean, trace, 4 * std::sqrt(2 * squares / (3 * n)));
  EXPECT_GT(std::sqrt(squares), 20 * std::sqrt(2 * squares / (3 * n))) << "or the tolerance says nothing";
}

TEST_F(CurvatureReportTest, ABudgetTooSmallIsUndecidedAndKept) {
  Tiny tiny;
  tiny.lambda = {5, 5, 5};  // positive, but five steps cannot say
  const auto found = report(tiny, {.max_products = 40, .basis = 5, .tol = 1e-12, .blocks = false});
  EXPECT_EQ(found.h22.verdict, Verdict::undecided) << found.h22.message;
  EXPECT_LE(found.products, 40 + 3);
}

TEST_F(CurvatureReportTest, DifferencesAndFloat32AgreeWithinTheirNoise) {
  Tiny exact, single(at::kFloat);
  const CurvatureOptions options{
      .max_products = 200, .basis = 40, .tol = 1e-3, .density_vectors = 0, .blocks = false};
  const auto reference = report(exact, options), rounded = report(single, options);
  EXPECT_GT(rounded.noise, reference.noise);
  EXPECT_EQ(rounded.h22.verdict, Verdict::fails);
  EXPECT_NEAR(rounded.h22.least.value, reference.h22.least.value, 1e-2 * std::abs(reference.h22.least.value));
  const auto w = exact.w().clone();
  for (const auto kind : {ProductKind::forward, ProductKind::central}) {
    auto with = search();
    with.products.kind = kind;
    const auto found = report(exact, options, with);
    EXPECT_TRUE(exact.w().equal(w));
    EXPECT_NEAR(found.h22.least.value, reference.h22.least.value,
                1e-3 * std::abs(reference.h22.least.value) + found.h22.least.residual);
    // A step so long that the differences are of another function altogether proves nothing.
    with.products.step = 3;
    const auto coarse = report(exact, options, with).h22;
    EXPECT_GT(coarse.noise, 100 * found.h22.noise);
    EXPECT_EQ(coarse.verdict, Verdict::undecided) << coarse.message << ", noise " << coarse.noise;
  }
}

TEST_F(CurvatureReportTest, AFailingBlockIsAProofOfTheWhole) {
  // Block 1 is held far above 0 by weights so different that three vectors of the whole see nothing else.
  Tiny tiny(at::kDouble, {.blocks = {1, 2}, .mlp_only = {1}, .regularizers = {{1, 4}, {2, 0}}});
  tiny.lambda = {1e2, 1e4, 1e6, 1e8};
  const auto found = report(tiny, {.max_products = 60, .basis = 3, .tol = 1e-8, .density_vectors = 0});
  ASSERT_EQ(found.blocks.at(1).curvature.verdict, Verdict::fails) << found.blocks[1].curvature.message;
  EXPECT_EQ(found.h22.verdict, Verdict::fails);
  EXPECT_THAT(found.h22.message, testing::HasSubstr("by a vector within block 2: "));
  EXPECT_NEAR(found.h22.least.value, found.blocks[1].curvature.least.value, 1e-6);
  EXPECT_GT(found.h22.least.largest, 1e6) << "that of the whole";
  EXPECT_GT(found.h22.least.products, found.blocks[1].curvature.least.products);
  // The whole's product leaves the block.
  EXPECT_GE(found.h22.least.residual, found.blocks[1].curvature.least.residual - 1e-9);
  EXPECT_TRUE(found.blocks[1].curvature.least.vector.empty());
}

TEST_F(CurvatureReportTest, WithoutGroupsThereIsNoSchurComplement) {
  Tiny tiny(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 0}}});
  const auto found = report(tiny, {.max_products = 60});
  EXPECT_FALSE(found.schur.has_value());
  EXPECT_EQ(found.rank_h21, 0);
  EXPECT_TRUE(found.blocks.empty()) << "one block is the whole";
}

TEST_F(CurvatureReportTest, IsTheSameOnEveryRank) {
  Tiny tiny;
  const auto found = report(tiny, {.max_products = 80, .basis = 12});
  const std::vector<double> mine{found.noise, found.h22.least.value, found.mu,
                                 static_cast<double>(found.products), found.density.front().nodes.front()};
  EXPECT_TRUE(same_on_all_ranks(at::tensor(mine, at::kDouble), world_));
}

TEST_F(CurvatureReportTest, RefusesWhatItCannotMeasure) {
  Tiny tiny;
  EXPECT_THROW(report(tiny, {.max_products = 39}), AgreedError);
  EXPECT_THROW(report(tiny, {.damping = -1.0}), AgreedError);
  for (const auto kind : {ProductKind::identity, ProductKind::gauss_newton}) {
    auto other = search();
    other.products.kind = kind;
    EXPECT_THROW(report(tiny, {}, other), AgreedError);
  }
  Tiny many(at::kDouble, {.blocks = {0, 1, 2}, .mlp_only = {}, .regularizers = {{0, 4}, {1, 4}, {2, 4}}});
  EXPECT_THROW(report(many, {.max_products = 60}), AgreedError) << "too few for its blocks and groups";
}

}  // namespace
}  // namespace lift
