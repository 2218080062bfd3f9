#pragma once
#include "mpi/communicator.hpp"
#include "mpi/shard_map.hpp"

namespace lift {

/// Arranges the P ranks of a communicator as task groups × data shards for `tasks` independent tasks (probes,
/// or the candidates of one line-search wave).
///
/// There are G = min(P, tasks) groups of contiguous ranks, sizes as ShardMap(P, G). Group k does tasks
/// k, k + G, k + 2G, …; the ranks of a group split each task's sequences among them.
/// Example, P = 5 and tasks = 2:  group 0 = ranks {0, 1, 2} does task 0,  group 1 = ranks {3, 4} does task 1.
/// Example, P = 2 and tasks = 5:  rank 0 does tasks {0, 2, 4},  rank 1 does tasks {1, 3}.
///
/// Ownership   owns the communicator of its group (move-only); `comm` must outlive the grid.
/// Collective  constructor and destructor on `comm`; accessors are local.
/// Throws      Error(internal) if tasks < 1.
/// Test        tests/mpi/test_process_grid.cpp
class ProcessGrid {
 public:
  ProcessGrid(const Communicator& comm, int tasks);
  [[nodiscard]] int groups() const noexcept { return groups_; }
  [[nodiscard]] int group() const noexcept { return group_; }
  [[nodiscard]] int tasks() const noexcept { return tasks_; }
  /// How many tasks this rank's group does.
  [[nodiscard]] int tasks_of_group() const noexcept;
  /// The k-th task of this rank's group; −1 if k ≥ tasks_of_group().
  [[nodiscard]] int task(int k) const noexcept;
  /// The most tasks that any group does: rounds a collective loop over tasks needs.
  [[nodiscard]] int rounds() const noexcept;
  /// Ranks of my group: they split one task's data; rank 0 here leads the group.
  [[nodiscard]] const Communicator& data() const noexcept { return data_; }
  [[nodiscard]] bool leads() const noexcept { return data_.is_root(); }
  [[nodiscard]] const Communicator& world() const noexcept { return *world_; }

 private:
  const Communicator* world_;
  int tasks_;
  int groups_;
  int group_;
  Communicator data_;
};

}  // namespace lift
