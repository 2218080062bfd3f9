#pragma once
#include <chrono>
#include <span>
#include <string>

#include "jobs/curvature_record.hpp"
#include "jobs/job_context.hpp"
#include "jobs/run_output.hpp"
#include "jobs/run_plan.hpp"
#include "jobs/split_losses.hpp"
#include "jobs/work_meter.hpp"
#include "mpi/device_route.hpp"
#include "src/search/hyperlocal.hpp"

namespace lift {

/// How far the bits of a run on that device come again, in words.
///
/// Test  tests/jobs/test_run_options.cpp, with a binding made up for the test
[[nodiscard]] std::string reproducibility(const Binding& binding, bool deterministic, int ranks,
                                          DeviceRoute route);

/// What becomes of a run in result.json and in the log, as its stages come.
///
/// Ownership   keeps references to all arguments of the constructor.
/// Collective  every member but the accessors on context.comm; the objective's W is what each refers to.
/// Test        tests/jobs/test_run_job.cpp, test_run_options.cpp
class RunRecord {
 public:
  RunRecord(JobContext& context, const RunPlan& plan, const Corpus& corpus, const Objective& objective,
            RunOutput& output, Checkpoints& checkpoints);

  /// Adds all that was recorded so far, the work and seconds of each rank too, to a resume point; or takes it
  /// from one, into a record that has nothing yet. W and the objective are then those of the point.
  void save(Section& section);
  void resume(const Section& section);

  [[nodiscard]] RunResult& result() noexcept { return result_; }
  [[nodiscard]] PhaseTimers& timers() noexcept { return timers_; }
  [[nodiscard]] WorkMeter& meter() noexcept { return meter_; }
  [[nodiscard]] SplitLosses& losses() noexcept { return losses_; }

  /// The work of the report alone in an epoch of the warm-up: the test split.
  void add_epoch();
  void add_early_stopping(const WarmupSummary& summary);
  /// W0, whose losses the warm-up's last epoch has found but for train's.
  void add_before();
  void add_self_check(const SelfCheck& check);
  void add_curvature(const CurvatureReport& report);
  void add_stage(const StageSummary& stage);
  void add_round(int round, const RoundSummary& summary);
  void add_method(const MethodSummary& summary);
  /// The whole, of a run that ended with `lambda`; its time counts from the record's construction.
  [[nodiscard]] const RunResult& finish(std::span<const double> lambda);
  /// Throws AgreedError(numerical) where a linear program stopped short of its tolerances: its direction was
  /// used, and all results are there.
  void check_programs() const;

 private:
  /// What of the result the plan and the ranks say, whatever a checkpoint holds: it may be one of a run that
  /// shared the warm-up with this one.
  void describe_run();
  void warn(const std::string& line) const;
  void tell_model(const ModelResult& model) const;
  void tell_implicit(const ImplicitReport& implicit, bool of_a_program) const;
  [[nodiscard]] DeviceRoute route() const;
  [[nodiscard]] double seconds_so_far() const;
  void add_seconds();
  /// The phases of all ranks, of earlier sessions too. Collective.
  [[nodiscard]] std::vector<PhaseSpan> timeline() const;
  void add_work();

  JobContext& context_;
  const RunPlan& plan_;
  const Corpus& corpus_;
  const Objective& objective_;
  RunOutput& output_;
  PhaseTimers timers_;
  WorkMeter meter_;
  SplitLosses losses_;
  RunResult result_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  double earlier_seconds_ = 0;       ///< wall seconds of earlier sessions, as far as they count
  std::int64_t earlier_memory_ = 0;  ///< peak of this rank in them, bytes
  std::string unanswered_;           ///< of the first program that stopped short: its round and message
  std::int64_t probes_done_ = 0;
  std::int64_t steps_done_ = 0;
};

}  // namespace lift
