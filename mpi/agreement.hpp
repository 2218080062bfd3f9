#pragma once
#include <exception>
#include <functional>

#include "mpi/communicator.hpp"
#include "mpi/error.hpp"

namespace lift {

/// Runs `action` on every rank and makes the failure of any rank the failure of all.
///
/// Method      every rank catches its own exception, one all-reduce finds the lowest failing rank, that
/// rank's code
///             and message are broadcast; an exception other than Error counts as ExitCode::internal.
/// Collective  on `comm`; `action` itself must not communicate on it after a point where it can throw.
/// Throws      AgreedError on every rank if any rank's action threw; on more than one rank the message ends
/// in
///             " (rank R of P on HOST)".
/// Cost        one small all-reduce, and one broadcast after a failure.
/// Test        tests/mpi/test_agreement.cpp
void agree(const Communicator& comm, const std::function<void()>& action);

/// Turns what a job threw into its exit code, after saying it once on stderr as `lift: error: …`.
///
/// An AgreedError, or any error on one rank, is said by rank 0 and its code returned. Any other exception on
/// more than one rank means that the ranks no longer agree: this rank says it and calls MPI_Abort with the
/// code, which ends all ranks. Collective  not collective. Test        tests/mpi/test_agreement.cpp,
/// tests/jobs/test_errors.cpp
ExitCode end_with_error(const Communicator& comm, const std::exception& error);

}  // namespace lift
