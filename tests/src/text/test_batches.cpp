#include "src/text/batches.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "mpi/error.hpp"

namespace lift {
namespace {

std::vector<std::int64_t> epoch_of(const BatchOrder& order, std::int64_t epoch) {
  std::vector<std::int64_t> all;
  for (std::int64_t index = 0; index < order.batches_per_epoch(); ++index) {
    const auto batch = order.batch(epoch, index);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

TEST(BatchOrder, VisitsEachSequenceOnceAnEpoch) {
  for (const std::int64_t sequences : {1, 2, 7, 8, 9, 100, 4718}) {
    const BatchOrder order(3, sequences, 4);
    std::vector<std::int64_t> expected(static_cast<std::size_t>(sequences));
    std::iota(expected.begin(), expected.end(), 0);
    auto visited = epoch_of(order, 2);
    std::sort(visited.begin(), visited.end());
    EXPECT_EQ(visited, expected);
  }
}

TEST(BatchOrder, KeepsALastShortBatch) {
  const BatchOrder order(3, 10, 4);
  EXPECT_EQ(order.batches_per_epoch(), 3);
  EXPECT_EQ(order.batch(0, 0).size(), 4U);
  EXPECT_EQ(order.batch(0, 2).size(), 2U);
}

TEST(BatchOrder, DiffersBetweenEpochsAndSeeds) {
  const BatchOrder order(3, 100, 4);
  EXPECT_NE(epoch_of(order, 0), epoch_of(order, 1));
  EXPECT_NE(epoch_of(order, 0), epoch_of(BatchOrder(4, 100, 4), 0));
}

TEST(BatchOrder, IsAPureFunctionWhoseEpochDoesNotDependOnTheBatchSize) {
  const BatchOrder order(3, 100, 4);
  EXPECT_EQ(order.batch(5, 7), BatchOrder(3, 100, 4).batch(5, 7));
  EXPECT_EQ(epoch_of(order, 1), epoch_of(BatchOrder(3, 100, 7), 1));
}

TEST(BatchOrder, MovesSequencesAround) {
  const BatchOrder order(3, 1000, 1);
  int in_place = 0;
  for (std::int64_t k = 0; k < 1000; ++k) in_place += order.batch(0, k).front() == k ? 1 : 0;
  EXPECT_LT(in_place, 10);  // a random permutation has one on average
}

TEST(BatchOrder, RefusesWhatItDoesNotHave) {
  EXPECT_THROW(BatchOrder(3, 0, 4), Error);
  EXPECT_THROW(BatchOrder(3, 4, 0), Error);
  const BatchOrder order(3, 10, 4);
  EXPECT_THROW((void)order.batch(0, 3), Error);
  EXPECT_THROW((void)order.batch(0, -1), Error);
  EXPECT_THROW((void)order.batch(-1, 0), Error);
}

}  // namespace
}  // namespace lift
