#include "mpi/process_grid.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mpi/error.hpp"

namespace lift {

namespace {

int checked(int tasks) {
  if (tasks < 1) {
    throw Error(ExitCode::internal, fmt::format("a process grid for {} tasks: expected at least 1", tasks));
  }
  return tasks;
}

}  // namespace

ProcessGrid::ProcessGrid(const Communicator& comm, int tasks)
    : world_(&comm),
      tasks_(checked(tasks)),
      groups_(std::min(comm.size(), tasks)),
      group_(ShardMap(comm.size(), groups_).owner(comm.rank())),
      data_(comm.split(group_, comm.rank())) {}

int ProcessGrid::tasks_of_group() const noexcept {
  return (tasks_ - group_ + groups_ - 1) / groups_;
}

int ProcessGrid::task(int k) const noexcept {
  return k < tasks_of_group() ? group_ + k * groups_ : -1;
}

int ProcessGrid::rounds() const noexcept {
  return (tasks_ + groups_ - 1) / groups_;
}

}  // namespace lift
