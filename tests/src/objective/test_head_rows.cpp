#include "src/objective/head_rows.hpp"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/objective/kernel_call.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

double relative(const at::Tensor& a, const at::Tensor& b) {
  return ((a.to(at::kDouble) - b).norm() / b.norm()).item().toDouble();
}

struct Place {
  at::DeviceType device;
  at::ScalarType type;
  double tolerance;  ///< relative, of all entries together, to float64 on the CPU
};

/// The CPU goes by ATen, a GPU by the kernels; the oracle is ATen's softmax and cross-entropy in float64.
class HeadRows : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (GetParam().device == at::kCPU) return;
    if (!kHasKernels || !at::globalContext().hasCUDA()) GTEST_SKIP() << "no device is visible";
    ASSERT_TRUE(has_kernels(here(logits_)));
  }
  [[nodiscard]] static at::Tensor here(const at::Tensor& values) {
    return values.to(at::TensorOptions(GetParam().device).dtype(GetParam().type)).clone();
  }
  [[nodiscard]] at::Tensor targets() const { return targets_.to(GetParam().device).unsqueeze(1); }
  [[nodiscard]] static at::Tensor room_for_losses() {
    return at::empty({kRows}, at::TensorOptions(GetParam().device).dtype(at::kDouble));
  }
  [[nodiscard]] static double off(const at::Tensor& ours, const at::Tensor& expected) {
    return relative(ours.cpu(), expected) / GetParam().tolerance;
  }

  static constexpr std::int64_t kRows = 5, kVocabulary = 1237;  // not a multiple of a block
  // Rounded, so that all types begin with the same values.
  const at::Tensor logits_ = (random_tensor({kRows, kVocabulary}, 1) * 5).to(at::kFloat).to(at::kDouble);
  const at::Tensor tangents_ = random_tensor({kRows, kVocabulary}, 2).to(at::kFloat).to(at::kDouble);
  const at::Tensor targets_ = (random_tensor({kRows}, 3).abs() * 1000).to(at::kLong).remainder(kVocabulary);
  const at::Tensor probabilities_ = at::softmax(logits_, 1);
  const at::Tensor residuals_ = probabilities_ - at::one_hot(targets_, kVocabulary);
  const at::Tensor losses_ = at::cross_entropy_loss(logits_, targets_, {}, at::Reduction::None);
};

TEST_P(HeadRows, LossesAreCrossEntropy) {
  auto logits = here(logits_), losses = room_for_losses();
  head_row_losses(logits, targets(), losses);
  EXPECT_LT(off(losses, losses_), 1);
}

TEST_P(HeadRows, LossesAndResidualsInPlace) {
  auto logits = here(logits_), losses = room_for_losses();
  head_row_losses_and_residuals(logits, targets(), losses);
  EXPECT_LT(off(losses, losses_), 1);
  EXPECT_LT(off(logits, residuals_), 1);
}

TEST_P(HeadRows, ResidualsBesideTheLogits) {
  const auto logits = here(logits_);
  auto residuals = at::empty_like(logits);
  head_row_residuals(logits, targets(), residuals);
  EXPECT_LT(off(residuals, residuals_), 1);
  EXPECT_TRUE(logits.equal(here(logits_)));
}

TEST_P(HeadRows, CurvatureIsTheHessianOfLogSumExp) {
  auto logits = here(logits_);
  head_row_curvature(logits, here(tangents_));
  const auto along = (probabilities_ * tangents_).sum(1, /*keepdim=*/true);
  EXPECT_LT(off(logits, probabilities_ * (tangents_ - along)), 1);
  auto same = here(logits_);
  head_row_curvature(same, here(tangents_));
  EXPECT_TRUE(same.equal(logits)) << "the same bits again";
}

TEST_P(HeadRows, AWrongTargetIsCaught) {
  auto logits = here(logits_), losses = room_for_losses();
  head_row_losses(logits, (targets() + 1).remainder(kVocabulary), losses);
  EXPECT_GT(off(losses, losses_), 1);
}

TEST_P(HeadRows, ALogitThatIsNotANumberReachesTheLossOfItsRowOnly) {
  auto logits = here(logits_), losses = room_for_losses();
  logits[2][700] = std::numeric_limits<double>::quiet_NaN();
  head_row_losses(logits, targets(), losses);
  for (std::int64_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(std::isnan(losses[row].item().toDouble()), row == 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Places, HeadRows,
                         testing::Values(Place{at::kCPU, at::kDouble, 1e-13},
                                         Place{at::kCPU, at::kFloat, 1e-6},
                                         Place{at::kCUDA, at::kDouble, 1e-13},
                                         Place{at::kCUDA, at::kFloat, 1e-6}));

}  // namespace
}  // namespace lift
