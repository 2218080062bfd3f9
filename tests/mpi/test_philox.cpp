#include "mpi/philox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

namespace lift {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST(Philox, KnownAnswersOfRandom123) {
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({0, 0}, {0, 0, 0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({kOnes, kOnes}, {kOnes, kOnes, kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, EveryAddressHasItsOwnBits) {
  std::set<std::uint64_t> seen;
  std::size_t drawn = 0;
  for (const std::uint64_t seed : {0ULL, 1ULL, 1ULL << 32}) {
    for (const auto stream : {RandomStream::probes, RandomStream::weights}) {
      const Philox random(seed, stream);
      for (const std::uint64_t sequence : {0ULL, 1ULL, 1ULL << 32, 1ULL << 63}) {
        for (const std::uint64_t position : {0ULL, 1ULL, 2ULL, 1ULL << 33, (1ULL << 63) - 1}) {
          seen.insert(random.bits(sequence, position));
          ++drawn;
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), drawn);
}

TEST(Philox, TheSameAddressHasTheSameBits) {
  const Philox first(3, RandomStream::corpus);
  const Philox second(3, RandomStream::corpus);
  EXPECT_EQ(first.bits(5, 1'000'000'007), second.bits(5, 1'000'000'007));
}

TEST(Philox, UniformsHaveTheirMomentsAndTheirRange) {
  constexpr int kDraws = 200'000;
  const Philox random(11, RandomStream::test);
  double sum = 0;
  double squares = 0;
  for (int k = 0; k < kDraws; ++k) {
    const double u = random.uniform(0, k);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / kDraws, 1.0 / 2, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kDraws));
}

TEST(Philox, NormalsFollowTheNormalDistribution) {
  constexpr std::size_t kDraws = 200'000;
  std::vector<double> z(kDraws);
  Philox(12, RandomStream::probes).normals(4, 0, z);
  double lag = 0;
  for (std::size_t k = 0; k + 1 < kDraws; ++k) lag += z[k] * z[k + 1];
  EXPECT_NEAR(lag / kDraws, 0, 5 / std::sqrt(kDraws));

  // Kolmogorov and Smirnov: the largest distance exceeds 2.2 / sqrt(N) with probability 1e-4.
  std::sort(z.begin(), z.end());
  double distance = 0;
  for (std::size_t k = 0; k < kDraws; ++k) {
    const double cdf = 0.5 * std::erfc(-z[k] / std::sqrt(2.0));
    distance = std::max(distance, std::abs(cdf - (k + 0.5) / kDraws));
  }
  EXPECT_LT(distance, 2.2 / std::sqrt(kDraws));
}

TEST(Philox, AnyStretchOfNormalsIsPartOfTheWhole) {
  const Philox random(13, RandomStream::probes);
  std::vector<double> whole(101);
  random.normals(2, 0, whole);
  for (std::size_t first = 0; first < whole.size(); first += 3) {
    for (const std::size_t count : {0, 1, 2, 5, 8}) {
      if (first + count > whole.size()) continue;
      std::vector<double> part(count);
      std::vector<float> rounded(count);
      random.normals(2, first, part);
      random.normals(2, first, rounded);
      for (std::size_t k = 0; k < count; ++k) {
        EXPECT_EQ(part[k], whole[first + k]);
        EXPECT_EQ(rounded[k], static_cast<float>(whole[first + k]));
      }
    }
  }
}

TEST(Permutation, IsABijectionForEverySizeTo500) {
  const Philox random(14, RandomStream::batch_order);
  for (std::uint64_t size = 1; size <= 500; ++size) {
    const Permutation permutation(random, size, size);
    std::vector<bool> hit(size, false);
    for (std::uint64_t k = 0; k < size; ++k) {
      const std::uint64_t image = permutation(k);
      ASSERT_LT(image, size);
      ASSERT_FALSE(hit[image]) << "two indices go to " << image << " of " << size;
      hit[image] = true;
    }
  }
}

TEST(Permutation, WorksForSizesBeyond32Bits) {
  const Permutation permutation(Philox(15, RandomStream::batch_order), 0, 1'000'000'000'007);
  std::set<std::uint64_t> images;
  for (std::uint64_t k = 0; k < 10'000; ++k) images.insert(permutation(999'999'990'006 + k));
  EXPECT_EQ(images.size(), 10'000U);
  EXPECT_LT(*images.rbegin(), 1'000'000'000'007U);
}

/// Sum over cells of (seen − expected)² / expected.
double chi_square(const std::vector<int>& seen, double expected) {
  double sum = 0;
  for (const int count : seen) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

TEST(Permutation, SendsEveryIndexEverywhereEquallyOften) {
  constexpr int kTimes = 20'000;
  const Philox random(16, RandomStream::batch_order);
  for (const std::uint64_t size : {3, 5, 10, 37}) {
    std::vector<int> singles(size * size);  // k -> image
    std::vector<int> pairs(size * size);    // images of (0, 1)
    for (int sequence = 0; sequence < kTimes; ++sequence) {
      const Permutation permutation(random, sequence, size);
      for (std::uint64_t k = 0; k < size; ++k) ++singles[k * size + permutation(k)];
      ++pairs[permutation(0) * size + permutation(1)];
    }
    const auto dimension = static_cast<double>((size - 1) * (size - 1));
    // Rows and columns of `singles` have fixed sums, which widens each cell by size / (size − 1).
    const double statistic = chi_square(singles, double(kTimes) / size) * (size - 1) / size;
    EXPECT_LT(statistic, dimension + 6 * std::sqrt(2 * dimension)) << size;
    EXPECT_EQ(pairs[0], 0);
    for (std::uint64_t a = 0; a < size; ++a) {
      for (std::uint64_t b = 0; b < size; ++b) {
        if (a == b) continue;
        const double expected = double(kTimes) / (size * (size - 1));
        EXPECT_NEAR(pairs[a * size + b], expected, 6 * std::sqrt(expected))
            << a << ' ' << b << " of " << size;
      }
    }
  }
}

TEST(Permutation, DiffersFromSequenceToSequence) {
  const Philox random(17, RandomStream::batch_order);
  const Permutation first(random, 0, 1000);
  const Permutation second(random, 1, 1000);
  int equal = 0;
  for (std::uint64_t k = 0; k < 1000; ++k) equal += first(k) == second(k) ? 1 : 0;
  EXPECT_LT(equal, 10);
}

}  // namespace
}  // namespace lift
