#include "src/training/adam_element.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "src/training/adam.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

template <typename Real>
void follow_aten(double tolerance) {
  const Adam::Options options{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
  const at::ScalarType type = std::is_same_v<Real, float> ? at::kFloat : at::kDouble;
  at::Tensor w = at::linspace(-2, 3, 137, at::kDouble).to(type);
  const at::Tensor ours = w.clone(), m = at::zeros_like(w), v = at::zeros_like(w);
  Adam adam(w, options);
  for (int step = 1; step <= 20; ++step) {
    const double rate = 0.05 / step;
    const at::Tensor g = at::cos(at::linspace(step, 30, 137, at::kDouble)).to(type);
    adam.step(w, g, rate);
    const AdamStep<Real> element(options.beta1, options.beta2, options.epsilon, rate, step);
    for (std::int64_t i = 0; i < w.numel(); ++i) {
      element(g.data_ptr<Real>()[i], ours.data_ptr<Real>()[i], m.data_ptr<Real>()[i], v.data_ptr<Real>()[i]);
    }
  }
  EXPECT_LT(relative_distance(ours, w), tolerance);
  EXPECT_LT(relative_distance(m, adam.moments().first), tolerance);
  EXPECT_LT(relative_distance(v, adam.moments().second), tolerance);
}

TEST(AdamStep, OfOneElementIsAtensInDouble) {
  follow_aten<double>(1e-14);
}

TEST(AdamStep, OfOneElementIsAtensInFloat) {
  follow_aten<float>(1e-6);
}

TEST(Regularized, AddsTheWeightedDistanceWithOneRounding) {
  EXPECT_EQ(regularized(1.0, 3.0, 1.0, 0.5), 2.0);
  const float small = 1.0F + 0x1p-12F;
  EXPECT_EQ(regularized(-1.0F, small, 0.0F, double{small}), 0x1p-11F + 0x1p-24F);
}

TEST(Regularized, AWeightOfZeroLeavesTheGradientWhateverW) {
  EXPECT_EQ(regularized(2.0, std::numeric_limits<double>::infinity(), 0.0, 0.0), 2.0);
}

TEST(ClipFactor, ShortensOnlyWhatIsLongerThanALimit) {
  EXPECT_EQ(clip_factor(8, 2), 0.25);
  EXPECT_EQ(clip_factor(2, 2), 1);
  EXPECT_EQ(clip_factor(1, 2), 1);
  EXPECT_EQ(clip_factor(8, 0), 1);
}

TEST(SegmentOf, IsTheOneWhoseEndIsNext) {
  const std::vector<Segment> segments{{1, 0}, {5, 1}, {6, 2}, {20, 3}};
  for (int count = 1; count <= 4; ++count) {
    for (std::int64_t i = 0; i < segments[count - 1].end; ++i) {
      int expected = 0;
      while (segments[expected].end <= i) ++expected;
      EXPECT_EQ(segment_of(segments.data(), count, i), expected) << i << " of " << count;
    }
  }
}

}  // namespace
}  // namespace lift
