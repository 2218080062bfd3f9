#pragma once
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "jobs/sweep_plan.hpp"
#include "mpi/stop_notice.hpp"
#include "mpi/stop_signals.hpp"
#include "src/sweep/sweep_folder.hpp"
#include "src/sweep/warmup_branches.hpp"

namespace lift {

/// What all groups of a sweep's program have in common.
struct SweepCourse {
  const SweepPlan& plan;
  const SweepFolder& folder;
  const StopSignals& signals;
  StopNotice& notice;  ///< of the program's ranks
  std::chrono::steady_clock::time_point began;
  std::optional<double> most_seconds = {};  ///< --max-hours
  std::vector<PointSeconds> seconds;        ///< expected of each point
  int groups = 1;

  [[nodiscard]] WarmupBranches branches(const SweepPoint& point) const {
    return WarmupBranches(folder.shared(point.warmup));
  }
  /// Of first results that others have in common with it; empty where there are none.
  [[nodiscard]] std::filesystem::path memo(const SweepPoint& point) const {
    if (point.memo.empty()) return {};
    return folder.shared(point.warmup) / ("memo-" + point.memo);
  }
  [[nodiscard]] std::string progress(const SweepPoint& point) const {
    return folder.progress(point.name, memo(point));
  }
};

}  // namespace lift
