#include "mpi/fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "mpi/communicator.hpp"
#include "mpi/error.hpp"

namespace lift {

void fault_point(std::string_view name) {
  const char* const wanted = std::getenv("LIFT_FAULT");
  if (wanted == nullptr) return;
  if (std::ranges::count(kFaultPoints, name) == 0)
    throw Error(ExitCode::internal, fmt::format("there is no fault point '{}'", name));
  int rank = 0;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  if (fmt::format("{}:{}", name, rank) == wanted)
    throw Error(ExitCode::internal, fmt::format("LIFT_FAULT at '{}'", name));
}

}  // namespace lift
