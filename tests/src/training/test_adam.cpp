#include "src/training/adam.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/training/vectors.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

/// A gradient that depends on w and on the step, so that a wrong moment shows.
at::Tensor gradient_at(const at::Tensor& w, int step) {
  return w * 0.7 + at::cos(w * 3.0 + step);
}

class AdamTest : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(AdamTest, FollowsTheFormulas) {
  const Adam::Options options{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
  auto w = at::linspace(-2, 3, 137, at::kDouble).to(GetParam());
  auto expected = w.to(at::kDouble).clone();
  auto m = at::zeros_like(expected), v = at::zeros_like(expected);
  Adam adam(w, options);
  for (int step = 1; step <= 20; ++step) {
    const double rate = 0.05 / step;
    const auto g = gradient_at(expected, step);
    m = m * options.beta1 + g * (1 - options.beta1);
    v = v * options.beta2 + g * g * (1 - options.beta2);
    const auto m_hat = m / (1 - std::pow(options.beta1, step));
    const auto v_hat = v / (1 - std::pow(options.beta2, step));
    expected = expected - m_hat * rate / (v_hat.sqrt() + options.epsilon);
    adam.step(w, gradient_at(w, step), rate);
  }
  EXPECT_EQ(adam.steps(), 20);
  EXPECT_LT(relative_distance(w.to(at::kDouble), expected), GetParam() == at::kDouble ? 1e-13 : 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Types, AdamTest, ::testing::Values(at::kDouble, at::kFloat));

TEST(ClipNorm, ScalesALongGradientToTheLimit) {
  auto g = at::linspace(1, 2, 50, at::kDouble);
  const auto before = g.clone();
  const double norm = norm64(before);
  EXPECT_EQ(clip_norm(g, norm / 4), norm);
  EXPECT_NEAR(norm64(g), norm / 4, 1e-14 * norm);
  EXPECT_LT(relative_distance(g * 4, before), 1e-15);
}

TEST(ClipNorm, LeavesAShortOneAndOneWithoutLimit) {
  for (const double limit : {0.0, 1e9}) {
    auto g = at::linspace(1, 2, 50, at::kDouble);
    const auto before = g.clone();
    EXPECT_EQ(clip_norm(g, limit), norm64(before));
    EXPECT_TRUE(g.equal(before));
  }
}

TEST(ClipNorm, ReportsANormThatIsNotFinite) {
  auto g = at::linspace(1, 2, 5, at::kDouble);
  g[2] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(clip_norm(g, 1.0)));
  EXPECT_EQ(g[0].item().toDouble(), 1.0);
}

}  // namespace
}  // namespace lift
