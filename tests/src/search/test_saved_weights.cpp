#include "src/search/saved_weights.hpp"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "src/objective/kernel_call.hpp"
#include "src/search/step_kernel.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

constexpr std::int64_t kSize = 3001;  // no multiple of a vector or a block

class StepAlong : public testing::TestWithParam<std::pair<at::DeviceType, at::ScalarType>> {
 protected:
  void SetUp() override {
    if (options_.device().is_cpu()) return;
    if (!kHasKernels || !at::globalContext().hasCUDA()) GTEST_SKIP() << "no device is visible";
    ASSERT_TRUE(has_kernels(start()));
  }
  [[nodiscard]] at::Tensor start() const { return random_tensor({kSize}, 1).to(options_); }
  [[nodiscard]] at::Tensor direction() const { return random_tensor({kSize}, 2).to(options_); }
  /// Of one rounding in W's type, for coordinates up to 4.
  [[nodiscard]] double ulp() const { return options_.dtype() == at::kDouble ? 0x1p-51 : 0x1p-22; }
  const at::TensorOptions options_ =
      at::TensorOptions(GetParam().first).dtype(c10::scalarTypeToTypeMeta(GetParam().second));
};

TEST_P(StepAlong, IsThatOfAten) {
  auto w = at::empty_like(start());
  step_along(w, start(), direction(), 0.3);
  EXPECT_LE((w - at::add(start(), direction(), 0.3)).abs().max().item().toDouble(), ulp());
  auto in_place = start();
  step_along(in_place, in_place, direction(), 0.3);
  EXPECT_TRUE(in_place.equal(w)) << "w is the start itself";
  EXPECT_FALSE(in_place.equal(at::add(start(), direction(), 0.31))) << "another step is another W";
}

TEST_P(StepAlong, OnADeviceRoundsOnce) {
  if (options_.device().is_cpu()) GTEST_SKIP() << "ATen's own on the CPU";
  auto w = at::empty_like(start());
  step_along(w, start(), direction(), 0.3);
  const auto ours = w.cpu(), from = start().cpu(), along = direction().cpu();
  const auto expect_stepped = [&]<typename Real>(Real) {
    for (std::int64_t i = 0; i < kSize; ++i) {
      const Real expected =
          stepped(from.data_ptr<Real>()[i], static_cast<Real>(0.3), along.data_ptr<Real>()[i]);
      ASSERT_EQ(ours.data_ptr<Real>()[i], expected) << i;
    }
  };
  options_.dtype() == at::kFloat ? expect_stepped(float{}) : expect_stepped(double{});
}

TEST_P(StepAlong, ZeroStepsKeepTheStartWhateverTheDirection) {
  auto w = at::empty_like(start());
  step_along(w, start(), at::full_like(w, std::numeric_limits<double>::quiet_NaN()), 0);
  EXPECT_TRUE(w.equal(start()));
}

INSTANTIATE_TEST_SUITE_P(Places, StepAlong,
                         testing::Values(std::pair(at::kCPU, at::kFloat), std::pair(at::kCPU, at::kDouble),
                                         std::pair(at::kCUDA, at::kFloat),
                                         std::pair(at::kCUDA, at::kDouble)));

TEST(Stepped, RoundsTheProductAndTheSumOnce) {
  const float t = 1.0F + 0x1p-12F;  // t² = 1 + 2⁻¹¹ + 2⁻²⁴, whose last term float32 has no room for
  EXPECT_EQ(stepped(-1.0F, t, t), 0x1p-11F + 0x1p-24F);
  EXPECT_NE(stepped(-1.0F, t, t), -1.0F + static_cast<float>(double{t} * t));
}

}  // namespace
}  // namespace lift
