// Fails on the last rank only, on purpose: test_end.cpp sees that nobody overlooks it.
#include <gtest/gtest.h>

#include "mpi/communicator.hpp"

TEST(Probe, FailsOnTheLastRank) {
  const lift::Communicator world = lift::Communicator::world();
  EXPECT_LT(world.rank(), world.size() - 1) << "on purpose";
}

TEST(Probe, Passes) {
  SUCCEED();
}
