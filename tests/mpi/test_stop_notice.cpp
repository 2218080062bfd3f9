#include "mpi/stop_notice.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace lift {
namespace {

TEST(StopNotice, NobodyHearsOfWhatNobodyGave) {
  const Communicator world = Communicator::world();
  StopNotice notice(world);
  EXPECT_EQ(notice.received(), 0);
  notice.settle();
  EXPECT_EQ(notice.received(), 0);
}

TEST(StopNotice, OneThatWasAskedTellsAll) {
  const Communicator world = Communicator::world();
  StopNotice notice(world);
  const int last = world.size() - 1;
  if (world.rank() == last) notice.give(SIGUSR2);
  while (notice.received() == 0) {
  }
  EXPECT_EQ(notice.received(), SIGUSR2);
  world.barrier();       // else one that has not looked yet may hear of this first
  notice.give(SIGTERM);  // hears of it, and is told to stop itself
  notice.settle();
  EXPECT_EQ(notice.received(), SIGUSR2) << "the first counts";
}

TEST(StopNotice, WhatNobodyLookedForIsReceivedInTheEnd) {
  const Communicator world = Communicator::world();
  StopNotice notice(world);
  notice.give(SIGUSR1);
  notice.give(SIGUSR1);
  notice.settle();
  EXPECT_EQ(notice.received(), SIGUSR1);
}

}  // namespace
}  // namespace lift
