#include "solvers/probe_matrix.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi/error.hpp"
#include "solvers/row_exchange.hpp"

namespace lift {
namespace {

/// Exact in float and double.
double entry(int row, std::int64_t coordinate) {
  return (row + 1) * 1000 + static_cast<double>(coordinate % 977);
}

template <typename T>
std::vector<T> whole_row(int row, std::int64_t coordinates) {
  std::vector<T> values(static_cast<std::size_t>(coordinates));
  for (std::int64_t k = 0; k < coordinates; ++k) values[k] = static_cast<T>(entry(row, k));
  return values;
}

void expect_entries(const ProbeMatrix& a, int first_row, int last_row) {
  const auto& layout = a.layout();
  const int rank = a.comm().rank();
  ASSERT_EQ(static_cast<std::int64_t>(a.local().size()), layout.size(rank) * a.rows());
  for (int i = first_row; i < last_row; ++i) {
    for (std::int64_t k = 0; k < layout.size(rank); ++k) {
      ASSERT_EQ(a.local()[i * layout.size(rank) + k], entry(i, layout.begin(rank) + k))
          << "row " << i << " at " << k;
    }
  }
}

/// Deals `rows` rows round by round, `offset` turning the order of the ranks.
template <typename T>
void fill(ProbeMatrix& a, int offset) {
  const auto& comm = a.comm();
  for (int first = 0; first < a.rows(); first += comm.size()) {
    const int mine = first + (comm.rank() + offset) % comm.size();
    if (mine < a.rows()) {
      const auto row = whole_row<T>(mine, a.coordinates());
      a.insert(mine, std::span<const T>(row));
    } else {
      a.insert(-1, std::span<const T>());
    }
  }
}

TEST(ProbeMatrix, RefusesRowsOfTwoTypesAtOnceAlsoWhereThereIsNone) {
  const auto world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "one rank has one type";
  ProbeMatrix a(10, 1, world);
  const auto row = whole_row<float>(0, 10);
  const auto insert = [&] {
    if (world.rank() == 0) {
      a.insert(0, std::span<const float>(row));
    } else {
      a.insert(-1, std::span<const double>());
    }
  };
  EXPECT_THROW(insert(), AgreedError);
}

template <typename T>
class ProbeMatrixOf : public testing::Test {};
using Precisions = testing::Types<double, float>;
TYPED_TEST_SUITE(ProbeMatrixOf, Precisions);

TYPED_TEST(ProbeMatrixOf, HoldsTheRowsThatTheRanksStreamIn) {
  const auto world = Communicator::world();
  for (const std::int64_t coordinates : {0, 1, 2, 3, 10, 1003}) {
    for (const int rows : {1, 3, 5, 8}) {
      ProbeMatrix a(coordinates, rows, world);
      fill<TypeParam>(a, rows % world.size());
      expect_entries(a, 0, rows);
    }
  }
}

TYPED_TEST(ProbeMatrixOf, LeavesOtherRowsAlone) {
  const auto world = Communicator::world();
  ProbeMatrix a(57, 3, world);
  fill<TypeParam>(a, 0);
  const auto row = whole_row<TypeParam>(7, 57);
  if (world.is_root()) {
    a.insert(1, std::span<const TypeParam>(row));
  } else {
    a.insert(-1, std::span<const TypeParam>());
  }
  expect_entries(a, 0, 1);
  expect_entries(a, 2, 3);
  const auto size = a.layout().size(world.rank());
  for (std::int64_t k = 0; k < size; ++k)
    EXPECT_EQ(a.local()[size + k], entry(7, a.layout().begin(world.rank()) + k));
}

TEST(ProbeMatrix, WidensFloatsExactly) {
  const auto world = Communicator::world();
  ProbeMatrix a(101, 1, world);
  std::vector<float> row(101);
  for (int k = 0; k < 101; ++k) row[k] = std::exp(0.7F * static_cast<float>(k - 50));
  a.insert(world.is_root() ? 0 : -1,
           world.is_root() ? std::span<const float>(row) : std::span<const float>());
  for (std::int64_t k = 0; k < a.layout().size(world.rank()); ++k) {
    EXPECT_EQ(a.local()[k], static_cast<double>(row[a.layout().begin(world.rank()) + k]));
  }
}

TEST(ProbeMatrix, StartsAsZeroAndMoves) {
  const auto world = Communicator::world();
  ProbeMatrix a(20, 2, world);
  for (const double value : a.local()) EXPECT_EQ(value, 0);
  fill<double>(a, 0);
  ProbeMatrix moved(std::move(a));
  expect_entries(moved, 0, 2);
  ProbeMatrix other(5, 1, world);
  other = std::move(moved);
  EXPECT_EQ(other.coordinates(), 20);
  expect_entries(other, 0, 2);
}

TEST(ProbeMatrix, SplitsLongRowsIntoSeveralMessages) {
  const auto world = Communicator::world();
  const ShardMap map(1009, world.size());
  const auto mine = whole_row<double>(world.rank(), 1009);
  std::vector<std::vector<double>> shards(world.size(), std::vector<double>(map.size(world.rank())));
  std::vector<std::byte*> receive;
  for (auto& shard : shards) receive.push_back(reinterpret_cast<std::byte*>(shard.data()));
  deal_out_rows<double>(mine, receive, map, world, 7);
  for (int source = 0; source < world.size(); ++source) {
    for (std::int64_t k = 0; k < map.size(world.rank()); ++k) {
      ASSERT_EQ(shards[source][k], entry(source, map.begin(world.rank()) + k));
    }
  }
}

TEST(ProbeMatrix, RefusesWrongRowsOnEveryRank) {
  const auto world = Communicator::world();
  const bool last = world.rank() == world.size() - 1;
  ProbeMatrix a(10, 4, world);
  const auto whole = whole_row<double>(0, 10);
  const std::span<const double> none, row(whole);
  // Only the last rank is wrong; all of them throw.
  EXPECT_THROW(a.insert(last ? 4 : -1, last ? row : none), AgreedError);
  EXPECT_THROW(a.insert(last ? -2 : -1, none), AgreedError);
  EXPECT_THROW(a.insert(last ? 0 : -1, last ? row.first(9) : none), AgreedError);
  EXPECT_THROW(a.insert(-1, last ? row : none), AgreedError);
  if (world.size() > 1) {
    EXPECT_THROW(a.insert(2, row), AgreedError);
  }
  EXPECT_THROW(ProbeMatrix(10, 0, world), Error);
  EXPECT_THROW(ProbeMatrix(-1, 2, world), Error);
}

}  // namespace
}  // namespace lift
