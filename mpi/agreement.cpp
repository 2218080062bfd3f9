#include "mpi/agreement.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <new>
#include <span>
#include <string>

#include "mpi/collectives.hpp"

namespace lift {

namespace {

struct Failure {
  ExitCode code = ExitCode::internal;
  std::string message;
  bool agreed = false;  ///< by a group of ranks already, which named the rank
};

/// LibTorch's and PETSc's texts go on with a backtrace below their first line.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

Failure describe(const std::exception& error) {
  if (const auto* ours = dynamic_cast<const Error*>(&error)) {
    return {ours->code(), ours->what(), dynamic_cast<const AgreedError*>(&error) != nullptr};
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return {ExitCode::internal, "out of host memory", false};
  }
  return {ExitCode::internal, first_line(error.what()), false};
}

/// Messages name ranks as mpirun and srun do, whichever communicator they come from.
std::string this_rank() {
  int rank = 0;
  int size = 1;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
  return size == 1 ? "" : fmt::format(" (rank {} of {} on {})", rank, size, host_name());
}

bool agreed_by_all(const std::exception& error, const Communicator& comm) {
  const auto* agreed = dynamic_cast<const AgreedError*>(&error);
  return agreed != nullptr && (agreed->ranks() == AgreedError::kWholeRun || agreed->ranks() == comm.size());
}

/// What `action` threw; code `done` if it returned.
Failure attempt(const std::function<void()>& action) {
  try {
    action();
    return {ExitCode::done, "", false};
  } catch (const std::exception& error) {
    return describe(error);
  } catch (...) {
    return {ExitCode::internal, "an exception of unknown type", false};
  }
}

}  // namespace

void agree(const Communicator& comm, const std::function<void()>& action) {
  Failure mine = attempt(action);
  const bool failed = mine.code != ExitCode::done;
  const std::int64_t rank_or_end = failed ? comm.rank() : comm.size();
  const int first = static_cast<int>(-max_over_ranks(-rank_or_end, comm));
  if (first == comm.size()) return;

  if (comm.rank() == first && !mine.agreed) mine.message += this_rank();
  broadcast(mine.message, first, comm);
  auto code = static_cast<std::int32_t>(mine.code);
  broadcast(host_buffer(std::span(&code, 1)), first, comm);
  throw AgreedError(static_cast<ExitCode>(code), mine.message, comm.size());
}

ExitCode end_with_error(const Communicator& comm, const std::exception& error) {
  const Failure failure = describe(error);
  if (comm.size() == 1 || agreed_by_all(error, comm)) {
    const char* word = failure.code == ExitCode::stopped ? "stopped" : "error";
    if (comm.is_root()) fmt::print(stderr, "lift: {}: {}\n", word, failure.message);
    return failure.code;
  }
  fmt::print(stderr, "lift: error: {}{}\n", failure.message, failure.agreed ? "" : this_rank());
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, static_cast<int>(failure.code));
  return failure.code;
}

}  // namespace lift
