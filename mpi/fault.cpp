#include "mpi/fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "mpi/communicator.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 4> kSignals = {
    {{"KILL", SIGKILL}, {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}}};

/// Which visit of a place this is, from 1. Counted in tests alone.
int visit_of(std::string_view name) {
  static std::map<std::string, int, std::less<>> visits;
  return ++visits[std::string(name)];
}

void tell() {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  fmt::print(stderr, "LIFT_FAULT thrown at {:.3f}\n", now.count());
  std::fflush(stderr);
}

void fail(std::string_view name, const std::string& what) {
  const auto signal = std::ranges::find(kSignals, what, &std::pair<std::string_view, int>::first);
  if (signal != kSignals.end()) {
    tell();
    std::raise(signal->second);
    return;
  }
  const int code = std::atoi(what.c_str());
  if (code < 1 || code > static_cast<int>(ExitCode::write))
    throw Error(ExitCode::internal, fmt::format("LIFT_FAULT: '{}' is no exit code to fail with", what));
  tell();
  throw Error(static_cast<ExitCode>(code), fmt::format("LIFT_FAULT at '{}'", name));
}

}  // namespace

void fault_point(std::string_view name) {
  const char* const wanted = std::getenv("LIFT_FAULT");
  if (wanted == nullptr) return;
  if (std::ranges::count(kFaultPoints, name) == 0)
    throw Error(ExitCode::internal, fmt::format("there is no fault point '{}'", name));
  int rank = 0;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  const std::string here = fmt::format("{}:{}:", name, rank);
  if (!std::string_view(wanted).starts_with(here)) return;
  std::string what = wanted + here.size();
  if (const auto at = what.find('@'); at != std::string::npos) {
    if (visit_of(name) != std::atoi(what.c_str() + at + 1)) return;
    what.resize(at);
  }
  fail(name, what);
}

}  // namespace lift
