// Directions from implicit solves, against dense ones.
#include "tests/src/search/direction_test.hpp"

namespace lift {
namespace {

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

}  // namespace
}  // namespace lift
