#include "mpi/communicator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

int compare(const Communicator& a, const Communicator& b) {
  int result = MPI_UNEQUAL;
  check_mpi(MPI_Comm_compare(a.handle(), b.handle(), &result), "MPI_Comm_compare");
  return result;
}

TEST(Communicator, WorldIsACopyWithTheSameRanks) {
  const Communicator world = Communicator::world();
  int rank = -1;
  int size = -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  EXPECT_EQ(world.rank(), rank);
  EXPECT_EQ(world.size(), size);
  EXPECT_EQ(world.is_root(), rank == 0);
  EXPECT_NE(world.handle(), MPI_COMM_WORLD);
  EXPECT_EQ(compare(world, world.duplicate()), MPI_CONGRUENT);
}

TEST(Communicator, SelfIsAlone) {
  const Communicator self = Communicator::self();
  EXPECT_EQ(self.rank(), 0);
  EXPECT_EQ(self.size(), 1);
}

TEST(Communicator, SplitsByColorAndOrdersByKey) {
  const Communicator world = Communicator::world();
  const Communicator part = world.split(world.rank() % 2, -world.rank());
  const int members = (world.size() + 1 - world.rank() % 2) / 2;
  EXPECT_EQ(part.size(), members);
  EXPECT_EQ(part.rank(), members - 1 - world.rank() / 2);
}

TEST(Communicator, NodesCoverAllRanks) {
  const Communicator world = Communicator::world();
  const Communicator node = world.split_by_node();
  std::string host = host_name();
  broadcast(host, 0, node);
  EXPECT_EQ(host, host_name());
  EXPECT_FALSE(host.empty());
  EXPECT_EQ(sum_over_ranks(1.0 / node.size(), node), 1.0);
}

TEST(Communicator, MovesItsHandle) {
  Communicator first = Communicator::world();
  const MPI_Comm handle = first.handle();
  Communicator second = std::move(first);
  EXPECT_EQ(second.handle(), handle);
  first = Communicator::self();
  EXPECT_EQ(first.size(), 1);
  first = std::move(second);
  EXPECT_EQ(first.handle(), handle);
  first.barrier();
}

TEST(Communicator, ErrorsCarryMpisText) {
  EXPECT_NO_THROW(check_mpi(MPI_SUCCESS, "MPI_Barrier"));
  try {
    check_mpi(MPI_ERR_TRUNCATE, "MPI_Recv");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_EQ(std::string(error.what()).rfind("MPI_Recv failed: ", 0), 0U);
    EXPECT_NE(std::string(error.what()).find("runcate"), std::string::npos) << error.what();
  }
}

TEST(Environment, RefusesASecondStart) {
  int argc = 0;
  char** argv = nullptr;
  EXPECT_THROW(Environment(argc, argv), Error);
}

}  // namespace
}  // namespace lift
