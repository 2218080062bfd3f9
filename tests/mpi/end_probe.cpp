// end_probe MODE: ends as test_end.cpp describes, through the same try and catch as the program's main.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>

#include "mpi/agreement.hpp"

namespace {

using lift::AgreedError;
using lift::Communicator;
using lift::Error;
using lift::ExitCode;

void act(const std::string& mode, const Communicator& world) {
  const bool last = world.rank() == world.size() - 1;
  if (mode == "agreed") {
    lift::agree(world, [&] {
      if (last) throw Error(ExitCode::input, "a cause");
    });
  } else if (mode == "alone") {  // a communicator is freed on the way out, by this rank only
    const Communicator part = world.split(0, world.rank());
    if (last) throw Error(ExitCode::numerical, "a cause");
    part.barrier();
  } else if (mode == "foreign") {
    if (last) throw std::runtime_error("a cause\nwith a backtrace");
    world.barrier();
  } else if (mode == "group") {  // agreed among the upper half only
    const bool upper = world.rank() >= world.size() / 2;
    const Communicator half = world.split(upper ? 1 : 0, world.rank());
    lift::agree(half, [&] {
      if (last) throw Error(ExitCode::write, "a cause");
    });
    world.barrier();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const lift::Environment environment(argc, argv);
  const Communicator world = Communicator::world();
  fmt::print("pid {}\n", getpid());
  std::fflush(stdout);
  try {
    act(argc > 1 ? argv[1] : "", world);
  } catch (const std::exception& error) {
    return static_cast<int>(lift::end_with_error(world, error));
  }
  return 0;
}
