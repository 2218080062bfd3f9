#include "mpi/fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
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
  const std::string here = fmt::format("{}:{}:", name, rank);
  if (!std::string_view(wanted).starts_with(here)) return;
  const int code = std::atoi(wanted + here.size());
  if (code < 1 || code > static_cast<int>(ExitCode::write))
    throw Error(ExitCode::internal, fmt::format("LIFT_FAULT: {} is no exit code to fail with", code));
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  fmt::print(stderr, "LIFT_FAULT thrown at {:.3f}\n", now.count());
  throw Error(static_cast<ExitCode>(code), fmt::format("LIFT_FAULT at '{}'", name));
}

}  // namespace lift
