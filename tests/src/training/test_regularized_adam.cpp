#include "src/training/regularized_adam.hpp"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cos.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

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
    RegularizedAdam adam(w, Regularizer(layout_, center.defined() ? here(center) : center), lambda_,
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
    RegularizedAdam(w, Regularizer(layout_), lambda_, kOptions).step(w, g, kRate, kClip);
    return w;
  };
  EXPECT_TRUE(run().equal(run()));
}

TEST_P(RegularizedAdamTest, AnotherLambdaMovesItsGroupAlone) {
  const auto run = [&](double lambda) {
    auto w = here(start_), g = here(gradient(1));
    RegularizedAdam(w, Regularizer(layout_), std::vector{lambda, 0.02, 0.1}, kOptions).step(w, g, kRate, 0);
    return w;
  };
  const auto moved = (run(0.0) != run(50.0)).cpu();
  std::int64_t in_group = 0;
  for (const auto& tensor : layout_.tensors())
    if (tensor.group == 0) in_group += moved.narrow(0, tensor.offset, tensor.size).sum().item().toLong();
  EXPECT_GT(in_group, 0);
  EXPECT_EQ(moved.sum().item().toLong(), in_group);
}

TEST_P(RegularizedAdamTest, ANormThatIsNotFiniteChangesNothing) {
  auto w = here(start_);
  RegularizedAdam adam(w, Regularizer(layout_), lambda_, kOptions);
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

TEST(Segments, CoverAllCoordinatesWithTheWeightsOfTheirGroups) {
  const TunedLayout layout(tiny_config(),
                           {.blocks = {0, 1}, .mlp_only = {1}, .regularizers = {{0, 0}, {1, 2}}});
  const auto segments = segments_of(layout, std::vector{0.5, 0.25});
  ASSERT_EQ(segments.size(), 3U);
  for (const auto& tensor : layout.tensors()) {
    const auto& segment =
        segments[static_cast<std::size_t>(segment_of(segments.data(), 3, tensor.offset + tensor.size - 1))];
    EXPECT_EQ(segment.weight, tensor.group < 0 ? 0.0 : tensor.group == 0 ? 1.0 : 0.5) << tensor.name;
  }
  EXPECT_EQ(segments.back().end, layout.n());
}

}  // namespace
}  // namespace lift
