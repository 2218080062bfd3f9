#include <gtest/gtest.h>
#include <petscsys.h>

#include "mpi/communicator.hpp"
#include "mpi/shard_map.hpp"

namespace lift {
namespace {

TEST(ShardMap, FollowsPetscsRowDistribution) {
  const Communicator world = Communicator::world();
  for (const std::int64_t total : {0L, 1L, 3L, 10L, 4097L, 16'532'736L, 5'000'000'001L}) {
    PetscInt rows = PETSC_DECIDE;
    PetscInt all = total;
    ASSERT_EQ(PetscSplitOwnership(world.handle(), &rows, &all), 0);
    EXPECT_EQ(ShardMap(total, world.size()).size(world.rank()), rows) << total;
  }
}

}  // namespace
}  // namespace lift
