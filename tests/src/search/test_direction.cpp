#include "src/search/direction.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/probes.hpp"
#include "src/training/vectors.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

class DirectionTest : public ::testing::Test {
 protected:
  SearchState state(Tiny& tiny, const Communicator& comm) {
    return {tiny.objective, tiny.regularizer, tiny.train, tiny.valid,    tiny.lambda,
            comm,           timers_,          nullptr,    tiny.w() * 0.5};
  }
  static SearchOptions with(DirectionKind kind) {
    SearchOptions options;
    options.direction = kind;
    options.probes = 4;
    options.batches = 0;
    options.hvp_batches = 2;
    options.batch = 3;
    return options;
  }
  Direction find(Tiny& tiny, const SearchOptions& options) {
    return find_direction(state(tiny, world_), options, 0, {});
  }
  at::Tensor gradient(const Tiny& tiny) const {
    auto g = mean_gradient(tiny.objective, tiny.valid, first_sequences(tiny.valid.size()), self_).gradient;
    mask(g, key_biases(tiny.tuned.layout()));
    return g;
  }
  /// One MLP in two regularisation groups: n = 280, p = 2.
  struct Small : Tiny {
    Small() : Tiny(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 2}}}) {
      lambda = {0.02, 0.3};
    }
  };
  /// H22, or what options.products has in its place, column by column.
  [[nodiscard]] at::Tensor dense_curvature(const Small& tiny, const SearchOptions& options) const {
    const std::int64_t n = tiny.tuned.n(), count = std::int64_t{options.hvp_batches} * options.batch;
    const auto sequences = sample_sequences(options.seed, 0, Sample::hessian, tiny.train.size(), count);
    const bool exact = options.products.kind == ProductKind::exact;
    const auto identity = at::eye(n, at::kDouble);
    auto h = at::zeros({n, n}, at::kDouble), diagonal = at::zeros({n}, at::kDouble);
    for (std::int64_t j = world_.rank(); j < n; j += world_.size()) {
      const auto v = identity[j];
      auto column = h[j];
      exact ? tiny.objective.add_hessian_vectors(tiny.train, sequences, {&v, 1}, {&column, 1})
            : tiny.objective.add_gauss_newton_vectors(tiny.train, sequences, {&v, 1}, {&column, 1});
    }
    sum_over_ranks(h, world_);
    tiny.regularizer.add_hessian_vector(tiny.lambda, at::ones({n}, at::kDouble), diagonal);
    h.div_(static_cast<double>(count)).diagonal().add_(diagonal);
    return h;
  }
  /// Compares the adjoint program, without a trust region, and the exact direction with dense solves of
  /// (h + μ)q = g, γ = −H12 q and (h + μ)dW = −H21 dλ, at the μ that was used.
  void expect_dense(Small& tiny, SearchOptions options, const at::Tensor& h) {
    options.solve_tol = 1e-9;
    options.max_products = 2000;
    options.direction = DirectionKind::exact;
    const auto exact = find(tiny, options);
    options.direction = DirectionKind::lp;
    options.probe_kind = ProbeKind::adjoint;
    options.trust_region = TrustRegion::none;
    const auto adjoint = find(tiny, options);
    EXPECT_LE(exact.implicit->certificate, 1e-6) << exact.implicit->message;
    EXPECT_EQ(adjoint.implicit->status, "solved") << adjoint.implicit->message;
    EXPECT_EQ(adjoint.implicit->mu, exact.implicit->mu);
    const auto damped = h + exact.implicit->mu * at::eye(tiny.tuned.n(), at::kDouble);
    auto gamma = tiny.regularizer.cross(tiny.w(), at::linalg_solve(damped, gradient(tiny)));
    std::vector<double> moved = exact.lambda;
    for (std::size_t i = 0; i < gamma.size(); ++i) {
      gamma[i] *= -tiny.lambda[i];
      moved[i] *= -tiny.lambda[i];
    }
    for (std::size_t i = 0; i < gamma.size(); ++i) {
      for (const auto* found : {&exact, &adjoint}) {
        EXPECT_NEAR(found->implicit->gamma[i], gamma[i], 1e-7 * length(gamma)) << i;
        EXPECT_EQ(found->lambda[i], std::copysign(std::log(4.0), -gamma[i])) << i;
      }
    }
    auto minus_h21 = at::zeros_like(tiny.w());
    tiny.regularizer.add_cross(moved, tiny.w(), minus_h21);
    EXPECT_LT(relative_distance(exact.w, at::linalg_solve(damped, minus_h21)), 1e-6);
  }
  static double length(const std::vector<double>& x) {
    return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
  }

  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
  PhaseTimers timers_;
};

TEST_F(DirectionTest, SignIsAVertexOfTheBoxAgainstTheGradient) {
  Tiny tiny;
  const auto d = find(tiny, with(DirectionKind::sign));
  const auto u = weight_bounds(tiny.tuned, {}, TrustRegion::box);
  EXPECT_TRUE(d.w.equal(-u * gradient(tiny).sign()));
  EXPECT_NEAR(d.slope, -(u * gradient(tiny).abs()).sum().item().toDouble(), 1e-12);
  EXPECT_EQ(d.lambda, std::vector<double>(3, 0.0));
  EXPECT_FALSE(d.lp.has_value());
}

TEST_F(DirectionTest, GradientIsTheBestStepInTheBall) {
  Tiny tiny;
  const auto d = find(tiny, with(DirectionKind::gradient));
  const auto u = weight_bounds(tiny.tuned, {}, TrustRegion::ball);
  const auto free = u > 0;
  EXPECT_NEAR(norm64((d.w / u).masked_select(free)), 1.0, 1e-12);
  EXPECT_NEAR(d.slope, -norm64(u * gradient(tiny)), 1e-12);
}

TEST_F(DirectionTest, WiseLeadsToThePretrainedWeights) {
  Tiny tiny;
  const auto d = find(tiny, with(DirectionKind::wise));
  EXPECT_TRUE(d.w.equal(tiny.w() * 0.5 - tiny.w()));
  EXPECT_NEAR(d.slope, dot64(gradient(tiny), d.w), 1e-12);
}

TEST_F(DirectionTest, WithOneRowTheBoxProgramIsASignStepInAllButOneCoordinate) {
  Tiny tiny;
  auto box = with(DirectionKind::lp);
  box.probes = 1;
  const auto d = find(tiny, box), sign = find(tiny, with(DirectionKind::sign));
  EXPECT_GE(d.slope, sign.slope) << "a row more can only cost";
  EXPECT_LT(d.slope, 0.0);
  const auto u = weight_bounds(tiny.tuned, {}, TrustRegion::box);
  const auto inside = (d.w.abs() < 0.999 * u).logical_and(u > 0).sum().item().toLong();
  EXPECT_LE(inside, 1) << "a vertex: signs in all but one coordinate";
}

TEST_F(DirectionTest, TheBallProgramKeepsRowsAndRadius) {
  Tiny tiny;
  auto options = with(DirectionKind::lp);
  options.trust_region = TrustRegion::ball;
  const auto d = find(tiny, options);
  ASSERT_TRUE(d.lp.has_value());
  EXPECT_TRUE(d.lp->answered);
  EXPECT_LE(d.lp->certificate.residual, 1e-9);
  EXPECT_LE(d.lp->certificate.bound_violation, 1e-9);
  const auto u = weight_bounds(tiny.tuned, {}, TrustRegion::ball);
  double squares = 0;
  for (const double x : d.lambda) squares += x * x / std::pow(std::log(4.0), 2);
  EXPECT_LE(squares + std::pow(norm64((d.w / u).masked_select(u > 0)), 2), 1 + 1e-9);
  EXPECT_LT(d.slope, 0.0);
  EXPECT_GE(d.slope, find(tiny, with(DirectionKind::gradient)).slope);
}

TEST_F(DirectionTest, SetsOfTheirOwnKeepRowsAndReachFurtherThanTheOneBall) {
  Tiny tiny;
  auto options = with(DirectionKind::lp);
  options.trust_region = TrustRegion::ball;
  const double one_ball = find(tiny, options).slope;
  const double s = std::log(4.0);
  double reached = one_ball;
  for (const auto region : {TrustRegion::two_balls, TrustRegion::box_ball}) {
    options.trust_region = region;
    const auto d = find(tiny, options);
    ASSERT_TRUE(d.lp->answered) << d.lp->message;
    EXPECT_LE(d.lp->certificate.residual, 1e-9);
    EXPECT_LE(d.lp->certificate.bound_violation, 1e-9);
    const auto u = weight_bounds(tiny.tuned, {}, region);
    EXPECT_TRUE(u.equal(weight_bounds(tiny.tuned, {}, TrustRegion::ball)));
    EXPECT_NEAR(norm64((d.w / u).masked_select(u > 0)), 1.0, 1e-7);
    for (const double x : d.lambda) EXPECT_LE(std::abs(x), s * (1 + 1e-9));
    if (region == TrustRegion::two_balls) {
      EXPECT_LE(length(d.lambda), s * (1 + 1e-9));
    }
    EXPECT_LE(d.slope, reached + 1e-9 * std::abs(reached)) << "each set holds the one before";
    reached = d.slope;
    EXPECT_GE(d.slope, find(tiny, with(DirectionKind::gradient)).slope * (1 + 1e-9));
  }
}

TEST_F(DirectionTest, TheAdjointProgramOfTwoSetsGoesAsFarAsTheSmaller) {
  Tiny tiny;
  tiny.lambda = {0.5, 0.2, 0.3};
  auto options = with(DirectionKind::lp);
  options.probe_kind = ProbeKind::adjoint;
  options.damping = 50.0;
  options.solve_tol = 1e-10;
  for (const auto region : {TrustRegion::two_balls, TrustRegion::box_ball}) {
    options.trust_region = region;
    const auto d = find(tiny, options);
    ASSERT_TRUE(d.lp->answered) << d.lp->message;
    const auto& gamma = d.implicit->gamma;
    const double s = std::log(4.0), b = norm64(weight_bounds(tiny.tuned, {}, region) * gradient(tiny));
    double sum = 0;
    for (const double entry : gamma) sum += std::abs(entry);
    const double a = s * (region == TrustRegion::two_balls ? length(gamma) : sum);
    EXPECT_NEAR(d.implicit->predicted, -a, 1e-9 * a) << "of λ alone";
    EXPECT_NEAR(d.slope, -std::min(a, b), 1e-8 * b);
  }
}

TEST_F(DirectionTest, WithoutATrustRegionThereIsNoMinimumAndARayIsHandedOver) {
  Tiny tiny;
  auto options = with(DirectionKind::lp);
  options.trust_region = TrustRegion::none;
  std::vector<double> ray;
  SearchObserver observer;
  observer.on_direction = [&](int, const LocalModel&, std::span<const double> d) {
    ray.assign(d.begin(), d.end());
  };
  try {
    find_direction(state(tiny, world_), options, 0, observer);
    FAIL() << "expected an AgreedError";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("unbounded"));
  }
  ASSERT_EQ(std::ssize(ray), 3 + tiny.tuned.n());
  const auto g = gradient(tiny).contiguous();
  double slope = 0;
  for (std::int64_t k = 0; k < tiny.tuned.n(); ++k)
    slope += ray[static_cast<std::size_t>(3 + k)] * g.const_data_ptr<double>()[k];
  EXPECT_LT(slope, 0.0);
}

TEST_F(DirectionTest, TheAdjointProgramIsBoundedWithoutATrustRegion) {
  Tiny tiny;
  auto options = with(DirectionKind::lp);
  options.probe_kind = ProbeKind::adjoint;
  options.trust_region = TrustRegion::none;
  options.damping = 50.0;
  const auto d = find(tiny, options);
  EXPECT_TRUE(d.lp->answered) << d.lp->message;
  auto exact = with(DirectionKind::exact);
  exact.damping = 50.0;
  const auto e = find(tiny, exact);
  EXPECT_LT(d.implicit->products, e.implicit->products) << "it solves for no dW";
  // dλ = −s sign γ in both, whatever dW.
  EXPECT_EQ(d.lambda, e.lambda);
  EXPECT_NEAR(d.slope, e.implicit->predicted, 1e-6 * std::abs(e.implicit->predicted));
}

TEST_F(DirectionTest, TheSignOfTheAdjointProgramIsThatOfADenseHypergradient) {
  for (const int seed : {1, 2}) {
    Small tiny;
    tiny.w().mul_(1 + 0.1 * seed);
    auto options = with(DirectionKind::lp);
    const auto h = dense_curvature(tiny, options);
    // What the solver chooses beside curvature of both signs, and far more: γ may change its sign between.
    for (const auto damping : {std::optional<double>(), std::optional(50.0)}) {
      options.damping = damping;
      expect_dense(tiny, options, h);
    }
  }
}

TEST_F(DirectionTest, GaussNewtonProductsNeedLittleDampingForTheirHypergradient) {
  Small tiny;
  auto options = with(DirectionKind::exact);
  options.products.kind = ProductKind::gauss_newton;
  options.damping = 0.1;
  expect_dense(tiny, options, dense_curvature(tiny, options));
  options.max_products = 2000;
  const auto d = find(tiny, options);
  EXPECT_EQ(d.implicit->mu, 0.1) << "not raised";
  EXPECT_GT(d.implicit->theta_min, 0.0);
  EXPECT_LT(d.slope, 0.0);
  EXPECT_NEAR(d.slope, d.implicit->predicted, 1e-3 * std::abs(d.slope));
}

TEST_F(DirectionTest, AbsoluteCurvatureDescendsWithoutMuchDamping) {
  Small tiny;
  auto options = with(DirectionKind::exact);
  options.damping = 0.1;
  options.inverse = DampedInverse::absolute;
  options.basis = 400;
  options.max_products = 400;
  const auto d = find(tiny, options);
  EXPECT_EQ(d.implicit->mu, 0.1) << "not raised";
  EXPECT_LT(d.implicit->theta_min, -0.1) << "where (H22 + mu) would be indefinite";
  EXPECT_LT(d.slope, 0.0);
  EXPECT_NEAR(d.slope, d.implicit->predicted, 1e-5 * std::abs(d.slope));
}

TEST_F(DirectionTest, ExactInTheBallGoesDownTheHypergradient) {
  Tiny tiny;
  tiny.lambda = {0.5, 0.2, 0.3};
  auto options = with(DirectionKind::exact);
  options.trust_region = TrustRegion::ball;
  options.damping = 50.0;
  options.solve_tol = 1e-10;
  const auto d = find(tiny, options);
  ASSERT_EQ(d.implicit->status, "solved") << d.implicit->message;
  const auto& gamma = d.implicit->gamma;
  const double s = std::log(4.0);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(d.lambda[i], -s * gamma[i] / length(gamma), 1e-12);
  EXPECT_NEAR(d.implicit->predicted, -s * length(gamma), 1e-12 * length(gamma));
  EXPECT_NEAR(d.slope, d.implicit->predicted, 1e-6 * std::abs(d.slope));
  options.trust_region = TrustRegion::box;
  const auto box = find(tiny, options);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(std::abs(box.lambda[i]), s) << "a vertex, where the ball has none";
  EXPECT_LT(box.slope, d.slope) << "the box holds the ball";
}

TEST_F(DirectionTest, TheAdjointProgramInTheBallHasAClosedForm) {
  Tiny tiny;
  tiny.lambda = {0.5, 0.2, 0.3};
  auto options = with(DirectionKind::lp);
  options.probe_kind = ProbeKind::adjoint;
  options.trust_region = TrustRegion::ball;
  options.damping = 50.0;
  options.solve_tol = 1e-10;
  const auto d = find(tiny, options);
  ASSERT_TRUE(d.lp->answered) << d.lp->message;
  const auto& gamma = d.implicit->gamma;
  const auto u = weight_bounds(tiny.tuned, {}, TrustRegion::ball);
  // In units of the radii, the part of (0, g) beside the row (−γ, g), as long as the ball allows.
  const double s = std::log(4.0), a = s * length(gamma), b = norm64(u * gradient(tiny));
  const double both = std::hypot(a, b);
  EXPECT_NEAR(d.implicit->predicted, -a, 1e-9 * a) << "of λ alone";
  EXPECT_NEAR(d.slope, -a * b / both, 1e-9 * b);
  EXPECT_LT(relative_distance(d.w, -u * u * gradient(tiny) * (a / (b * both))), 1e-9);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(d.lambda[i], -s * s * gamma[i] * b / (a * both), 1e-9);
}

TEST_F(DirectionTest, AsManyJointProbesAsCoordinatesLeaveNoDirection) {  // A3
  Small tiny;
  auto options = with(DirectionKind::lp);
  options.hvp_batches = 1;
  options.radius.space = LambdaSpace::linear;
  options.probes = 2 + static_cast<int>(tiny.tuned.n());
  options.probe_space = ProbeSpace::joint;
  for (const auto region : {TrustRegion::box, TrustRegion::ball, TrustRegion::two_balls,
                            TrustRegion::box_ball, TrustRegion::none}) {
    options.trust_region = region;
    const auto d = find(tiny, options);
    EXPECT_TRUE(d.lp->answered) << d.lp->message;
    const auto u = weight_bounds(tiny.tuned, {}, region);
    EXPECT_LE((d.w / u).abs().max().item().toDouble(), 1e-6);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_LE(std::abs(d.lambda[i]), 1e-6 * tiny.lambda[i]);
  }
  options.probe_space = ProbeSpace::weights;
  const auto d = find(tiny, options);
  EXPECT_TRUE(d.lp->answered) << d.lp->message;
  EXPECT_LT(d.slope, 0.0) << "as many probes of W alone leave the directions of (6)";
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(std::abs(d.lambda[i]), tiny.lambda[i]);
}

TEST_F(DirectionTest, ExactKeepsStationarityToSecondOrder) {
  Tiny tiny;
  tiny.lambda = {0.5, 0.2, 0.3};
  auto options = with(DirectionKind::exact);
  options.damping = 50.0;
  options.solve_tol = 1e-10;
  const auto d = find(tiny, options);
  ASSERT_EQ(d.implicit->status, "solved") << d.implicit->message;
  EXPECT_LT(d.slope, 0.0);
  EXPECT_NEAR(d.slope, d.implicit->predicted, 1e-6 * std::abs(d.slope));
  // ‖∇F(λ e^{t dλ}, W + t dW) − ∇F(λ, W) + t μ dW‖ is of second order in t.
  const auto sequences = sample_sequences(options.seed, 0, Sample::hessian, tiny.train.size(), 6);
  const auto start = tiny.w().clone();
  const auto gradient_at = [&](double t) {
    auto lambda = tiny.lambda;
    for (std::size_t i = 0; i < lambda.size(); ++i) lambda[i] *= std::exp(t * d.lambda[i]);
    tiny.w().copy_(start + t * d.w);
    auto f = mean_gradient(tiny.objective, tiny.train, sequences, self_).gradient;
    tiny.regularizer.add_gradient(lambda, tiny.w(), f);
    mask(f, key_biases(tiny.tuned.layout()));
    return f;
  };
  const auto base = gradient_at(0);
  const auto drift = [&](double t) { return norm64(gradient_at(t) - base + (t * 50.0) * d.w); };
  EXPECT_NEAR(drift(0.02) / drift(0.01), 4.0, 0.2);
}

TEST_F(DirectionTest, AnyNumberOfRanksFindsTheSame) {
  for (const auto kind : {DirectionKind::lp, DirectionKind::exact, DirectionKind::gradient}) {
    Tiny together, alone;
    auto options = with(kind);
    options.damping = 50.0;
    options.solve_tol = 1e-10;
    const auto a = find_direction(state(together, world_), options, 0, {});
    const auto b = find_direction(state(alone, self_), options, 0, {});
    EXPECT_LT(relative_distance(a.w, b.w), 1e-7);
  }
}

TEST(SignAgreement, CountsTheGroupsThatGoAgainstTheHypergradient) {
  EXPECT_EQ(sign_agreement({-1, 2, 4, 0, 5}, {3, -1e-9, 1, 1, 0}), 2.0 / 3)
      << "of those that move and have a sign";
  EXPECT_EQ(sign_agreement({1, 1}, {1, 1}), 0.0);
  EXPECT_EQ(sign_agreement({1, 1}, {0, std::nan("")}), std::nullopt);
  EXPECT_EQ(sign_agreement({}, {}), std::nullopt);
}

}  // namespace
}  // namespace lift
