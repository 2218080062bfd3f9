#include "src/search/probes.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <span>
#include <vector>

#include "src/training/vectors.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

constexpr std::int64_t kSize = 5000;

at::Tensor probe(std::uint64_t seed, int round, int index, at::ScalarType type = at::kDouble) {
  return random_probe(seed, round, index, kSize, type, at::kCPU);
}

TEST(Probes, HaveUnitNorm) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(norm64(probe(7, 0, i)), 1.0, 1e-14);
    EXPECT_NEAR(norm64(probe(7, 0, i, at::kFloat)), 1.0, 1e-7);
  }
}

TEST(Probes, AreAPureFunctionOfSeedRoundAndIndex) {
  EXPECT_TRUE(probe(7, 1, 2).equal(probe(7, 1, 2)));
  EXPECT_TRUE(probe(7, 1, 2, at::kFloat).equal(probe(7, 1, 2).to(at::kFloat)));
  for (const auto& other : {probe(8, 1, 2), probe(7, 2, 2), probe(7, 1, 3), probe(7, 2, 1)}) {
    EXPECT_LT(std::abs(dot64(probe(7, 1, 2), other)), 6 / std::sqrt(static_cast<double>(kSize)));
  }
}

TEST(Probes, AreNormalNumbersOfOneStreamDividedByTheirNorm) {
  std::vector<double> normals(kSize);
  Philox(7, RandomStream::probes).normals((std::uint64_t{3} << 32) | 5, 0, normals);
  double squares = 0;
  for (const double x : normals) squares += x * x;
  const auto v = probe(7, 3, 5);
  for (std::int64_t k = 0; k < kSize; k += 499) {
    EXPECT_DOUBLE_EQ(v[k].item().toDouble(), normals[static_cast<std::size_t>(k)] / std::sqrt(squares));
  }
}

TEST(Probes, DoNotShowTheThreadsThatDrawThem) {
  constexpr std::int64_t kLarge = 3 * (1 << 16) + 1;
  const int threads = at::get_num_threads();
  at::set_num_threads(3);
  const auto v = random_probe(7, 3, 5, kLarge, at::kDouble, at::kCPU);
  at::set_num_threads(threads);
  std::vector<double> normals(kLarge);
  Philox(7, RandomStream::probes).normals((std::uint64_t{3} << 32) | 5, 0, normals);
  const double norm = std::sqrt(std::inner_product(normals.begin(), normals.end(), normals.begin(), 0.0));
  for (double& x : normals) x /= norm;
  EXPECT_TRUE(std::ranges::equal(std::span(v.const_data_ptr<double>(), normals.size()), normals));
}

TEST(Probes, AnyPartOfOneIsDrawnByItself) {
  const Tiny tiny(at::kDouble);
  const auto masked = key_biases(tiny.tuned.layout());
  const auto v = masked_probe(3, 1, 4, tiny.tuned.layout(), at::kDouble, at::kCPU).w;
  std::vector<double> whole(static_cast<std::size_t>(tiny.tuned.n()));
  normal_entries(3, 1, 4, masked, 0, whole);
  const double norm = std::sqrt(std::inner_product(whole.begin(), whole.end(), whole.begin(), 0.0));
  for (std::size_t k = 0; k < whole.size(); ++k)
    EXPECT_NEAR(whole[k] / norm, v.const_data_ptr<double>()[k], 1e-15) << k;
  const auto begin = masked.front().begin;
  for (const std::int64_t first : {begin - 3, begin + 1, begin + 7, begin + 8}) {
    std::vector<double> part(5);
    normal_entries(3, 1, 4, masked, first, part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + first)) << first;
  }
}

TEST(KeyBiases, AreTheMiddleThirdOfTheAttentionBias) {
  const Tiny tiny;
  const auto ranges = key_biases(tiny.tuned.layout());
  ASSERT_EQ(ranges.size(), 1U);  // block 1 is tuned without its attention
  const auto& tensors = tiny.tuned.layout().tensors();
  const auto bias = std::ranges::find(tensors, "h.2.attn.c_attn.bias", &TunedTensor::name);
  ASSERT_NE(bias, tensors.end());
  EXPECT_EQ(ranges[0].begin, bias->offset + 8);
  EXPECT_EQ(ranges[0].end, bias->offset + 16);
}

TEST(KeyBiases, HaveNoEffectOnTheLoss) {
  const Tiny tiny;
  const auto sequences = std::vector<std::int64_t>{0, 1, 2};
  const auto before = tiny.objective.losses(tiny.valid, sequences);
  auto gradient = at::zeros_like(tiny.w());
  tiny.objective.add_gradient(tiny.valid, sequences, gradient);
  const auto range = key_biases(tiny.tuned.layout()).front();
  EXPECT_LT(norm64(gradient.narrow(0, range.begin, range.end - range.begin)), 1e-14 * norm64(gradient));
  tiny.w().narrow(0, range.begin, range.end - range.begin).add_(0.7);
  const auto after = tiny.objective.losses(tiny.valid, sequences);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i], before[i], 1e-13);
}

TEST(Mask, ZeroesItsRangesAlone) {
  auto v = at::ones({10}, at::kDouble);
  mask(v, {{2, 4}, {7, 10}});
  for (const int k : {0, 1, 4, 5, 6}) EXPECT_EQ(v[k].item().toDouble(), 1.0);
  EXPECT_EQ(v.sum().item().toDouble(), 5.0);
}

TEST(SampleSequences, ChooseWithoutRepetitionFromTheWholeSplit) {
  std::vector<int> hits(50, 0);
  for (int round = 0; round < 200; ++round) {
    const auto chosen = sample_sequences(3, round, Sample::gradient, 50, 10);
    ASSERT_EQ(chosen.size(), 10U);
    EXPECT_TRUE(std::ranges::is_sorted(chosen));
    EXPECT_EQ(std::set<std::int64_t>(chosen.begin(), chosen.end()).size(), 10U);
    for (const auto index : chosen) ++hits.at(static_cast<std::size_t>(index));
  }
  for (const int count : hits) EXPECT_NEAR(count, 40, 6 * std::sqrt(32.0));  // binomial, 200 draws of 1/5
}

TEST(SampleSequences, DependOnSeedRoundAndPurpose) {
  const auto one = sample_sequences(3, 0, Sample::gradient, 500, 20);
  EXPECT_EQ(one, sample_sequences(3, 0, Sample::gradient, 500, 20));
  EXPECT_NE(one, sample_sequences(4, 0, Sample::gradient, 500, 20));
  EXPECT_NE(one, sample_sequences(3, 1, Sample::gradient, 500, 20));
  EXPECT_NE(one, sample_sequences(3, 0, Sample::hessian, 500, 20));
}

TEST(SampleSequences, GiveAllOfASmallSplit) {
  EXPECT_EQ(sample_sequences(3, 0, Sample::hessian, 4, 9), (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(sample_sequences(3, 0, Sample::hessian, 4, 4), (std::vector<std::int64_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace lift
