#pragma once
#include <span>
#include <string>

#include "mpi/communicator.hpp"

namespace lift {

/// The whole program: `words` are what stands after `lift` on the command line; returns the exit code.
///
/// Starts what the job needs (device, threads, PETSc), runs it, and says a failure once, on stderr, as
/// `lift: error: …`. Nothing of it is left running when it returns, and everything is on disk.
///
/// Collective  on `comm`, the whole run, MPI being initialised; the words of rank 0 count on every rank.
/// Throws      nothing; where the ranks cannot agree on a failure it ends them all by MPI_Abort.
/// Test        tests/jobs/test_lift_main.cpp, tests/jobs/test_program.cpp
int lift_main(std::span<const std::string> words, const Communicator& comm) noexcept;

}  // namespace lift
