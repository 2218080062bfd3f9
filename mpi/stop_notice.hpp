#pragma once
#include <cstdint>

#include "mpi/communicator.hpp"

namespace lift {

/// Tells all ranks, also those that work on something else, that one of them was asked to stop.
///
/// Method      a message to each rank, which looks for it when it wants to: nobody waits for anybody.
/// Ownership   works on a duplicate of the communicator.
/// Collective  constructor, settle() and destructor on its argument; give() and received() are local.
/// Throws      Error(internal) when MPI fails.
/// Cost        received(): a probe, some microseconds at most.
/// Test        tests/mpi/test_stop_notice.cpp (1, 2, 4 ranks)
class StopNotice {
 public:
  explicit StopNotice(const Communicator& comm);
  StopNotice(const StopNotice&) = delete;
  StopNotice& operator=(const StopNotice&) = delete;

  /// Sends `signal` to all ranks. What is given once is not given again.
  void give(int signal);
  /// The signal that this rank has heard of first, or given; 0 for none.
  [[nodiscard]] int received();
  /// Receives all that is still under way: once all have ended, before the destructor.
  void settle();

 private:
  void receive(int source);

  Communicator comm_;
  int heard_ = 0;
  bool gave_ = false;
  std::int64_t arrived_ = 0;  ///< messages
};

}  // namespace lift
