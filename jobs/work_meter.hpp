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

  /// Adds what is done while it lives to `units`.
  class Scope {
   public:
    Scope(const WorkMeter& meter, double& units) : meter_(meter), units_(units), start_(meter.so_far()) {}
    ~Scope() { units_ += meter_.so_far() - start_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    const WorkMeter& meter_;
    double& units_;
    double start_;
  };

 private:
  const Objective& objective_;
  double left_out_ = 0;
};

}  // namespace lift
