#include "src/search/holdout.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "mpi/error.hpp"

namespace lift {
namespace {

SequenceSet counted(int sequences) {
  std::vector<Token> tokens(static_cast<std::size_t>(2 * sequences));
  std::iota(tokens.begin(), tokens.end(), Token{0});
  return {std::move(tokens), 2};
}

TEST(Holdout, PartsAreWholeAndShareNothing) {
  const auto set = counted(10);
  const auto parts = split_holdout(set, 0.3);
  ASSERT_EQ(parts.shaping.size(), 7);
  ASSERT_EQ(parts.selection.size(), 3);
  for (std::int64_t i = 0; i < 10; ++i) {
    const auto sequence = i < 7 ? parts.shaping[i] : parts.selection[i - 7];
    EXPECT_THAT(sequence, ::testing::ElementsAreArray(set[i]));
  }
}

TEST(Holdout, NoPartIsEmpty) {
  EXPECT_EQ(held_out(3, 0), 0);
  EXPECT_EQ(held_out(487, 0.5), 244);
  EXPECT_EQ(split_holdout(counted(3), 0.01).selection.size(), 1);
  EXPECT_EQ(split_holdout(counted(3), 0.99).shaping.size(), 1);
}

TEST(Holdout, OneSequenceCannotBeSplit) {
  try {
    split_holdout(counted(1), 0.5);
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--search.holdout"));
  }
}

}  // namespace
}  // namespace lift
