// The hypergradient against what it is the derivative of: V(log λ) = L_v(W*(λ)), with W* minimised anew for
// each λ.
#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "src/objective/distributed.hpp"
#include "src/search/implicit.hpp"
#include "src/search/probes.hpp"
#include "src/training/vectors.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

/// One MLP of a tiny GPT-2 in two regularisation groups, float64: n = 280, p = 2.
class TrueHypergradientTest : public ::testing::Test {
 protected:
  TrueHypergradientTest() {
    options_.batches = 0;
    options_.hvp_batches = 1;
    options_.batch = 4;
    options_.damping = 0.0;
    options_.solve_tol = 1e-11;
    options_.max_products = 2000;
    tiny_.lambda = {0.1, 0.2};
  }

  /// Makes W the minimiser of F(λ, ·) on the sequences that a round's products are made of, by Newton's
  /// method with conjugate gradients that end at negative curvature, and steps that are halved until F falls.
  void minimise() {
    auto w = tiny_.w();
    Training here = training_at();
    for (int step = 0; step < 100 && norm64(here.gradient) > 1e-12; ++step) {
      const auto newton = newton_step(here.gradient);
      const auto from = w.clone();
      Training there;
      double t = 1;
      do {
        w.copy_(from + t * newton);
        there = training_at();
        t /= 2;
      } while (there.loss > here.loss + 1e-14 && t > 1e-6);
      here = there;
    }
    ASSERT_LE(norm64(here.gradient), 1e-11) << "no minimum was found";
    ASSERT_FALSE(bent_down_) << "no minimum: the last step met negative curvature";
  }

  /// L_v(W*(λ)) with log λ_i moved by `by`; λ and W are put back.
  double moved(std::size_t i, double by) {
    const auto w = tiny_.w().clone();
    const auto lambda = tiny_.lambda;
    tiny_.lambda[i] *= std::exp(by);
    minimise();
    const double value = mean_loss(tiny_.objective, tiny_.valid, first_sequences(tiny_.valid.size()), world_);
    tiny_.w().copy_(w);
    tiny_.lambda = lambda;
    return value;
  }

  /// ∂V/∂log λ_i by the five-point rule.
  double difference(std::size_t i) {
    constexpr double h = 0.004;
    return (8 * (moved(i, h) - moved(i, -h)) - (moved(i, 2 * h) - moved(i, -2 * h))) / (12 * h);
  }

  StationaritySummary solved() {
    const SearchState state = search();
    const Round round = choose_round(state, options_, 0);
    return adjoint_step(round, validation_slope(round, {}), {}).summary;
  }

  void expect_true_hypergradient() {
    minimise();
    const auto found = solved();
    ASSERT_TRUE(answered(found.status)) << found.message;
    EXPECT_EQ(found.mu, 0.0);
    const std::vector<double> truth{difference(0), difference(1)};
    const double length = std::hypot(truth[0], truth[1]);
    ASSERT_GT(length, 1e-3) << "V is flat here";
    for (std::size_t i = 0; i < truth.size(); ++i) {
      EXPECT_NEAR(found.gamma[i], truth[i], 1e-6 * length) << i;
      EXPECT_GT(std::abs(truth[i]), 1e-3 * length) << "group " << i << " is not tested";
    }
  }

  Tiny tiny_{at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 2}}}};
  Regularizer pull_{tiny_.tuned.layout()};
  SearchOptions options_;
  Communicator world_ = Communicator::world();

 private:
  SearchState search() {
    return {tiny_.objective, pull_, tiny_.train, tiny_.valid, tiny_.lambda, world_, timers_};
  }
  [[nodiscard]] std::vector<std::int64_t> sequences() const {
    return sample_sequences(options_.seed, 0, Sample::hessian, tiny_.train.size(),
                            std::int64_t{options_.hvp_batches} * options_.batch);
  }

  struct Training {
    double loss = 0;
    at::Tensor gradient;
  };
  /// F and ∇_W F.
  Training training_at() {
    auto [loss, gradient] = mean_gradient(tiny_.objective, tiny_.train, sequences(), world_);
    const auto terms = pull_.values(tiny_.w());
    for (std::size_t i = 0; i < terms.size(); ++i) loss += tiny_.lambda[i] * terms[i];
    pull_.add_gradient(tiny_.lambda, tiny_.w(), gradient);
    return {loss, gradient};
  }
  at::Tensor product(const at::Tensor& v) {
    auto hv = mean_hessian_vector(tiny_.objective, tiny_.train, sequences(), v, world_);
    pull_.add_hessian_vector(tiny_.lambda, v, hv);
    return hv;
  }
  /// −H22⁻¹ gradient, the more exact the shorter the gradient; where a direction of negative curvature is
  /// met, as far as it came.
  at::Tensor newton_step(const at::Tensor& gradient) {
    auto x = at::zeros_like(gradient);
    auto r = -gradient, p = r.clone();
    double square = dot64(r, r);
    const double wanted = square * std::pow(std::min(0.1, norm64(gradient)), 2);
    bent_down_ = false;
    for (int step = 0; step < 400 && square > wanted; ++step) {
      const auto hp = product(p);
      const double curvature = dot64(p, hp);
      bent_down_ = curvature <= 0;
      if (bent_down_) return step == 0 ? p : x;
      x.add_(p, square / curvature);
      r.sub_(hp, square / curvature);
      const double next = dot64(r, r);
      p = r + next / square * p;
      square = next;
    }
    return x;
  }

  bool bent_down_ = false;  ///< the last Newton step met negative curvature
  PhaseTimers timers_;
};

TEST_F(TrueHypergradientTest, IsTheDerivativeOfTheValidationLossAtTheMinimiser) {
  expect_true_hypergradient();
}

TEST_F(TrueHypergradientTest, AroundOtherWeightsToo) {
  pull_ = Regularizer(tiny_.tuned.layout(), tiny_.w() * 0.9);
  expect_true_hypergradient();
}

/// What the comparison must tell apart: a damped solve is of another matrix, and off the minimum γ is no
/// derivative.
TEST_F(TrueHypergradientTest, IsAnotherOneWithDampingOrOffTheMinimum) {
  minimise();
  const double truth = difference(0);
  options_.damping = 0.01;
  EXPECT_GT(std::abs(solved().gamma[0] - truth), 1e-3 * std::abs(truth));
  options_.damping = 0.0;
  tiny_.w().mul_(1.01);
  EXPECT_GT(std::abs(solved().gamma[0] - truth), 1e-3 * std::abs(truth));
}

}  // namespace
}  // namespace lift
