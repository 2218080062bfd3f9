#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/run_job.hpp"
#include "jobs/sweep_plan.hpp"
#include "mpi/stop_notice.hpp"
#include "mpi/stop_signals.hpp"
#include "src/report/console.hpp"
#include "src/report/log.hpp"
#include "src/sweep/next_point.hpp"
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
};

/// A group of ranks that does points of a sweep, one after the other, as long as there are any that nobody
/// has done or works on.
///
/// What happens to a point is its own: whatever its run throws becomes its record, and the group goes on with
/// another. Where the ranks of a group no longer agree the whole program ends (MPI_Abort); then the points
/// that were under way go on the next time, and one that has died so three times in a row without a newer
/// checkpoint is FAILED.
///
/// Collective  on `group`.
/// Test        tests/jobs/test_sweep_job.cpp (1, 2, 4 ranks), tests/jobs/test_swept.cpp
class SweepWorker {
 public:
  SweepWorker(const SweepCourse& course, const JobContext& whole, const Communicator& group);

  enum class End { nothing_left, stopped };
  /// Throws AgreedError(write) if a record cannot be written.
  End work();
  /// Points that this group has begun.
  [[nodiscard]] std::int64_t begun() const noexcept { return begun_; }

 private:
  struct Task {
    enum class Kind { run, none, stop };
    Kind kind = Kind::none;
    std::size_t point = 0;
  };
  End do_points();
  [[nodiscard]] Task take_task();
  [[nodiscard]] Task find_task();
  void look_at(const SweepPoint& point, PointView& view) const;
  [[nodiscard]] bool take(const SweepPoint& point);
  [[nodiscard]] int signal() const;
  [[nodiscard]] bool is_to_stop() const;
  [[nodiscard]] PointRecord begin(const SweepPoint& point);
  void do_point(const SweepPoint& point);
  void run(const SweepPoint& point, RunLoan& loan, PointRecord& record);
  [[nodiscard]] std::string begin_warmup(const SweepPoint& point);
  void keep_branch(const SweepPoint& point, ResumePoint left);
  [[nodiscard]] std::filesystem::path memo_of(const SweepPoint& point) const;
  [[nodiscard]] std::string progress_of(const SweepPoint& point) const;
  [[nodiscard]] bool leads_on(const SweepPoint& point) const;
  void drop_what_is_shared(const SweepPoint& point) const;
  void tell_end(const SweepPoint& point, const PointRecord& record, double seconds);
  [[nodiscard]] WarmupBranches branches(const SweepPoint& point) const {
    return WarmupBranches(course_.folder.shared(point.warmup));
  }

  const SweepCourse& course_;
  const JobContext& whole_;
  const Communicator& group_;
  Corpora corpora_;
  Console console_;
  Log log_;                          ///< the group's rank 0 speaks
  std::unique_ptr<FileLock> claim_;  ///< rank 0's, of the point under way
  std::vector<PointView> views_;     ///< rank 0's, in the plan's order
  PointRecord taken_;                ///< rank 0's: as it was found
  std::int64_t begun_ = 0;
  double expected_ = 0, took_ = 0;  ///< seconds of the points that this group has done
};

}  // namespace lift
