#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "src/report/clock.hpp"
#include "src/report/log.hpp"

namespace lift {

/// Where a phase stands.
struct ProgressStep {
  std::int64_t step = 0;                                   ///< done so far
  std::int64_t steps = 0;                                  ///< of how many; 0: not known
  std::optional<double> loss = std::nullopt;               ///< nats/token
  std::optional<double> tokens_per_second = std::nullopt;  ///< over all ranks
  /// [s]; where absent, what is done of this phase gives it
  std::optional<double> seconds_left = std::nullopt;
  std::string note = {};  ///< what goes on beside the steps, as "evaluating valid: 12 of 487 sequences"
};

struct ProgressOptions {
  double interval = 10;  ///< [s] between lines where no terminal is, and in log.txt
  double redraw = 0.1;   ///< [s] between redrawings on a terminal
  Clock clock;           ///< monotonic seconds; empty: the steady clock
};

/// Tells how far the run is, phase by phase: on a terminal one redrawn line, else one line an interval.
///
/// A phase begins with the first update that names it and ends when another begins or at finish(), which
/// leaves one line: `warm-up: 1,180 steps in 3 min 12 s, loss 2.7104`, without steps where none was counted.
/// Its time is counted from its first update, which is therefore best made with step 0. Ranks other than 0
/// say nothing, so every rank may call it. A call between two lines costs a clock reading.
///
/// Ownership   keeps a reference to `log`.
/// Test        tests/src/report/test_progress.cpp, with a clock of its own
class Progress {
 public:
  explicit Progress(Log& log, ProgressOptions options = {});
  ~Progress();  ///< clears the status line; an open phase leaves no line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(const std::string& phase, const ProgressStep& step);
  void update(const std::string& phase, std::int64_t step, std::int64_t steps);
  /// Ends the open phase, if there is one; `note` is added to its line.
  void finish(const std::string& note = "");

 private:
  void begin(const std::string& phase, const ProgressStep& step, double now);
  [[nodiscard]] std::string line(double now) const;

  Log* log_;
  ProgressOptions options_;
  std::string phase_;  ///< empty: none is open
  ProgressStep last_;
  std::int64_t first_step_ = 0;  ///< of the phase's first update, so that a phase may start in the middle
  double began_ = 0;             ///< [s]
  double next_line_ = 0;         ///< [s]
  double next_redraw_ = 0;       ///< [s]
};

}  // namespace lift
