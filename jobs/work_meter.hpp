#pragma once
#include "src/objective/objective.hpp"

namespace lift {

/// Forward units of this rank's work (forward_units), less what is only reported: nothing is chosen by it.
///
/// Ownership  keeps a reference to the objective.
/// Test       tests/jobs/test_run_options.cpp: the units of a run
class WorkMeter {
 public:
  explicit WorkMeter(const Objective& objective) : objective_(objective) {}

  [[nodiscard]] double so_far() const { return forward_units(objective_.work()) - left_out_; }
  void leave_out(double units) { left_out_ += units; }
  /// Runs `report`, whose work is left out, and returns what it returns.
  template <typename Report>
  auto left_out(const Report& report) {
    const double before = so_far();
    auto result = report();
    leave_out(so_far() - before);
    return result;
  }

  /// Adds what is done while it lives to `units`; one at a time.
  class Scope {
   public:
    Scope(WorkMeter& meter, double& units) : meter_(meter), units_(units), start_(meter.so_far()) {
      meter_.open_ = this;
    }
    ~Scope() {
      settle();
      meter_.open_ = nullptr;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    friend class WorkMeter;
    void settle() {
      const double now = meter_.so_far();
      units_ += now - start_;
      start_ = now;
    }
    WorkMeter& meter_;
    double& units_;
    double start_;
  };
  /// Adds what the open scope has metered so far: for a record in the midst of a phase.
  void settle() {
    if (open_ != nullptr) open_->settle();
  }
  /// Goes on from what was left out of work that the objective counts from now on too. No scope is open.
  [[nodiscard]] double left_out_so_far() const { return left_out_; }
  void resume(double left_out) { left_out_ = left_out; }

 private:
  const Objective& objective_;
  double left_out_ = 0;
  Scope* open_ = nullptr;
};

}  // namespace lift
