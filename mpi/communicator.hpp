#pragma once
#include <mpi.h>

#include <string>

namespace lift {

/// Throws Error(internal) with MPI's own text if `code` is not MPI_SUCCESS.
void check_mpi(int code, const char* call);

/// The name that MPI gives to this rank's host.
std::string host_name();

/// MPI_Init_thread at construction, MPI_Finalize at destruction; exactly one a process.
///
/// Whoever holds one catches every exception inside its scope and passes it to end_with_error(): a rank that
/// finalises alone waits for the others.
///
/// Limits  Threads other than the one that made it never call MPI (MPI_THREAD_FUNNELED).
/// Throws  Error(internal) if MPI has been started before, or does not grant MPI_THREAD_FUNNELED.
/// Test    tests/mpi (every binary's main).
class Environment {
 public:
  Environment(int& argc, char**& argv);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
};

/// Owns a duplicate of an MPI communicator whose error handler returns codes.
///
/// Ownership   move-only; frees its handle. Must be destroyed before the Environment.
/// Collective  `world`, `duplicate`, `split`, `split_by_node`, `barrier` and the destructor, on the
///             communicator they start from; accessors are local.
/// Throws      Error(internal) when MPI fails.
/// Test        tests/mpi/test_communicator.cpp
class Communicator {
 public:
  static Communicator world();
  static Communicator self();

  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator&& other) noexcept;
  ~Communicator();

  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int size() const noexcept { return size_; }
  [[nodiscard]] bool is_root() const noexcept { return rank_ == 0; }
  [[nodiscard]] MPI_Comm handle() const noexcept { return handle_; }

  [[nodiscard]] Communicator duplicate() const;
  /// Ranks of equal `color`, ordered by `key`; equal keys keep the order of this communicator.
  [[nodiscard]] Communicator split(int color, int key) const;
  /// Ranks that share this rank's node, in the order of this communicator.
  [[nodiscard]] Communicator split_by_node() const;
  void barrier() const;

 private:
  explicit Communicator(MPI_Comm owned);
  MPI_Comm handle_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace lift
