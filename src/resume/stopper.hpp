#pragma once
#include <functional>
#include <optional>
#include <string>

#include "mpi/communicator.hpp"
#include "src/report/clock.hpp"

namespace lift {

/// What all ranks do at a point where a run can be left.
enum class Ask { go_on, save, stop };

struct StopperOptions {
  std::function<int()> signal;              ///< the signal that asked for a stop, 0 for none; may be empty
  std::optional<double> seconds_left = {};  ///< until the run must have ended, from construction
  std::string limit = {};                   ///< what sets it, for the message: "the time of --max-hours"
  double save_interval = 900;               ///< [s] between two checkpoints; 0: none but where it stops
  Clock clock = {};                         ///< monotonic seconds; empty: the system's
};

/// Decides when a run saves and when it stops, the same on every rank.
///
/// Method      a rank that was signalled, or rank 0's clock, decides for all. Time is up while it still lasts
///             for what goes on between two points and for a checkpoint: when
///             left < longest gap + 2 × longest save + 2 s, with the longest of each so far. The first ask()
///             goes on whatever the clock says: a run that is given too little time does one step each time,
///             and not none for ever.
/// Collective  ask() on its argument; everything else is local.
/// Test        tests/src/resume/test_stopper.cpp (1, 2, 4 ranks), with a clock of its own
class Stopper {
 public:
  explicit Stopper(StopperOptions options);

  [[nodiscard]] Ask ask(const Communicator& comm);
  /// Tells how long a checkpoint took; the interval counts from now. `seconds` < 0: none was needed.
  void saved(double seconds);
  /// Why it stops, for a reader, after Ask::stop: "signal USR2", "Slurm's time limit is nearly over".
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  [[nodiscard]] bool time_is_up(double now) const;

  StopperOptions options_;
  double began_;
  double last_ask_;
  double last_save_;
  bool asked_ = false;  ///< before
  double longest_gap_ = 0;
  double longest_save_ = 0;
  std::string reason_;
};

/// Seconds until Slurm ends this job, asked of its environment (SLURM_JOB_END_TIME) or else of squeue;
/// nothing outside of Slurm, without a limit, or where neither answers.
///
/// Cost  a process, once. Test tests/src/resume/test_stopper.cpp, with an squeue made up for the test
[[nodiscard]] std::optional<double> slurm_seconds_left();

}  // namespace lift
