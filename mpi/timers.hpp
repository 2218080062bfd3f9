#pragma once
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"

namespace lift {

/// Wall seconds of one phase over the ranks of a run.
struct PhaseTime {
  std::string name;
  double min = 0;
  double mean = 0;
  double max = 0;
};

/// One stretch of a phase on this rank.
struct TimedSpan {
  std::string name;
  double begin = 0;  ///< [s] since the timers were made
  double seconds = 0;
};

/// Adds up wall time by named phase on this rank, and keeps when each was; a name is one line of text.
///
/// Units  seconds.
/// Test   tests/mpi/test_timers.cpp
class PhaseTimers {
 public:
  /// Times the enclosing block.
  class Scope {
   public:
    Scope(PhaseTimers& timers, std::string name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    friend class PhaseTimers;
    void settle();
    PhaseTimers& timers_;
    std::string name_;
    std::chrono::steady_clock::time_point start_;
  };
  [[nodiscard]] Scope measure(std::string name) { return {*this, std::move(name)}; }
  void add(const std::string& name, double seconds);
  /// Adds what open scopes have measured so far, which they then do not add again: for a record in the midst
  /// of a phase.
  void settle();
  /// What scopes have measured, in the order of their ends; what is less than kGap [s] after a stretch of the
  /// same phase goes on with it.
  static constexpr double kGap = 0.01;
  [[nodiscard]] const std::vector<TimedSpan>& spans() const noexcept { return spans_; }
  /// Seconds of this rank in `name` so far, 0 if it never ran.
  [[nodiscard]] double seconds(const std::string& name) const;
  /// All phases that any rank ran, by name; a rank that did not run one counts as 0 s. Collective on `comm`.
  [[nodiscard]] std::vector<PhaseTime> summary(const Communicator& comm) const;

 private:
  void add_span(const std::string& name, double begin, double seconds);
  std::chrono::steady_clock::time_point made_ = std::chrono::steady_clock::now();
  std::vector<TimedSpan> spans_;
  std::map<std::string, double> seconds_;
  std::vector<Scope*> open_;  ///< innermost last
};

}  // namespace lift
