#include "mpi/agreement.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <new>
#include <optional>
#include <stdexcept>
#include <string>

#include "mpi/collectives.hpp"

namespace lift {
namespace {

std::string place(int rank, const Communicator& world) {
  return world.size() == 1 ? "" : fmt::format(" (rank {} of {} on {})", rank, world.size(), host_name());
}

/// What agree() throws for `action`, after checking that nothing else comes out and that MPI still works.
std::optional<AgreedError> agreed(const Communicator& comm, const std::function<void()>& action) {
  std::optional<AgreedError> result;
  try {
    agree(comm, action);
  } catch (const AgreedError& error) {
    result = error;
  }
  EXPECT_EQ(sum_over_ranks(std::int64_t{1}, comm), comm.size());
  return result;
}

TEST(Agreement, ReturnsWhenNoRankFails) {
  const Communicator world = Communicator::world();
  bool ran = false;
  EXPECT_FALSE(agreed(world, [&] { ran = true; }));
  EXPECT_TRUE(ran);
}

TEST(Agreement, OneRankFailsForAll) {
  const Communicator world = Communicator::world();
  for (int culprit = 0; culprit < world.size(); ++culprit) {
    const auto error = agreed(world, [&] {
      if (world.rank() == culprit) throw Error(ExitCode::input, "model.safetensors: truncated");
    });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ExitCode::input);
    EXPECT_EQ(error->what(), "model.safetensors: truncated" + place(culprit, world));
    EXPECT_EQ(error->ranks(), world.size());
  }
}

TEST(Agreement, LowestFailingRankSpeaks) {
  const Communicator world = Communicator::world();
  const int first = world.size() > 1 ? 1 : 0;
  const auto error = agreed(world, [&] {
    if (world.rank() >= first)
      throw Error(static_cast<ExitCode>(2 + world.rank()), std::to_string(world.rank()));
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(static_cast<int>(error->code()), 2 + first);
  EXPECT_EQ(error->what(), std::to_string(first) + place(first, world));
}

TEST(Agreement, NestedAgreementNamesTheRankOnce) {
  const Communicator world = Communicator::world();
  const Communicator half = world.split(world.rank() % 2, world.rank());
  const int culprit = world.size() - 1;
  const auto error = agreed(world, [&] {
    agree(half, [&] {
      if (world.rank() == culprit) throw Error(ExitCode::write, "disk full");
    });
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ExitCode::write);
  EXPECT_EQ(error->what(), "disk full" + place(culprit, world));
  EXPECT_EQ(error->ranks(), world.size());
}

TEST(Agreement, ForeignExceptionsAreInternalAndOneLine) {
  const Communicator world = Communicator::world();
  const int culprit = world.size() - 1;
  const auto thrown = [&](const std::function<void()>& action) {
    return agreed(world, [&] {
      if (world.rank() == culprit) action();
    });
  };
  const auto standard = thrown([] { throw std::runtime_error("shape mismatch\nframe #0\nframe #1"); });
  ASSERT_TRUE(standard);
  EXPECT_EQ(standard->code(), ExitCode::internal);
  EXPECT_EQ(standard->what(), "shape mismatch" + place(culprit, world));

  const auto memory = thrown([] { throw std::bad_alloc(); });
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->what(), "out of host memory" + place(culprit, world));

  const auto other = thrown([] { throw 42; });
  ASSERT_TRUE(other);
  EXPECT_EQ(other->code(), ExitCode::internal);
  EXPECT_EQ(other->what(), "an exception of unknown type" + place(culprit, world));
}

TEST(Agreement, LongMessagesArriveWhole) {
  const Communicator world = Communicator::world();
  const std::string text(100'000, 'x');
  const auto error = agreed(world, [&] {
    if (world.is_root()) throw Error(ExitCode::usage, text);
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->what(), text + place(0, world));
}

TEST(EndWithError, AgreedErrorIsSaidByRootOnly) {
  const Communicator world = Communicator::world();
  testing::internal::CaptureStderr();
  const ExitCode code =
      end_with_error(world, AgreedError(ExitCode::usage, "--seed: not a number", world.size()));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(code, ExitCode::usage);
  EXPECT_EQ(said, world.is_root() ? "lift: error: --seed: not a number\n" : "");
}

TEST(EndWithError, AnyErrorOnOneRankReturnsItsCode) {
  const Communicator alone = Communicator::self();
  testing::internal::CaptureStderr();
  const ExitCode code = end_with_error(alone, std::runtime_error("first\nsecond"));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(code, ExitCode::internal);
  EXPECT_EQ(said, "lift: error: first\n");
}

}  // namespace
}  // namespace lift
