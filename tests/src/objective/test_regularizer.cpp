#include "src/objective/regularizer.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>

#include "mpi/error.hpp"
#include "tests/src/objective/toy.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

using ::testing::DoubleNear;
using ::testing::Pointwise;

/// Σ λ_i ‖W_i − c_i‖² by autograd, from masks rather than from the code's own ranges.
class RegularizerTest : public ::testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] at::Tensor mask(int group) const {
    auto result = at::zeros({layout_.n()}, at::kDouble);
    for (const auto& tensor : layout_.tensors())
      if (tensor.group == group) result.narrow(0, tensor.offset, tensor.size).fill_(1);
    return result;
  }
  [[nodiscard]] at::Tensor term(int group, const at::Tensor& w) const {
    const auto difference = center_.defined() ? w - center_ : w;
    return (mask(group) * difference * difference).sum();
  }
  [[nodiscard]] at::Tensor objective(const at::Tensor& w) const {
    auto sum = at::zeros({}, at::kDouble);
    for (int i = 0; i < layout_.p(); ++i) sum = sum + term(i, w) * lambda_[static_cast<std::size_t>(i)];
    return sum;
  }

  TunedLayout layout_{toy_config(), {.blocks = {0, 1, 2}, .mlp_only = {1}, .regularizers = {{0, 0}, {2, 3}}}};
  at::Tensor center_ = GetParam() ? random_tensor({layout_.n()}, 1) : at::Tensor{};
  Regularizer regularizer_{layout_, center_};
  std::vector<double> lambda_ = {0.3, 1e-4, 7.0, 0.02};
  at::Tensor w_ = random_tensor({layout_.n()}, 2).requires_grad_();
  at::Tensor v_ = random_tensor({layout_.n()}, 3);
};

TEST_P(RegularizerTest, ValuesAndDerivativesEqualAutograd) {
  ASSERT_EQ(regularizer_.p(), 4);
  std::vector<double> values, cross;
  for (int i = 0; i < 4; ++i) {
    const auto r = term(i, w_);
    values.push_back(r.item().toDouble());
    cross.push_back(torch::autograd::grad({r}, {w_})[0].dot(v_).item().toDouble());
  }
  const auto g = torch::autograd::grad({objective(w_)}, {w_}, {}, true, true)[0];
  const auto hv = torch::autograd::grad({g}, {w_}, {v_})[0];

  EXPECT_THAT(regularizer_.values(w_.detach()), Pointwise(DoubleNear(1e-9), values));
  EXPECT_THAT(regularizer_.cross(w_.detach(), v_), Pointwise(DoubleNear(1e-9), cross));
  auto gradient = at::zeros({layout_.n()}, at::kDouble), product = gradient.clone();
  regularizer_.add_gradient(lambda_, w_.detach(), gradient);
  regularizer_.add_hessian_vector(lambda_, v_, product);
  EXPECT_LT((gradient - g).abs().max().item().toDouble(), 1e-13);
  for (const TensorRange part : {layout_.all(), TensorRange{2, 20}}) {
    const CoordinateSpan span = layout_.coordinates(part);
    auto of_part = at::zeros({span.size}, at::kDouble);
    regularizer_.add_part_gradient(lambda_, w_.detach(), part, of_part);
    EXPECT_LT((of_part - g.narrow(0, span.offset, span.size)).abs().max().item().toDouble(), 1e-13);
  }
  EXPECT_LT((product - hv).abs().max().item().toDouble(), 1e-13);
}

TEST_P(RegularizerTest, SumsFloatsInDouble) {
  const auto w = w_.detach().to(at::kFloat);
  const auto center = center_.defined() ? center_.to(at::kFloat) : at::Tensor{};
  const auto values = Regularizer(layout_, center).values(w);
  const auto difference = center.defined() ? w - center : w;
  for (int i = 0; i < 4; ++i) {
    const auto exact = (mask(i) * difference.to(at::kDouble).square()).sum().item().toDouble();
    EXPECT_NEAR(values[static_cast<std::size_t>(i)], exact, 1e-12 * exact);
  }
}

INSTANTIATE_TEST_SUITE_P(Centers, RegularizerTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "pretrained" : "zero"; });

TEST(Regularizer, WithoutGroupsAddsNothing) {
  const TunedLayout layout(toy_config(), {.blocks = {1}, .mlp_only = {}, .regularizers = {{1, 0}}});
  const Regularizer regularizer(layout);
  const auto w = random_tensor({layout.n()}, 2);
  auto gradient = at::zeros_like(w);
  regularizer.add_gradient({}, w, gradient);
  regularizer.add_hessian_vector({}, w, gradient);
  EXPECT_EQ(regularizer.p(), 0);
  EXPECT_TRUE(regularizer.values(w).empty());
  EXPECT_TRUE(regularizer.cross(w, w).empty());
  EXPECT_EQ(gradient.abs().max().item().toDouble(), 0.0);
}

TEST(Regularizer, RefusesACentreOfAnotherLength) {
  const TunedLayout layout(toy_config(), toy_tuning());
  EXPECT_THROW(Regularizer(layout, at::zeros({layout.n() + 1})), Error);
}

}  // namespace
}  // namespace lift
