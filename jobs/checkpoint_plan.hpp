#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/options.hpp"
#include "src/resume/checkpoints.hpp"

namespace lift {

/// How a run can be left and taken up again, from its options.
struct CheckpointPlan {
  bool resume = false;  ///< --resume
  double interval = 0;  ///< --checkpoint.minutes, in seconds
  int keep = 1;         ///< --checkpoint.keep
  WorkMemo::Policy memo = WorkMemo::Policy::measured;
  std::optional<double> most_seconds = {};      ///< --max-hours, in seconds
  std::vector<int> signals = {};                ///< --stop-signals
  std::map<std::string, std::string> identity;  ///< the options that must not change, by name with dashes
};

/// The numbers of signals named with commas between, none of "none". Throws Error(usage) for another name.
[[nodiscard]] std::vector<int> signals_of(std::string_view list);

/// Throws Error(usage) if --stop-signals names something else than signals.
/// Test   tests/jobs/test_checkpoint_plan.cpp
[[nodiscard]] CheckpointPlan checkpoint_plan(const Options& options);

/// The same of a config.cfg, whose options that must not change are compared with a plan's.
[[nodiscard]] std::map<std::string, std::string> identity_of_config(const std::string& text);

/// Seconds that a run has from now on, and what sets that limit: the smaller of --max-hours and what Slurm
/// leaves (slurm_seconds_left()); both unset where there is neither. `elapsed`: since the run began. Local;
/// asked on rank 0 alone, which decides.
void limit_time(const CheckpointPlan& plan, double elapsed, StopperOptions& stop);

}  // namespace lift
