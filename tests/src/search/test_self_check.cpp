#include "src/search/self_check.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mv.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/objective/distributed.hpp"
#include "src/search/hyperlocal.hpp"
#include "src/search/probes.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

constexpr std::int64_t kSize = 200;

at::Tensor unit(std::uint64_t sequence, std::int64_t n, at::ScalarType type = at::kDouble) {
  return random_unit_vector(Philox(1, RandomStream::test), sequence, n, type, at::kCPU);
}

/// F = ½wᵀHw + ¼Σw⁴ at w = (1, …, 1), by its derivatives: ∇F(w + tv) = H(w + tv) + (w + tv)³.
class SelfCheckTest : public ::testing::Test {
 protected:
  SelfCheckTest() {
    const auto m = unit(1, kSize * kSize).view({kSize, kSize}) * kSize;
    h_ = m + m.t();
  }
  [[nodiscard]] at::Tensor product(const at::Tensor& v) const { return at::mv(h_, v) + v * 3.0; }
  [[nodiscard]] at::Tensor gradient(const at::Tensor& v, double t) const {
    const auto w = v * t + 1.0;
    return at::mv(h_, w) + w * w * w;
  }
  [[nodiscard]] SelfCheck check(const Derivatives& derivatives) const {
    return check_derivatives(derivatives, unit(2, kSize), unit(3, kSize), std::sqrt(1.0 * kSize));
  }
  [[nodiscard]] Derivatives right() const {
    return {[this](const at::Tensor& v) { return product(v); },
            [this](const at::Tensor& v, double t) { return gradient(v, t); }};
  }
  at::Tensor h_;
};

TEST_F(SelfCheckTest, PassesRightDerivatives) {
  const auto result = check(right());
  EXPECT_TRUE(result.passed);
  EXPECT_LT(result.symmetry, 1e-14);
  EXPECT_LT(result.difference, 1e-8);
  EXPECT_NEAR(result.difference_step, std::cbrt(0x1p-52) * std::sqrt(1.0 * kSize), 1e-18);
}

TEST_F(SelfCheckTest, CatchesAProductThatIsNotSymmetric) {
  auto wrong = right();
  const auto skew = unit(4, kSize * kSize).view({kSize, kSize});
  wrong.hessian_vector = [&](const at::Tensor& v) { return product(v) + at::mv(skew, v) * 1e-3; };
  const auto result = check(wrong);
  EXPECT_GT(result.symmetry, result.symmetry_limit);
  EXPECT_FALSE(result.passed);
}

TEST_F(SelfCheckTest, CatchesAWrongGradient) {
  auto wrong = right();
  wrong.gradient_along = [&](const at::Tensor& v, double t) { return gradient(v, t) - v * (1e-3 * t); };
  const auto result = check(wrong);
  EXPECT_LE(result.symmetry, result.symmetry_limit);
  EXPECT_GT(result.difference, result.difference_limit);
  EXPECT_FALSE(result.passed);
}

TEST_F(SelfCheckTest, CatchesASymmetricProductThatIsWrong) {
  auto wrong = right();
  wrong.hessian_vector = [&](const at::Tensor& v) { return product(v) * (1 + 1e-5); };
  EXPECT_FALSE(check(wrong).passed);
}

TEST_F(SelfCheckTest, NeverPassesWhatIsNotANumber) {
  auto wrong = right();
  wrong.hessian_vector = [&](const at::Tensor& v) {
    return product(v) * std::numeric_limits<double>::quiet_NaN();
  };
  EXPECT_FALSE(check(wrong).passed);
}

class ModelSelfCheckTest : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  SearchState state(Tiny& tiny) {
    return {tiny.objective, tiny.regularizer, tiny.train, tiny.valid, tiny.lambda, world_, timers_};
  }
  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
  PhaseTimers timers_;
};

TEST_P(ModelSelfCheckTest, PassesOnTheModelAndLeavesItAlone) {
  Tiny tiny(GetParam());
  const auto before = tiny.w().clone();
  const auto result = check_second_derivatives(state(tiny), {});
  EXPECT_TRUE(result.passed) << "symmetry " << result.symmetry << " of " << result.symmetry_limit
                             << ", difference " << result.difference << " of " << result.difference_limit;
  EXPECT_LT(result.difference, GetParam() == at::kDouble ? 1e-7 : 2e-3);
  EXPECT_TRUE(tiny.w().equal(before));
}

TEST_P(ModelSelfCheckTest, CatchesAProductWithoutTheRegularizer) {
  Tiny tiny(GetParam());
  const auto w = tiny.w();
  const auto sequences = first_sequences(4);
  const double lambda = GetParam() == at::kDouble ? 1e-4 : 1e-1;
  const std::vector<double> lambdas(3, lambda);
  const Derivatives wrong{[&](const at::Tensor& v) {
                            return mean_hessian_vector(tiny.objective, tiny.train, sequences, v, self_);
                          },
                          [&](const at::Tensor& v, double t) {
                            const auto start = w.clone();
                            w.add_(v, t);
                            auto f = mean_gradient(tiny.objective, tiny.train, sequences, self_);
                            tiny.regularizer.add_gradient(lambdas, w, f.gradient);
                            w.copy_(start);
                            return f.gradient;
                          }};
  const auto n = tiny.tuned.n();
  const auto result = check_derivatives(wrong, unit(2, n, GetParam()), unit(3, n, GetParam()), 10.0);
  EXPECT_LE(result.symmetry, result.symmetry_limit);
  EXPECT_FALSE(result.passed);
}

INSTANTIATE_TEST_SUITE_P(Types, ModelSelfCheckTest, ::testing::Values(at::kDouble, at::kFloat));

}  // namespace
}  // namespace lift
