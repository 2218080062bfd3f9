#pragma once
#include "mpi/communicator.hpp"

namespace lift {

/// Runs all tests of the binary on every rank of `world` and returns the same exit code on all of them.
///
/// Rank 0 prints as GoogleTest does. Other ranks print their failures only, each line with its rank in front,
/// and rank 0 lists at the end what failed there. The code is the largest of the ranks'.
///
/// Collective  on `world`; every rank runs the same tests in the same order.
int run_tests(int argc, char** argv, const Communicator& world);

}  // namespace lift
