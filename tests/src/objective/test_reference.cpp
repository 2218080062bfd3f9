// HF transformers' float64 numbers for the stand-in checkpoint of ../shared/models, met in both precisions.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "src/model/checkpoint.hpp"
#include "src/objective/distributed.hpp"
#include "src/text/corpus.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

struct Precision {
  at::ScalarType type;
  double loss, derivative;  ///< relative tolerances
};

const TuningSpec kTuning = {.blocks = {1, 7, 11}, .mlp_only = {1, 11}, .regularizers = {}};

class ReferenceTest : public ::testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    const auto models = shared_folder() / "models";
    if (!std::filesystem::exists(models / "reference.json"))
      GTEST_SKIP() << models / "reference.json"
                   << " is not there";
    std::ifstream(models / "reference.json") >> reference_;
  }
  [[nodiscard]] SequenceSet load(Split split, std::int64_t limit) const {
    auto tokenizer = Tokenizer::load(shared_folder() / "models/gpt2-stand-in");
    CorpusOptions options;
    options.folder = shared_folder() / "data/wikitext-2-raw";
    (split == Split::train ? options.train_limit : options.limit) = limit;
    return load_split(options, split, tokenizer, world_);
  }
  [[nodiscard]] Gpt2 load_model() const {
    return load_checkpoint(shared_folder() / "models/gpt2-stand-in", GetParam().type, at::kCPU, world_);
  }
  void expect_close(double value, const nlohmann::json& expected, double tolerance) const {
    EXPECT_NEAR(value, expected.get<double>(), tolerance * std::abs(expected.get<double>()));
  }
  void expect_values(const at::Tensor& values, const nlohmann::json& expected, double scale) const {
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(values[static_cast<std::int64_t>(i)].item().toDouble(), expected[i].get<double>(),
                  GetParam().derivative * scale);
  }

  Communicator world_ = Communicator::world();
  nlohmann::json reference_;
};

TEST_P(ReferenceTest, Losses) {
  auto model = load_model();
  const TunedParameters tuned(model, TunedLayout(model.config(), kTuning));
  const Objective objective(model, tuned, 4);
  const auto valid = load(Split::valid, 16);
  expect_close(mean_loss(objective, valid, first_sequences(16), world_), reference_["valid_loss_16x512"],
               GetParam().loss);
  const auto each = objective.losses(valid, first_sequences(4));
  for (std::size_t i = 0; i < each.size(); ++i)
    expect_close(each[i], reference_["valid_loss_each"][i], GetParam().loss);
}

TEST_P(ReferenceTest, GradientAndHessianVector) {
  const auto& expected = reference_["tuned"];
  auto model = load_model();
  const TunedParameters tuned(model, TunedLayout(model.config(), kTuning));
  ASSERT_EQ(tuned.n(), expected["n"].get<std::int64_t>());
  ASSERT_EQ(tuned.layout().names(), expected["tensors"].get<std::vector<std::string>>());
  const Objective objective(model, tuned, 1);
  const auto train = load(Split::train, 2);
  const auto wave = at::sin(at::arange(1, tuned.n() + 1, at::kDouble));
  const auto v = wave / wave.norm();

  const double tolerance = GetParam().derivative;
  const auto gradient = mean_gradient(objective, train, first_sequences(2), world_).gradient.to(at::kDouble);
  const double gradient_norm = gradient.norm().item().toDouble();
  expect_close(gradient_norm, expected["gradient_norm_2_train_sequences"], tolerance);
  expect_values(gradient, expected["gradient_first"], gradient_norm / std::sqrt(tuned.n()));
  EXPECT_NEAR(gradient.dot(v).item().toDouble(), expected["gradient_dot_v"].get<double>(),
              tolerance * gradient_norm / std::sqrt(tuned.n()));

  const auto product =
      mean_hessian_vector(objective, train, first_sequences(2), v.to(GetParam().type), world_)
          .to(at::kDouble);
  const double product_norm = product.norm().item().toDouble();
  expect_close(product_norm, expected["hvp_norm"], tolerance);
  EXPECT_NEAR(product.dot(v).item().toDouble(), expected["v_dot_hvp"].get<double>(),
              tolerance * product_norm / std::sqrt(tuned.n()));
  expect_values(product, expected["hvp_first"], product_norm / std::sqrt(tuned.n()));
  expect_values(product.narrow(0, tuned.n() - 4, 4), expected["hvp_last"],
                product_norm / std::sqrt(tuned.n()));
}

INSTANTIATE_TEST_SUITE_P(Precisions, ReferenceTest,
                         ::testing::Values(Precision{at::kFloat, 1e-6, 1e-3},
                                           Precision{at::kDouble, 1e-9, 1e-9}),
                         [](const auto& info) { return info.param.type == at::kFloat ? "fp32" : "fp64"; });

}  // namespace
}  // namespace lift
