// The objective in float32 beside itself in float64 on the CPU: on this machine's CPU, and on its GPU where
// there is one.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <functional>

#include "src/objective/objective.hpp"
#include "src/objective/training_objective.hpp"
#include "tests/src/objective/toy.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

using Add = std::function<void(const Objective&, const SequenceSet&, const at::Tensor& v, at::Tensor& sum)>;

/// The toy on a device, in a type.
struct Machine {
  Machine(const Gpt2& source, at::ScalarType type, at::Device device)
      : model(copy(source, type, device)), tuned(model, TunedLayout(model.config(), toy_tuning())) {}
  static Gpt2 copy(const Gpt2& source, at::ScalarType type, at::Device device) {
    Gpt2 model = random_gpt2(source.config(), 1, type, device);
    for (const TensorSpec& spec : tensor_specs(source.config())) {
      at::Tensor values = model.tensor(spec.name);
      values.copy_(source.tensor(spec.name));
    }
    return model;
  }
  [[nodiscard]] at::Tensor sum_of(const Add& add, const SequenceSet& set, const at::Tensor& v) const {
    const Objective objective(model, tuned, 2);
    auto sum = at::zeros_like(tuned.flat());
    add(objective, set, v.to(sum.options()), sum);
    return sum.cpu().to(at::kDouble);
  }

  Gpt2 model;
  TunedParameters tuned;
};

class OnDevice : public ::testing::TestWithParam<c10::DeviceType> {
 protected:
  void SetUp() override {
    if (GetParam() == at::kCUDA && !at::globalContext().hasCUDA()) GTEST_SKIP() << "no GPU is visible";
  }
  /// ‖difference‖ / ‖reference‖.
  [[nodiscard]] double error_of(const Add& add) const {
    const Machine exact(toy_.model, at::kDouble, at::kCPU), here(toy_.model, at::kFloat, GetParam());
    auto v = random_tensor({exact.tuned.n()}, 5);
    v /= v.norm();
    const auto expected = exact.sum_of(add, toy_.set, v), found = here.sum_of(add, toy_.set, v);
    return ((found - expected).norm() / expected.norm()).item().toDouble();
  }

  const std::vector<std::int64_t> sequences_ = {4, 0, 6, 1, 3};
  const Toy toy_;
};

/// A few dozen roundings of 6e-8 each, none of TF32's 5e-4.
constexpr double kFloat32 = 5e-6;

TEST_P(OnDevice, LossesAreThoseOfFloat64) {
  const Machine exact(toy_.model, at::kDouble, at::kCPU), here(toy_.model, at::kFloat, GetParam());
  const auto expected = Objective(exact.model, exact.tuned, 2).losses(toy_.set, sequences_);
  EXPECT_THAT(Objective(here.model, here.tuned, 2).losses(toy_.set, sequences_),
              ::testing::Pointwise(::testing::DoubleNear(1e-5), expected));
}

TEST_P(OnDevice, TheGradientIsThatOfFloat64) {
  EXPECT_LT(error_of([&](const Objective& objective, const SequenceSet& set, const at::Tensor&,
                         at::Tensor& sum) { objective.add_gradient(set, sequences_, sum); }),
            kFloat32);
}

TEST_P(OnDevice, ProductsAreThoseOfFloat64) {
  EXPECT_LT(error_of([&](const Objective& objective, const SequenceSet& set, const at::Tensor& v,
                         at::Tensor& sum) { objective.add_hessian_vector(set, sequences_, v, sum); }),
            kFloat32);
  EXPECT_LT(
      error_of([&](const Objective& objective, const SequenceSet& set, const at::Tensor& v, at::Tensor& sum) {
        objective.add_gauss_newton_vectors(set, sequences_, {&v, 1}, {&sum, 1});
      }),
      kFloat32);
}

TEST_P(OnDevice, APartOfTheSequencesWouldBeSeen) {
  const Machine here(toy_.model, at::kFloat, GetParam());
  const auto sum = [&](const std::vector<std::int64_t>& sequences) {
    return here.sum_of([&](const Objective& objective, const SequenceSet& set, const at::Tensor&,
                           at::Tensor& total) { objective.add_gradient(set, sequences, total); },
                       toy_.set, here.tuned.flat());
  };
  const auto all = sum(sequences_), part = sum({4, 0, 6, 1});
  EXPECT_GT(((all - part).norm() / all.norm()).item().toDouble(), 100 * kFloat32);
}

TEST_P(OnDevice, Bfloat16StepsAreNear) {
  const Machine exact(toy_.model, at::kDouble, at::kCPU), here(toy_.model, at::kFloat, GetParam());
  const Objective objective(here.model, here.tuned, 2);
  auto found = at::zeros_like(here.tuned.flat()), expected = at::zeros_like(exact.tuned.flat());
  TrainingObjective(objective, TrainingPrecision::bf16).add_gradient(toy_.set, sequences_, found);
  Objective(exact.model, exact.tuned, 2).add_gradient(toy_.set, sequences_, expected);
  EXPECT_LT(((found.cpu().to(at::kDouble) - expected).norm() / expected.norm()).item().toDouble(), 3e-2);
}

/// On a GPU the steps show TF32, and the products after them do not.
TEST_P(OnDevice, Tf32IsOfTheStepsAlone) {
  if (GetParam() == at::kCPU) GTEST_SKIP() << "TF32 is a GPU's";
  Gpt2Config config = toy_.model.config();
  config.width = 128;
  config.inner = 512;
  const Gpt2 wide = random_gpt2(config, 3, at::kDouble);
  const Machine exact(wide, at::kDouble, at::kCPU), here(wide, at::kFloat, GetParam());
  auto v = random_tensor({exact.tuned.n()}, 5);
  v /= v.norm();
  const auto error = [&](const Add& reference, const Add& add) {
    const auto expected = exact.sum_of(reference, toy_.set, v), found = here.sum_of(add, toy_.set, v);
    return ((found - expected).norm() / expected.norm()).item().toDouble();
  };
  const Add gradient = [&](const Objective& objective, const SequenceSet& set, const at::Tensor&,
                           at::Tensor& sum) { objective.add_gradient(set, sequences_, sum); };
  const Add product = [&](const Objective& objective, const SequenceSet& set, const at::Tensor& direction,
                          at::Tensor& sum) { objective.add_hessian_vector(set, sequences_, direction, sum); };
  const double rounded = error(
      gradient, [&](const Objective& objective, const SequenceSet& set, const at::Tensor&, at::Tensor& sum) {
        TrainingObjective(objective, TrainingPrecision::tf32).add_gradient(set, sequences_, sum);
      });
  EXPECT_LT(rounded, 2e-2);
  EXPECT_GT(rounded, 4 * kFloat32);
  EXPECT_LT(error(product, product), 4 * kFloat32);
  EXPECT_LT(error(gradient, gradient), 4 * kFloat32);
}

INSTANTIATE_TEST_SUITE_P(Devices, OnDevice, ::testing::Values(at::kCPU, at::kCUDA),
                         [](const auto& device) { return device.param == at::kCPU ? "Cpu" : "Gpu"; });

}  // namespace
}  // namespace lift
