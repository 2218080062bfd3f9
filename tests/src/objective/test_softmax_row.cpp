#include "src/objective/softmax_row.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

#include "mpi/philox.hpp"

namespace lift {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename Real>
std::vector<Real> row(std::uint64_t stream, std::size_t size, double spread) {
  const Philox philox(3, RandomStream::test);
  std::vector<Real> logits(size);
  for (std::size_t j = 0; j < size; ++j) {
    const double in_unit = static_cast<double>(philox.bits(stream, j) >> 11) * 0x1p-53;
    logits[j] = static_cast<Real>(spread * (in_unit - 0.5));
  }
  return logits;
}

/// What a block of `threads` threads makes of a row: each its columns, then halves merged.
template <typename Real>
ExpSum<Real> by_threads(const std::vector<Real>& logits, std::size_t threads) {
  std::vector<ExpSum<Real>> parts(threads, ExpSum<Real>::none());
  for (std::size_t j = 0; j < logits.size(); ++j) parts[j % threads].add(logits[j]);
  for (std::size_t half = threads / 2; half > 0; half /= 2) {
    for (std::size_t t = 0; t < half; ++t) parts[t] = ExpSum<Real>::merged(parts[t], parts[t + half]);
  }
  return parts[0];
}

struct WholeRow {
  double max, sum;  ///< Σ exp(z − max)
};

template <typename Real>
WholeRow whole_row(const std::vector<Real>& logits) {
  WholeRow row{static_cast<double>(*std::ranges::max_element(logits)), 0};
  for (const Real z : logits) row.sum += std::exp(static_cast<double>(z) - row.max);
  return row;
}

template <typename Real>
class SoftmaxRow : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(SoftmaxRow, Reals);

TYPED_TEST(SoftmaxRow, IsLogSumExpInAnyNumberOfThreads) {
  const double tolerance = std::is_same_v<TypeParam, float> ? 1e-6 : 1e-14;
  for (const double spread : {0.01, 20.0, 5000.0}) {
    const auto logits = row<TypeParam>(1, 777, spread);
    const auto [max, sum] = whole_row(logits);
    const double expected = max + std::log(sum);
    for (const std::size_t threads : {1, 2, 64, 1024}) {
      const auto total = by_threads(logits, threads);
      EXPECT_NEAR(total.loss_of(0), expected, tolerance * std::max(1.0, std::abs(expected)));
      double probability = 0;
      const auto p = total.softmax();
      for (const auto z : logits) {
        probability += static_cast<double>(p(z));
        EXPECT_NEAR(p(z), std::exp(static_cast<double>(z) - max) / sum, tolerance);
      }
      EXPECT_NEAR(probability, 1.0, 4 * tolerance);
    }
  }
}

TYPED_TEST(SoftmaxRow, NeitherOverflowsNorVanishes) {
  const std::vector<TypeParam> logits{0, -4000, -8000};
  const auto total = by_threads(logits, 2);
  EXPECT_DOUBLE_EQ(total.loss_of(-4000), 4000.0);
  EXPECT_DOUBLE_EQ(total.loss_of(-8000), 8000.0);
  EXPECT_EQ(by_threads<TypeParam>({3000, 3000}, 2).loss_of(3000), std::log(2.0));
}

TYPED_TEST(SoftmaxRow, ALogitOfMinusInfinityAddsNothing) {
  const auto lowest = static_cast<TypeParam>(-kInfinity);
  const auto total = by_threads<TypeParam>({lowest, 1, lowest, 1}, 2);
  EXPECT_EQ(total.loss_of(1), std::log(2.0));
  EXPECT_EQ(total.softmax()(lowest), 0);
}

TYPED_TEST(SoftmaxRow, WhatIsNotFiniteIsSeenInTheLoss) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), kInfinity}) {
    for (std::size_t place = 0; place < 4; ++place) {
      std::vector<TypeParam> logits{1, 2, 3, 4};
      logits[place] = static_cast<TypeParam>(bad);
      EXPECT_FALSE(std::isfinite(by_threads(logits, 2).loss_of(3))) << bad << " at " << place;
    }
  }
}

}  // namespace
}  // namespace lift
