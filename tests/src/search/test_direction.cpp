#include "tests/src/search/direction_test.hpp"

namespace lift {
namespace {

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

TEST_F(DirectionTest, GradientAndSignAreOfOneLengthByTheirNorm) {
  for (const bool with_zeros : {false, true}) {
    SCOPED_TRACE(with_zeros);
    Tiny tiny;
    const auto& tensors = tiny.tuned.layout().tensors();
    const auto output = std::ranges::find_if(
        tensors, [](const TunedTensor& tensor) { return tensor.name.ends_with("mlp.c_proj.weight"); });
    ASSERT_NE(output, tensors.end());
    // What leads into an MLP whose output is zero has no gradient, and no sign.
    if (with_zeros) tiny.w().narrow(0, output->offset, output->size).zero_();
    const std::int64_t fixed =
        key_biases(tiny.tuned.layout()).front().end - key_biases(tiny.tuned.layout()).front().begin;
    const auto zeros = (gradient(tiny) == 0).sum().item<std::int64_t>();
    EXPECT_EQ(zeros > fixed, with_zeros);
    for (const double rho : {0.03, 2.0}) {
      const auto length = [&](DirectionKind kind, RadiusUnit unit) {
        SearchOptions options = with(kind);
        options.radius = {.rho = rho, .unit = unit};
        return norm64(find(tiny, options).w);
      };
      EXPECT_NEAR(length(DirectionKind::gradient, RadiusUnit::norm), rho, 1e-13 * rho);
      EXPECT_NEAR(length(DirectionKind::sign, RadiusUnit::norm), rho, 1e-13 * rho);
      EXPECT_GT(std::abs(length(DirectionKind::gradient, RadiusUnit::rms) -
                         length(DirectionKind::sign, RadiusUnit::rms)),
                1e-3 * length(DirectionKind::sign, RadiusUnit::rms))
          << "which the other unit does not make equal";
    }
  }
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
