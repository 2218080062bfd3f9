#pragma once
#include <exception>
#include <functional>

#include "mpi/communicator.hpp"
#include "mpi/error.hpp"

namespace lift {

/// Runs `action` on every rank and makes the failure of any rank the failure of all.
///
/// Method      every rank catches its own exception, one all-reduce finds the lowest failing rank, that
///             rank's code and message are broadcast. An exception other than Error counts as
///             ExitCode::internal, and the first line of its text is its message.
/// Collective  on `comm`; `action` itself must not communicate on it after a point where it can throw, unless
///             through an agree() of its own.
/// Throws      AgreedError on every rank if any rank's action threw; on more than one rank the message ends
///             in " (rank R of P on HOST)", R and P counted over MPI_COMM_WORLD, once even if agree() is
///             nested.
/// Cost        one small all-reduce, and one broadcast after a failure.
/// Test        tests/mpi/test_agreement.cpp
void agree(const Communicator& comm, const std::function<void()>& action);

/// Turns what a job threw into its exit code, after saying it once on stderr as `lift: error: …`, or as
/// `lift: stopped: …` where the run was left to go on another time.
///
/// An AgreedError of all ranks of `comm`, or any error where there is one rank, is said by rank 0 and its
/// code returned. Any other exception means that the ranks no longer agree: this rank says it and calls
/// MPI_Abort with the code, which ends all ranks. `comm` is the whole run.
///
/// Collective  not collective.
/// Test        tests/mpi/test_agreement.cpp, tests/jobs/test_program.cpp
ExitCode end_with_error(const Communicator& comm, const std::exception& error);

}  // namespace lift
