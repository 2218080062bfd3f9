#include "src/objective/segments.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <limits>
#include <optional>

#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "src/objective/objective.hpp"
#include "tests/src/objective/live_bytes.hpp"
#include "tests/src/objective/toy.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

const std::vector<std::int64_t> kSequences = {4, 0, 6, 1};

/// What is tuned: the layout, by the name of the case.
struct Tuned {
  const char* name;
  std::optional<TunedLayout> layout;
};

const Tuned kTuned[] = {
    {"Blocks", {}},
    {"OneBlock", TunedLayout(toy_config(), {.blocks = {1}, .mlp_only = {1}, .regularizers = {}})},
    {"Embeddings",
     TunedLayout(toy_config(), {.blocks = {2}, .mlp_only = {}, .regularizers = {}, .embedding_groups = 2})},
    {"Everything", TunedLayout::everything(toy_config())},
};

class SegmentsTest : public ::testing::TestWithParam<Tuned> {
 protected:
  [[nodiscard]] std::vector<at::Tensor> directions(int count) const {
    std::vector<at::Tensor> v;
    for (int j = 0; j < count; ++j)
      v.push_back(random_tensor({toy_.tuned.n()}, 40 + static_cast<std::uint64_t>(j)));
    return v;
  }
  [[nodiscard]] std::vector<at::Tensor> zeros(int count) const {
    std::vector<at::Tensor> result;
    for (int j = 0; j < count; ++j) result.push_back(at::zeros_like(toy_.tuned.flat()));
    return result;
  }
  static void expect_equal(const at::Tensor& made_again, const at::Tensor& kept) {
    const double size = kept.norm().item().toDouble();
    ASSERT_GT(size, 0);
    EXPECT_LT((made_again - kept).norm().item().toDouble(), 1e-12 * size);
  }

  Toy toy_{at::kDouble, GetParam().layout};
  Objective keeping_{toy_.model, toy_.tuned, 3};
  Objective recomputing_{toy_.model, toy_.tuned, 3, Activations::recompute};
};

TEST_P(SegmentsTest, GradientIsThatOfTheWholeGraph) {
  auto kept = zeros(1), again = zeros(1);
  const auto losses = keeping_.add_gradient(toy_.set, kSequences, kept[0]);
  EXPECT_THAT(recomputing_.add_gradient(toy_.set, kSequences, again[0]),
              ::testing::Pointwise(::testing::DoubleNear(1e-13), losses));
  expect_equal(again[0], kept[0]);
  EXPECT_EQ(recomputing_.work().gradient_sequences, keeping_.work().gradient_sequences);
}

TEST_P(SegmentsTest, HessianProductsAreThoseOfTheWholeGraph) {
  const auto v = directions(3);
  auto kept = zeros(3), again = zeros(3);
  keeping_.add_hessian_vectors(toy_.set, kSequences, v, kept);
  recomputing_.add_hessian_vectors(toy_.set, kSequences, v, again);
  for (std::size_t j = 0; j < v.size(); ++j) expect_equal(again[j], kept[j]);
}

TEST_P(SegmentsTest, GaussNewtonProductsAreThoseOfTheWholeGraph) {
  if (toy_.tuned.layout().tunes_embeddings()) {
    auto product = zeros(1);
    EXPECT_THROW(recomputing_.add_gauss_newton_vectors(toy_.set, kSequences, directions(1), product), Error);
    return;
  }
  const auto v = directions(2);
  auto kept = zeros(2), again = zeros(2);
  keeping_.add_gauss_newton_vectors(toy_.set, kSequences, v, kept);
  recomputing_.add_gauss_newton_vectors(toy_.set, kSequences, v, again);
  for (std::size_t j = 0; j < v.size(); ++j) expect_equal(again[j], kept[j]);
}

TEST_P(SegmentsTest, ALossThatIsNotFiniteIsNamed) {
  auto flat = toy_.tuned.flat();
  flat[3] = std::numeric_limits<double>::quiet_NaN();
  auto sum = zeros(1);
  try {
    recomputing_.add_gradient(toy_.set, kSequences, sum[0]);
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("sequence 4"));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SegmentsTest, ::testing::ValuesIn(kTuned),
                         [](const auto& info) { return info.param.name; });

/// A deep model of short sequences, in which the graphs of the blocks are most of the memory.
class SegmentsMemoryTest : public ::testing::Test {
 protected:
  SegmentsMemoryTest() {
    const Philox philox(3, RandomStream::test);
    std::vector<Token> tokens;
    for (std::uint64_t i = 0; i < 4 * 64; ++i) tokens.push_back(static_cast<Token>(philox.bits(0, i) % 50));
    set_ = SequenceSet(std::move(tokens), 64);
  }
  static Gpt2Config config() {
    Gpt2Config config;
    config.layers = 12;
    config.width = 32;
    config.heads = 2;
    config.positions = 64;
    config.vocabulary = 50;
    config.inner = 128;
    return config;
  }
  template <typename Action>
  static std::int64_t peak(const Action& action) {
    const LiveBytes memory;
    action();
    EXPECT_LT(memory.now(), memory.peak());
    return memory.peak();
  }

  SequenceSet set_;
  Gpt2 model_ = generic_gpt2(config(), 0.1, 0.05, at::kFloat);
  TunedParameters tuned_{model_,
                         TunedLayout(config(), {.blocks = {1, 6}, .mlp_only = {1}, .regularizers = {}})};
  Objective keeping_{model_, tuned_, 4}, recomputing_{model_, tuned_, 4, Activations::recompute};
};

TEST_F(SegmentsMemoryTest, OneBlockAtATimeIsHeld) {
  const std::vector<std::int64_t> all = {0, 1, 2, 3};
  const auto v = random_tensor({tuned_.n()}, 7).to(at::kFloat);
  auto sum = at::zeros_like(v);
  const auto gradient_of = [&](const Objective& objective) {
    return peak([&] { objective.add_gradient(set_, all, sum); });
  };
  const auto product_of = [&](const Objective& objective) {
    return peak([&] { objective.add_hessian_vector(set_, all, v, sum); });
  };
  EXPECT_LT(2 * gradient_of(recomputing_), gradient_of(keeping_));
  EXPECT_LT(2 * product_of(recomputing_), product_of(keeping_));
}

}  // namespace
}  // namespace lift
