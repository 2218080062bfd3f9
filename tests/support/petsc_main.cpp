#include "mpi/communicator.hpp"
#include "solvers/session.hpp"
#include "tests/support/run_tests.hpp"

int main(int argc, char** argv) {
  const lift::Environment environment(argc, argv);
  const lift::Communicator world = lift::Communicator::world();
  const lift::SolverSession session(world);
  return lift::run_tests(argc, argv, world);
}
