#include <gtest/gtest.h>

#include <algorithm>
#include <climits>
#include <string>
#include <vector>

#include "mpi/collectives.hpp"

namespace lift {
namespace {

constexpr std::size_t kCount = std::size_t{INT_MAX} + 1 + 12'345;

std::uint8_t pattern(std::size_t k) {
  return static_cast<std::uint8_t>(k * 2'654'435'761U >> 13);
}

TEST(LargeCounts, SumOfMoreThanIntMaxElements) {
  const Communicator world = Communicator::world();
  std::vector<std::uint8_t> values(kCount);
  for (std::size_t k = 0; k < kCount; ++k) values[k] = static_cast<std::uint8_t>(pattern(k) + world.rank());
  sum_over_ranks(host_buffer(values), world);
  const int size = world.size();
  std::size_t wrong = 0;
  for (std::size_t k = 0; k < kCount; ++k) {
    wrong += values[k] == static_cast<std::uint8_t>(size * pattern(k) + size * (size - 1) / 2) ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0U);
}

TEST(LargeCounts, BroadcastOfMoreThanIntMaxCharacters) {
  const Communicator world = Communicator::world();
  std::string text;
  if (world.is_root()) {
    text.resize(kCount);
    for (std::size_t k = 0; k < kCount; ++k) text[k] = static_cast<char>(pattern(k));
  }
  broadcast(text, 0, world);
  ASSERT_EQ(text.size(), kCount);
  std::size_t wrong = 0;
  for (std::size_t k = 0; k < kCount; ++k) wrong += text[k] == static_cast<char>(pattern(k)) ? 0 : 1;
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace lift
