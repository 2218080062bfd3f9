#include "src/training/regularized_adam.hpp"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cos.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "mpi/error.hpp"
#include "src/objective/kernel_call.hpp"
#include "src/objective/regularizer.hpp"
#include "tests/src/training/tiny.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

struct Place {
  at::DeviceType device;
  at::ScalarType type;
  double tolerance;  ///< relative, to the three calls on the CPU; 0: the same bits
};

constexpr double kRate = 0.05;

/// Steps on W of the small model, with the first range of it outside of all groups.
class RegularizedAdamTest : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (GetParam().device == at::kCPU) return;
    if (!kHasKernels || !at::globalContext().hasCUDA()) GTEST_SKIP() << "no device is visible";
    ASSERT_TRUE(has_kernels(here(start_)));
  }
  [[nodiscard]] static at::Tensor here(const at::Tensor& values) {
    return values.to(at::TensorOptions(GetParam().device).dtype(GetParam().type)).clone();
  }
  /// A gradient that depends on the step, longer than kClip now and then.
  [[nodiscard]] at::Tensor gradient(int step) const {
    return (at::cos(start_ * (step + 1)) * (step % 2 == 0 ? 0.01 : 1.0)).to(GetParam().type);
  }
  static void expect_close(const at::Tensor& ours, const at::Tensor& expected) {
    if (GetParam().tolerance == 0) {
      EXPECT_TRUE(ours.equal(expected));
    } else {
      EXPECT_LT(relative_distance(ours.cpu(), expected), GetParam().tolerance);
    }
  }
  /// What Trainer does after the gradient of the loss, on the CPU; the norm before clipping.
  double three_calls(at::Tensor& w, at::Tensor gradient, Adam& adam, const at::Tensor& center) const {
    Regularizer(layout_, center).add_gradient(lambda_, w, gradient);
    const double norm = clip_norm(gradient, kClip);
    adam.step(w, gradient, kRate);
    return norm;
  }
  void follow_three_calls(const at::Tensor& center) const {
    auto expected = start_.to(GetParam().type).clone();
    auto w = here(start_);
    Adam reference(expected, kOptions);
    RegularizedAdam adam(w, regularized_ranges(layout_, lambda_), center.defined() ? here(center) : center,
                         kOptions);
    for (int step = 0; step < 6; ++step) {
      const double norm = three_calls(expected, gradient(step).clone(), reference,
                                      center.defined() ? center.to(GetParam().type) : center);
      auto g = here(gradient(step));
      EXPECT_NEAR(adam.step(w, g, kRate, kClip), norm, GetParam().tolerance * norm);
      expect_close(w, expected);
    }
    EXPECT_EQ(adam.steps(), 6);
  }

  static constexpr double kClip = 5;
  static constexpr Adam::Options kOptions{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
  const TunedLayout layout_{tiny_config(),
                            {.blocks = {0, 1, 2}, .mlp_only = {1}, .regularizers = {{0, 0}, {1, 1}, {2, 2}}}};
  const std::vector<double> lambda_{0.3, 0.02, 0.1};
  const at::Tensor start_ = random_tensor({layout_.n()}, 1).to(at::kFloat).to(at::kDouble);
  const at::Tensor center_ = random_tensor({layout_.n()}, 2).to(at::kFloat).to(at::kDouble);
};

TEST_P(RegularizedAdamTest, IsRegulariserClippingAndAdamInOneCall) {
  ASSERT_EQ(layout_.p(), 3);
  ASSERT_LT(layout_.tensors()[0].group, 0);
  follow_three_calls({});
}

TEST_P(RegularizedAdamTest, WithACenterToo) {
  follow_three_calls(center_);
}

TEST_P(RegularizedAdamTest, HasTheSameBitsAgain) {
  const auto run = [&] {
    auto w = here(start_), g = here(gradient(1));
    RegularizedAdam(w, regularized_ranges(layout_, lambda_), {}, kOptions).step(w, g, kRate, kClip);
    return w;
  };
  EXPECT_TRUE(run().equal(run()));
}

TEST_P(RegularizedAdamTest, AnotherLambdaIsNoticed) {
  const auto run = [&](double lambda) {
    auto w = here(start_), g = here(gradient(1));
    const std::vector<RegularizedRange> ranges{{3, 5, lambda}};
    RegularizedAdam(w, ranges, {}, kOptions).step(w, g, kRate, 0);
    return w;
  };
  const auto moved = (run(0.0) != run(50.0)).cpu();
  EXPECT_GT(moved.narrow(0, 3, 5).sum().item().toLong(), 0);
  EXPECT_EQ(moved.sum().item().toLong(), moved.narrow(0, 3, 5).sum().item().toLong()) << "in its range only";
}

TEST_P(RegularizedAdamTest, ANormThatIsNotFiniteChangesNothing) {
  auto w = here(start_);
  RegularizedAdam adam(w, regularized_ranges(layout_, lambda_), {}, kOptions);
  auto bad = here(gradient(1));
  bad[7] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(adam.step(w, bad, kRate, kClip)));
  EXPECT_TRUE(w.equal(here(start_)));
  EXPECT_EQ(adam.steps(), 0);

  auto expected = start_.to(GetParam().type).clone();
  Adam reference(expected, kOptions);
  three_calls(expected, gradient(1).clone(), reference, {});
  auto g = here(gradient(1));
  adam.step(w, g, kRate, kClip);
  expect_close(w, expected);
}

INSTANTIATE_TEST_SUITE_P(Places, RegularizedAdamTest,
                         testing::Values(Place{at::kCPU, at::kDouble, 0}, Place{at::kCPU, at::kFloat, 0},
                                         Place{at::kCUDA, at::kDouble, 1e-13},
                                         Place{at::kCUDA, at::kFloat, 2e-6}));

using Ranges = std::vector<RegularizedRange>;

TEST(Cover, FillsTheGapsWithoutWeight) {
  const auto segments = cover(Ranges{{6, 2, 0.5}, {1, 3, 0.1}, {4, 0, 9}, {8, 1, 0.2}}, 10);
  const std::vector<std::pair<std::int64_t, double>> expected{{1, 0}, {4, 0.2}, {6, 0},
                                                              {8, 1}, {9, 0.4}, {10, 0}};
  ASSERT_EQ(segments.size(), expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    EXPECT_EQ(segments[k].end, expected[k].first);
    EXPECT_EQ(segments[k].weight, expected[k].second);
  }
}

TEST(Cover, OfNoRangesIsOneSegment) {
  ASSERT_EQ(cover({}, 3).size(), 1U);
  EXPECT_EQ(cover({}, 3)[0].end, 3);
  EXPECT_TRUE(cover({}, 0).empty());
}

TEST(Cover, RefusesWhatOverlapsOrIsOutside) {
  EXPECT_THROW(cover(Ranges{{0, 3, 1}, {2, 2, 1}}, 10), Error);
  EXPECT_THROW(cover(Ranges{{8, 3, 1}}, 10), Error);
  EXPECT_THROW(cover(Ranges{{-1, 3, 1}}, 10), Error);
  EXPECT_THROW(cover(Ranges{{2, -1, 1}}, 10), Error);
}

}  // namespace
}  // namespace lift
