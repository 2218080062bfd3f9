#include "mpi/shard_map.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "mpi/error.hpp"

namespace lift {
namespace {

TEST(ShardMap, TheExampleOfItsDescription) {
  const ShardMap map(10, 4);
  std::vector<std::int64_t> begins;
  for (int part = 0; part <= 4; ++part) begins.push_back(map.begin(part));
  EXPECT_EQ(begins, (std::vector<std::int64_t>{0, 3, 6, 8, 10}));
}

TEST(ShardMap, CoversEveryIndexOnceAndKnowsItsOwner) {
  for (std::int64_t total = 0; total <= 40; ++total) {
    for (int parts = 1; parts <= 9; ++parts) {
      const ShardMap map(total, parts);
      EXPECT_EQ(map.begin(0), 0);
      EXPECT_EQ(map.end(parts - 1), total);
      for (int part = 0; part < parts; ++part) {
        EXPECT_EQ(map.size(part), total / parts + (part < total % parts ? 1 : 0));
        for (std::int64_t k = map.begin(part); k < map.end(part); ++k) EXPECT_EQ(map.owner(k), part);
      }
    }
  }
}

TEST(ShardMap, HoldsTheLargestTotals) {
  const std::int64_t total = std::numeric_limits<std::int64_t>::max();
  const ShardMap map(total, 1000);
  EXPECT_EQ(map.end(999), total);
  EXPECT_EQ(map.owner(total - 1), 999);
  EXPECT_EQ(map.owner(map.begin(500)), 500);
  EXPECT_EQ(map.owner(map.begin(500) - 1), 499);
}

TEST(ShardMap, RefusesWhatCannotBeSplit) {
  EXPECT_THROW(ShardMap(-1, 2), Error);
  EXPECT_THROW(ShardMap(5, 0), Error);
}

}  // namespace
}  // namespace lift
