#include "mpi/stop_signals.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "mpi/error.hpp"

namespace lift {
namespace {

// A handler has no argument but the number: what it leaves stands here. The only state of the process that
// LiFT keeps.
volatile std::sig_atomic_t noted = 0;
volatile std::time_t noted_at = 0;
volatile std::time_t same_request_for = 0;
bool in_use = false;

std::time_t seconds_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

/// Calls what may be called in a handler (signal-safety(7)) and nothing else.
void note(int signal) {
  if (noted == 0) {
    noted_at = seconds_now();
    noted = signal;
  } else if (seconds_now() - noted_at > same_request_for) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);  // delivered as the handler returns
  }
}

}  // namespace

StopSignals::StopSignals(const std::vector<int>& signals, int same_request) {
  if (in_use) throw Error(ExitCode::internal, "signals are noted by one object at a time");
  in_use = true;
  noted = 0;
  same_request_for = same_request;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : signals) {
    if (::sigaction(signal, &action, nullptr) == 0) {
      signals_.push_back(signal);
      continue;
    }
    const std::string reason = std::strerror(errno);
    for (const int taken : signals_) std::signal(taken, SIG_DFL);
    in_use = false;
    throw Error(ExitCode::internal, fmt::format("signal {} cannot be noted: {}", signal, reason));
  }
}

StopSignals::~StopSignals() {
  for (const int signal : signals_) std::signal(signal, SIG_DFL);
  in_use = false;
}

int StopSignals::received() const noexcept {
  return noted;
}

const char* signal_name(int signal) noexcept {
  switch (signal) {
    case SIGTERM:
      return "TERM";
    case SIGINT:
      return "INT";
    case SIGHUP:
      return "HUP";
    case SIGUSR1:
      return "USR1";
    case SIGUSR2:
      return "USR2";
    default:
      return "";
  }
}

}  // namespace lift
