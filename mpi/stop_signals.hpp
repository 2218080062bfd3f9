#pragma once
#include <vector>

namespace lift {

/// Signals that ask a run to stop at its next step: noted, and nothing more.
///
/// Method      the handler keeps the number of the first signal. One that comes more than `same_request`
///             seconds after it ends the process as if nobody had asked for it: a second request. A launcher
///             may hand the same request to a process twice, by itself and through a script, a moment apart.
/// Ownership   the handlers are the process's; the destructor gives the signals back to the system. One
/// object
///             at a time.
/// Throws      Error(internal) if the system refuses a signal, or there is such an object already.
/// Test        tests/mpi/test_stop_signals.cpp
class StopSignals {
 public:
  static constexpr int kSameRequest = 2;  ///< [s]

  explicit StopSignals(const std::vector<int>& signals, int same_request = kSameRequest);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The first signal that came since construction, 0 for none. Any thread.
  [[nodiscard]] int received() const noexcept;

 private:
  std::vector<int> signals_;
};

/// "USR2" for SIGUSR2; "" for one that is not among those --stop-signals knows.
[[nodiscard]] const char* signal_name(int signal) noexcept;

}  // namespace lift
