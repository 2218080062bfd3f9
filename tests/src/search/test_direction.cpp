#include "src/search/direction.hpp"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>

#include <cmath>

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

TEST_F(DirectionTest, TheSignOfTheAdjointProgramIsThatOfTheHypergradient) {
  for (const int seed : {1, 2, 3}) {
    Tiny tiny;
    tiny.w().mul_(1 + 0.1 * seed);
    auto options = with(DirectionKind::lp);
    options.probe_kind = ProbeKind::adjoint;
    options.damping = 50.0;
    const auto d = find(tiny, options);
    auto exact = with(DirectionKind::exact);
    exact.damping = 50.0;
    const auto gamma = find(tiny, exact).implicit->gamma;
    for (std::size_t i = 0; i < gamma.size(); ++i) EXPECT_LT(d.lambda[i] * gamma[i], 0.0) << i;
  }
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

}  // namespace
}  // namespace lift
