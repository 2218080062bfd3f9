#include "mpi/timers.hpp"

#include <gtest/gtest.h>

namespace lift {
namespace {

TEST(PhaseTimers, AddsUpByName) {
  PhaseTimers timers;
  EXPECT_EQ(timers.seconds("probes"), 0.0);
  timers.add("probes", 1.5);
  timers.add("probes", 0.25);
  timers.add("lp", 4.0);
  EXPECT_EQ(timers.seconds("probes"), 1.75);
  EXPECT_EQ(timers.seconds("lp"), 4.0);
}

TEST(PhaseTimers, AScopeAddsItsTimeAtItsEnd) {
  PhaseTimers timers;
  const auto start = std::chrono::steady_clock::now();
  {
    const auto scope = timers.measure("phase");
    EXPECT_EQ(timers.seconds("phase"), 0.0);
  }
  const std::chrono::duration<double> outside = std::chrono::steady_clock::now() - start;
  EXPECT_GT(timers.seconds("phase"), 0.0);
  EXPECT_LE(timers.seconds("phase"), outside.count());
}

TEST(PhaseTimers, SettlingCountsWhatIsOpenAndNothingTwice) {
  PhaseTimers timers;
  const auto start = std::chrono::steady_clock::now();
  double settled = 0;
  {
    const auto outer = timers.measure("outer");
    const auto inner = timers.measure("inner");
    timers.settle();
    settled = timers.seconds("outer");
    EXPECT_GT(settled, 0.0);
    EXPECT_GT(timers.seconds("inner"), 0.0);
  }
  const std::chrono::duration<double> outside = std::chrono::steady_clock::now() - start;
  EXPECT_GE(timers.seconds("outer"), settled);
  EXPECT_LE(timers.seconds("outer"), outside.count());
}

TEST(PhaseTimers, KnowWhenEachPhaseWas) {
  PhaseTimers timers;
  for (const char* name : {"probes", "probes", "lp"}) {
    const auto scope = timers.measure(name);
    timers.settle();
  }
  ASSERT_EQ(timers.spans().size(), 2U) << "two in a row are one stretch";
  const TimedSpan probes = timers.spans()[0], lp = timers.spans()[1];
  EXPECT_EQ(probes.name, "probes");
  EXPECT_GE(probes.begin, 0.0);
  EXPECT_GE(lp.begin, probes.begin + probes.seconds);
  EXPECT_GE(probes.seconds, timers.seconds("probes"));
  timers.add("other", 1.0);
  EXPECT_EQ(timers.spans().size(), 2U) << "of what was only added nobody knows when it was";
}

TEST(PhaseTimers, SummarisesOverRanks) {
  const Communicator world = Communicator::world();
  PhaseTimers timers;
  timers.add("all", 1.0 + world.rank());
  if (world.rank() == world.size() - 1) timers.add("a last one's", 2.0);
  const auto phases = timers.summary(world);
  ASSERT_EQ(phases.size(), 2U);
  EXPECT_EQ(phases[0].name, "a last one's");
  EXPECT_EQ(phases[0].min, world.size() == 1 ? 2.0 : 0.0);
  EXPECT_DOUBLE_EQ(phases[0].mean, 2.0 / world.size());
  EXPECT_EQ(phases[0].max, 2.0);
  EXPECT_EQ(phases[1].name, "all");
  EXPECT_EQ(phases[1].min, 1.0);
  EXPECT_DOUBLE_EQ(phases[1].mean, (1.0 + world.size()) / 2);
  EXPECT_EQ(phases[1].max, world.size());
}

TEST(PhaseTimers, NoPhasesNoLines) {
  EXPECT_TRUE(PhaseTimers().summary(Communicator::world()).empty());
}

}  // namespace
}  // namespace lift
