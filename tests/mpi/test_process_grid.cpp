#include "mpi/process_grid.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

/// On a communicator of `comm.size()` ranks: every task has one leader, whose group works on it together.
void check_grid(const Communicator& comm, int tasks) {
  SCOPED_TRACE(testing::Message() << comm.size() << " ranks, " << tasks << " tasks");
  const ProcessGrid grid(comm, tasks);
  EXPECT_EQ(grid.tasks(), tasks);
  EXPECT_EQ(grid.groups(), std::min(comm.size(), tasks));
  EXPECT_EQ(&grid.world(), &comm);

  const ShardMap sizes(comm.size(), grid.groups());
  EXPECT_EQ(grid.data().size(), sizes.size(grid.group()));
  EXPECT_EQ(grid.data().rank(), comm.rank() - sizes.begin(grid.group()));
  EXPECT_EQ(grid.leads(), grid.data().rank() == 0);
  EXPECT_EQ(max_over_ranks(std::int64_t{grid.group()}, grid.data()), grid.group());

  std::vector<std::int64_t> done(tasks, 0);
  for (int k = 0; k < grid.rounds(); ++k) {
    const int task = grid.task(k);
    EXPECT_EQ(task == -1, k >= grid.tasks_of_group());
    if (task >= 0 && grid.leads()) ++done[task];
  }
  sum_over_ranks(host_buffer(std::span(done)), comm);
  EXPECT_EQ(done, std::vector<std::int64_t>(tasks, 1));
  EXPECT_EQ(max_over_ranks(std::int64_t{grid.tasks_of_group()}, comm), grid.rounds());
  EXPECT_GE(grid.tasks_of_group(), tasks / grid.groups());
}

TEST(ProcessGrid, DoesEveryTaskExactlyOnce) {
  const Communicator world = Communicator::world();
  for (int ranks = 1; ranks <= world.size(); ++ranks) {
    const bool member = world.rank() < ranks;
    const Communicator comm = world.split(member ? 0 : 1, world.rank());
    for (int tasks = 1; member && tasks <= 7; ++tasks) check_grid(comm, tasks);
  }
}

TEST(ProcessGrid, RefusesNoTasks) {
  const Communicator world = Communicator::world();
  EXPECT_THROW(ProcessGrid(world, 0), Error);
  EXPECT_THROW(ProcessGrid(world, -3), Error);
}

}  // namespace
}  // namespace lift
