#pragma once
#include <memory>
#include <optional>
#include <string>

#include "jobs/run_job.hpp"
#include "jobs/sweep_claims.hpp"
#include "jobs/sweep_course.hpp"
#include "src/report/console.hpp"
#include "src/report/log.hpp"
#include "src/sweep/point_record.hpp"

namespace lift {

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
  void do_points();
  [[nodiscard]] std::optional<std::size_t> take_point();
  [[nodiscard]] int signal() const;
  [[nodiscard]] bool is_to_stop() const;
  void begin(const SweepPoint& point);
  [[nodiscard]] std::string begin_warmup(const SweepPoint& point);
  void do_point(const SweepPoint& point);
  void run(const SweepPoint& point, RunLoan& loan);
  void keep_branch(const SweepPoint& point, ResumePoint left);
  [[nodiscard]] bool leads_on(const SweepPoint& point) const;
  void drop_what_is_shared(const SweepPoint& point) const;
  void tell_end(const SweepPoint& point, double seconds);

  const SweepCourse& course_;
  const JobContext& whole_;
  const Communicator& group_;
  Corpora corpora_;
  Console console_;
  Log log_;                          ///< the group's rank 0 speaks
  SweepClaims claims_;               ///< rank 0's
  std::unique_ptr<FileLock> claim_;  ///< rank 0's, of the point under way
  PointRecord record_;               ///< of that point; on other ranks only how it ended, and its warm-up
  End end_ = End::nothing_left;
  std::int64_t begun_ = 0;
  double expected_ = 0, took_ = 0;  ///< seconds of the points that this group has done
};

}  // namespace lift
