#include "mpi/collectives.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "mpi/device.hpp"
#include "mpi/error.hpp"
#include "mpi/philox.hpp"

namespace lift {
namespace {

constexpr std::size_t kChunks[] = {1, 3, 1000, kChunk};
// The last two lie above the size where shards, not whole buffers, are exchanged.
constexpr std::size_t kCounts[] = {0, 1, 2, 5, 1023, 4099, 10'007};

/// Numbers over 12 orders of magnitude with both signs, where every order of addition gives other bits.
template <typename Value>
std::vector<Value> values_of(int rank, std::size_t count) {
  const Philox random(7, RandomStream::test);
  std::vector<Value> values(count);
  for (std::size_t k = 0; k < count; ++k) {
    if constexpr (std::is_floating_point_v<Value>) {
      const double scale = std::pow(10.0, 12 * random.uniform(2 * rank, k) - 6);
      values[k] = static_cast<Value>(scale * (random.uniform(2 * rank + 1, k) - 0.5));
    } else {
      values[k] = static_cast<Value>(random.bits(2 * rank, k));
    }
  }
  return values;
}

/// The promise of sum_over_ranks, spelled out: rank order, float carried in double, integers modulo 2^bits.
template <typename Value>
std::vector<Value> sums_of(int ranks, std::size_t count) {
  using Sum = std::conditional_t<std::is_floating_point_v<Value>, double, std::uint64_t>;
  std::vector<Sum> sums(count, Sum{0});
  for (int rank = 0; rank < ranks; ++rank) {
    const auto values = values_of<Value>(rank, count);
    for (std::size_t k = 0; k < count; ++k) sums[k] += static_cast<Sum>(values[k]);
  }
  std::vector<Value> rounded(count);
  std::transform(sums.begin(), sums.end(), rounded.begin(), [](Sum sum) { return static_cast<Value>(sum); });
  return rounded;
}

template <typename Value>
class Collectives : public testing::Test {};
using Types = testing::Types<std::uint8_t, std::int32_t, std::int64_t, float, double>;
TYPED_TEST_SUITE(Collectives, Types);

TYPED_TEST(Collectives, SumsInRankOrderToTheBit) {
  const Communicator world = Communicator::world();
  for (const std::size_t count : kCounts) {
    const auto expected = sums_of<TypeParam>(world.size(), count);
    for (const std::size_t chunk : kChunks) {
      if (count > 100 * chunk) continue;
      auto values = values_of<TypeParam>(world.rank(), count);
      sum_over_ranks(host_buffer(std::span(values)), world, chunk);
      EXPECT_EQ(values, expected) << count << " elements in chunks of " << chunk;
    }
  }
}

TYPED_TEST(Collectives, MaximumOfEachElement) {
  const Communicator world = Communicator::world();
  for (const std::size_t count : kCounts) {
    auto expected = values_of<TypeParam>(0, count);
    for (int rank = 1; rank < world.size(); ++rank) {
      const auto values = values_of<TypeParam>(rank, count);
      for (std::size_t k = 0; k < count; ++k) expected[k] = std::max(expected[k], values[k]);
    }
    for (const std::size_t chunk : kChunks) {
      if (count > 100 * chunk) continue;
      auto values = values_of<TypeParam>(world.rank(), count);
      max_over_ranks(host_buffer(std::span(values)), world, chunk);
      EXPECT_EQ(values, expected) << count << " elements in chunks of " << chunk;
    }
  }
}

TYPED_TEST(Collectives, BroadcastFromEveryRoot) {
  const Communicator world = Communicator::world();
  for (int root = 0; root < world.size(); ++root) {
    for (const std::size_t chunk : kChunks) {
      auto values = values_of<TypeParam>(world.rank(), 300);
      broadcast(host_buffer(std::span(values)), root, world, chunk);
      EXPECT_EQ(values, values_of<TypeParam>(root, 300));
    }
  }
}

template <typename Real>
class Gather : public testing::Test {};
using RealTypes = testing::Types<float, double>;
TYPED_TEST_SUITE(Gather, RealTypes);

TYPED_TEST(Gather, JoinsShardsOfAnySize) {
  const Communicator world = Communicator::world();
  for (const std::int64_t total : {0, 1, 3, 10, 1000, 4001}) {
    const ShardMap map(total, world.size());
    std::vector<TypeParam> expected(total);
    std::iota(expected.begin(), expected.end(), TypeParam{1});
    const auto first = expected.begin() + map.begin(world.rank());
    const std::vector<TypeParam> mine(first, first + map.size(world.rank()));
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, kChunk}) {
      std::vector<TypeParam> all(total, TypeParam{-1});
      gather_shards(mine, all, map, world, chunk);
      EXPECT_EQ(all, expected) << total << " elements in chunks of " << chunk;
    }
  }
}

TYPED_TEST(Gather, RefusesWrongSizes) {
  const Communicator world = Communicator::world();
  const ShardMap map(10, world.size());
  const std::vector<TypeParam> mine(map.size(world.rank()));
  const std::vector<TypeParam> longer(mine.size() + 1);
  std::vector<TypeParam> all(10);
  std::vector<TypeParam> short_all(9);
  EXPECT_THROW(gather_shards(longer, all, map, world), Error);
  EXPECT_THROW(gather_shards(mine, short_all, map, world), Error);
  EXPECT_THROW(gather_shards(mine, all, ShardMap(10, world.size() + 1), world), Error);
}

TEST(CollectivesOfScalars, SumAndMaximum) {
  const Communicator world = Communicator::world();
  const int size = world.size();
  EXPECT_EQ(sum_over_ranks(0.5 + world.rank(), world), 0.5 * size * size);
  EXPECT_EQ(sum_over_ranks(std::int64_t{1} << 40, world), std::int64_t{size} << 40);
  EXPECT_EQ(max_over_ranks(-1.0 - world.rank(), world), -1.0);
  EXPECT_EQ(max_over_ranks(std::int64_t{world.rank()}, world), size - 1);
}

TEST(CollectivesOfScalars, NotANumberOnAnyRankReachesAll) {
  const Communicator world = Communicator::world();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (int rank = 0; rank < world.size(); ++rank) {
    EXPECT_TRUE(std::isnan(max_over_ranks(world.rank() == rank ? kNan : 1e300, world)));
    EXPECT_TRUE(std::isnan(sum_over_ranks(world.rank() == rank ? kNan : 1.0, world)));
  }
}

TEST(CollectivesOfScalars, ValuesInRankOrder) {
  const Communicator world = Communicator::world();
  const auto integers = gather_values(std::int64_t{world.rank()} << 33, world);
  const auto reals = gather_values(0.25 * world.rank(), world);
  ASSERT_EQ(std::ssize(integers), world.size());
  ASSERT_EQ(std::ssize(reals), world.size());
  for (int rank = 0; rank < world.size(); ++rank) {
    EXPECT_EQ(integers[rank], std::int64_t{rank} << 33);
    EXPECT_EQ(reals[rank], 0.25 * rank);
  }
}

TEST(CollectivesOfTexts, AnyLengthFromAnyRank) {
  const Communicator world = Communicator::world();
  const auto text_of = [](int rank) { return std::string(1000 * rank, 'a') + '\0' + std::to_string(rank); };
  for (int root = 0; root < world.size(); ++root) {
    std::string text = text_of(world.rank());
    broadcast(text, root, world);
    EXPECT_EQ(text, text_of(root));
  }
  const auto texts = gather_texts(text_of(world.rank()), world);
  ASSERT_EQ(std::ssize(texts), world.size());
  for (int rank = 0; rank < world.size(); ++rank) EXPECT_EQ(texts[rank], text_of(rank));
  EXPECT_EQ(gather_texts("", world), std::vector<std::string>(world.size()));
}

TEST(CollectivesOfBuffers, AWrongRootIsAnErrorNotAnAbort) {
  const Communicator world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "one rank has nothing to broadcast";
  double value = 1;
  try {
    broadcast(host_buffer(std::span(&value, 1)), world.size(), world);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_NE(std::string(error.what()).find("MPI_Bcast failed: MPI_ERR_ROOT"), std::string::npos)
        << error.what();
  }
}

TEST(CollectivesOfBuffers, DeviceMemoryNeedsADevice) {
  const Communicator world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "one rank moves nothing";
  if (!visible_devices().empty()) GTEST_SKIP() << "there is a device";
  std::vector<float> values(4);
  Buffer buffer = host_buffer(std::span(values));
  buffer.memory = Memory::device;
  EXPECT_THROW(sum_over_ranks(buffer, world), Error);
}

}  // namespace
}  // namespace lift
