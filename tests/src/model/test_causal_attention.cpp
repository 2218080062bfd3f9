#include "src/model/causal_attention.hpp"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include "mpi/error.hpp"

namespace lift {
namespace {

using torch::autograd::grad;
using torch::autograd::variable_list;

/// What causal_attention is, in operations that ATen itself can differentiate twice.
at::Tensor plain_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto batch = q.size(0) * q.size(1), length = q.size(2), width = q.size(3);
  const auto flat = [&](const at::Tensor& x) { return x.reshape({batch, length, width}); };
  const auto mask =
      at::full({length, length}, -std::numeric_limits<double>::infinity(), q.options()).triu_(1);
  const auto scores = at::baddbmm(mask, flat(q), flat(k).transpose(1, 2), 1, 1 / std::sqrt(width));
  return at::bmm(at::softmax(scores, -1), flat(v)).view(q.sizes());
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item().toDouble();
}

struct Place {
  const char* name;
  at::DeviceType device;
  std::int64_t length;
};

/// One stretch of queries, exactly two, and two with a short third.
class CausalAttentionTest : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (GetParam().device == at::kCPU) return;
    if (!at::globalContext().hasCUDA()) GTEST_SKIP() << "no GPU is visible";
    for (auto* tensors : {&inputs_, &along_}) {
      for (auto& tensor : *tensors) move(tensor);
    }
    move(d_out_);
  }
  static void move(at::Tensor& tensor) {
    const bool differentiable = tensor.requires_grad();
    tensor = tensor.detach().to(GetParam().device).requires_grad_(differentiable);
  }
  /// Strided like the parts of a joint projection: [B, heads, T, d] from [B, T, heads, d].
  [[nodiscard]] static at::Tensor random() {
    return at::randn({2, GetParam().length, 3, 5}, at::kDouble).transpose(1, 2);
  }
  variable_list inputs_ = {random().requires_grad_(), random().requires_grad_(), random().requires_grad_()};
  at::Tensor d_out_ = random().requires_grad_();
  variable_list along_ = {random(), random(), random()};
};

TEST_P(CausalAttentionTest, EqualsPlainAttentionWithItsGradient) {
  const auto ours = causal_attention(inputs_[0], inputs_[1], inputs_[2]);
  const auto plain = plain_attention(inputs_[0], inputs_[1], inputs_[2]);
  EXPECT_LT(relative(ours, plain), 1e-14);
  const auto our_gradient = grad({ours}, inputs_, {d_out_}), gradient = grad({plain}, inputs_, {d_out_});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_LT(relative(our_gradient[i], gradient[i]), 1e-13);
}

TEST_P(CausalAttentionTest, EqualsPlainAttentionInItsSecondDerivative) {
  const auto second = [&](const at::Tensor& out) {
    const auto gradient = grad({out}, inputs_, {d_out_}, true, true);
    return grad(gradient, {inputs_[0], inputs_[1], inputs_[2], d_out_}, along_);
  };
  const auto ours = second(causal_attention(inputs_[0], inputs_[1], inputs_[2]));
  const auto plain = second(plain_attention(inputs_[0], inputs_[1], inputs_[2]));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_LT(relative(ours[i], plain[i]), 1e-13) << "input " << i;
}

TEST_P(CausalAttentionTest, RefusesAThirdDerivative) {
  const auto gradient =
      grad({causal_attention(inputs_[0], inputs_[1], inputs_[2])}, inputs_, {d_out_}, true, true);
  EXPECT_THROW(grad(gradient, inputs_, along_, true, true), Error);
}

INSTANTIATE_TEST_SUITE_P(Lengths, CausalAttentionTest,
                         ::testing::Values(Place{"short_on_cpu", at::kCPU, 7},
                                           Place{"two_stretches_on_cpu", at::kCPU, 256},
                                           Place{"a_short_third_on_cpu", at::kCPU, 300},
                                           Place{"short_on_gpu", at::kCUDA, 7},
                                           Place{"two_stretches_on_gpu", at::kCUDA, 1024},
                                           Place{"a_short_third_on_gpu", at::kCUDA, 1100}),
                         [](const auto& place) { return place.param.name; });

}  // namespace
}  // namespace lift
