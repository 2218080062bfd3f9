#include "src/objective/head_products.hpp"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>

#include <limits>

#include "src/objective/head_blocks.hpp"
#include "src/objective/head_chunks.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

double relative(const at::Tensor& a, const at::Tensor& b) {
  const auto exact = b.cpu().to(at::kDouble);
  return ((a.cpu().to(at::kDouble) - exact).norm() / exact.norm()).item().toDouble();
}

struct Shape {
  const char* name;
  std::int64_t rows, vocabulary;
  double
      slope;  ///< of the logits over the vocabulary: the maximum is then met in the last block, or the first
};

constexpr std::int64_t kWidth = 6;
using head_blocks::kVocabularyBlock;

/// The two ways to the same numbers, in float64.
class HeadProducts : public testing::TestWithParam<Shape> {
 protected:
  static HeadRows make(const Shape& shape) {
    auto hidden = random_tensor({shape.rows, kWidth}, 1), head = random_tensor({shape.vocabulary, kWidth}, 2);
    hidden.select(1, 0).fill_(1);
    head.select(1, 0).add_(at::arange(shape.vocabulary, at::kDouble) * shape.slope);
    return {hidden, head, targets(shape)};
  }
  /// The words at the ends of blocks first, then all over the vocabulary.
  static at::Tensor targets(const Shape& shape) {
    auto targets = at::arange(shape.rows, at::kLong).mul(17).remainder(shape.vocabulary);
    const auto last = shape.vocabulary - 1;
    std::int64_t row = 0;
    for (const std::int64_t word : {std::int64_t{0}, kVocabularyBlock - 1, kVocabularyBlock, last})
      targets[row++] = std::min(word, last);
    return targets.unsqueeze(1);
  }
  [[nodiscard]] static at::Tensor direction(const at::Tensor& like) { return random_tensor(like.sizes(), 7); }
  /// Chunks of all rows, and of three with a shorter last one, on `device`, beside blocks on the CPU.
  void expect_chunks_agree(at::DeviceType device) const {
    const auto u = direction(rows_.hidden), head_direction = direction(rows_.head);
    const auto joint = head_blocks::joint_products(rows_, sweep_, weight_, u, head_direction);
    const HeadRows there{rows_.hidden.to(device), rows_.head.to(device), rows_.targets.to(device)};
    const auto weight = weight_.to(device), v = u.to(device), head_v = head_direction.to(device);
    for (const std::int64_t bytes : {head_chunks::kBytes, 3 * 8 * GetParam().vocabulary}) {
      const auto swept = head_chunks::sweep(there, true, bytes);
      EXPECT_LT(relative(swept.losses, sweep_.losses), 1e-13);
      EXPECT_LT(relative(swept.gradient, sweep_.gradient), 1e-12);
      EXPECT_LT(relative(head_chunks::head_gradient(there, weight, bytes),
                         head_blocks::head_gradient(rows_, sweep_, weight_)),
                1e-12);
      EXPECT_LT(
          relative(head_chunks::row_products(there, v, bytes), head_blocks::row_products(rows_, sweep_, u)),
          1e-11);
      const auto chunks = head_chunks::joint_products(there, weight, v, head_v, bytes);
      EXPECT_LT(relative(chunks.rows, joint.rows), 1e-11);
      EXPECT_LT(relative(chunks.head, joint.head), 1e-11);
    }
  }

  const HeadRows rows_ = make(GetParam());
  const at::Tensor weight_ = random_tensor({rows_.hidden.size(0), 1}, 3);
  const HeadSweep sweep_ = head_blocks::sweep(rows_, true);
};

TEST_P(HeadProducts, LossesAreCrossEntropy) {
  const auto expected = at::cross_entropy_loss(rows_.hidden.mm(rows_.head.t()), rows_.targets.squeeze(1), {},
                                               at::Reduction::None);
  EXPECT_LT(relative(sweep_.losses, expected), 1e-13);
  EXPECT_LT(relative(head_chunks::sweep(rows_, false).losses, expected), 1e-13);
  EXPECT_TRUE(head_blocks::sweep(rows_, false).losses.equal(sweep_.losses)) << "with a gradient or without";
}

TEST_P(HeadProducts, NormalisersMakeTheSoftmax) {
  const auto logits = rows_.hidden.mm(rows_.head.t());
  const auto p = at::exp(logits - sweep_.normalisers.narrow(1, 0, 1)) * sweep_.normalisers.narrow(1, 1, 1);
  EXPECT_LT(relative(p, at::softmax(logits, 1)), 1e-13);
  const auto others = 1 - at::gather(at::softmax(logits, 1), 1, rows_.targets);
  EXPECT_LT(relative(sweep_.normalisers.narrow(1, 2, 1), others), 1e-13);
}

TEST_P(HeadProducts, DerivativesAgreeBothWays) {
  expect_chunks_agree(at::kCPU);
}

TEST_P(HeadProducts, DerivativesAgreeBothWaysOnAGpu) {
  if (!at::globalContext().hasCUDA()) GTEST_SKIP() << "no GPU is visible";
  expect_chunks_agree(at::kCUDA);
}

TEST_P(HeadProducts, Float32AgreesWithFloat64) {
  const HeadRows single{rows_.hidden.to(at::kFloat), rows_.head.to(at::kFloat), rows_.targets};
  const auto sweep = head_blocks::sweep(single, true);
  EXPECT_LT(relative(sweep.losses, sweep_.losses), 1e-6);
  EXPECT_LT(relative(sweep.gradient, sweep_.gradient), 1e-5);
  const auto u = direction(rows_.hidden);
  EXPECT_LT(relative(head_blocks::row_products(single, sweep, u.to(at::kFloat)),
                     head_blocks::row_products(rows_, sweep_, u)),
            1e-4);
}

INSTANTIATE_TEST_SUITE_P(Shapes, HeadProducts,
                         testing::Values(Shape{"small", 7, 13, 0},
                                         Shape{"one_block", 20, kVocabularyBlock, 0},
                                         Shape{"one_word_more", 20, kVocabularyBlock + 1, 0},
                                         Shape{"more_rows_than_a_part", head_blocks::kRows + 3, 1300, 0},
                                         Shape{"rising", 40, 1300, 0.01}, Shape{"falling", 40, 1300, -0.01}),
                         [](const auto& info) { return info.param.name; });

class HeadProductsInHalf : public testing::Test {
 protected:
  void expect_close(const HeadSweep& sweep, const at::Tensor& head_gradient) const {
    EXPECT_EQ(sweep.gradient.scalar_type(), at::kBFloat16);
    EXPECT_LT(relative(sweep.losses, exact_.losses), 5e-3);
    EXPECT_LT(relative(sweep.gradient, exact_.gradient), 1e-2);
    EXPECT_LT(relative(head_gradient, head_blocks::head_gradient(single_, exact_, weight_)), 1e-2);
  }

  const HeadRows half_{random_tensor({40, 16}, 1).to(at::kBFloat16),
                       random_tensor({1300, 16}, 2).to(at::kBFloat16),
                       at::arange(40, at::kLong).mul(29).unsqueeze(1)};
  const HeadRows single_{half_.hidden.to(at::kFloat), half_.head.to(at::kFloat), half_.targets};
  const HeadSweep exact_ = head_blocks::sweep(single_, true);
  const at::Tensor weight_ = random_tensor({40, 1}, 3).to(at::kFloat);
};

TEST_F(HeadProductsInHalf, BlocksStayCloseToFloat32) {
  const auto sweep = head_blocks::sweep(half_, true);
  expect_close(sweep, head_blocks::head_gradient(half_, sweep, weight_));
}

TEST_F(HeadProductsInHalf, ChunksStayCloseToFloat32) {
  for (const std::int64_t bytes : {head_chunks::kBytes, std::int64_t{7} * 4 * 1300})
    expect_close(head_chunks::sweep(half_, true, bytes), head_chunks::head_gradient(half_, weight_, bytes));
}

TEST(HeadProductsOfWhatIsNotFinite, AreNotFinite) {
  HeadRows rows{random_tensor({3, 2}, 1), random_tensor({600, 2}, 2), at::arange(3, at::kLong).unsqueeze(1)};
  rows.hidden.select(0, 1).fill_(std::numeric_limits<double>::quiet_NaN());
  rows.hidden.select(0, 2).fill_(std::numeric_limits<double>::infinity());
  const auto sweep = head_blocks::sweep(rows, true);
  EXPECT_TRUE(sweep.losses.isfinite().equal(at::arange(3, at::kLong).eq(0)));
  EXPECT_FALSE(sweep.gradient.select(0, 1).isfinite().any().item().toBool());
}

/// Rows whose target is all but certain: what is left of P − Y is small, and must be right to its own size.
TEST(HeadProductsOfConfidentRows, KeepTheirPrecision) {
  const std::int64_t vocabulary = 1300, width = 16;
  auto head = random_tensor({vocabulary, width}, 2);
  head = head / head.norm(2, {1}, true);
  const auto targets = at::arange(40, at::kLong).mul(31).unsqueeze(1);
  const auto hidden = head.index_select(0, targets.squeeze(1)) * 24 + 0.5 * random_tensor({40, width}, 4);
  const auto at_type = [&](at::ScalarType type) {
    // Rounded, so that all types begin with the same values.
    const auto half = [&](const at::Tensor& x) { return x.to(at::kBFloat16).to(type); };
    return HeadRows{half(hidden), half(head), targets};
  };
  const HeadRows exact = at_type(at::kDouble);
  const auto expected = head_blocks::sweep(exact, true);
  ASSERT_LT(expected.normalisers.select(1, 2).median().item().toDouble(), 0.02) << "confident";
  const auto error = [&](at::ScalarType type) {
    const auto sweep = head_blocks::sweep(at_type(type), true);
    return std::pair(relative(sweep.losses, expected.losses), relative(sweep.gradient, expected.gradient));
  };
  EXPECT_LT(error(at::kFloat).first, 1e-4);
  EXPECT_LT(error(at::kFloat).second, 1e-4);
  EXPECT_LT(error(at::kBFloat16).second, 0.1) << "its logits are rounded to 2^-9 of some 24";
  const auto u = random_tensor(hidden.sizes(), 7);
  const HeadRows single = at_type(at::kFloat);
  EXPECT_LT(relative(head_blocks::row_products(single, head_blocks::sweep(single, true), u.to(at::kFloat)),
                     head_blocks::row_products(exact, expected, u)),
            1e-4);
}

}  // namespace
}  // namespace lift
