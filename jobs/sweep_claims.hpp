#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "jobs/sweep_course.hpp"
#include "src/files/file_lock.hpp"
#include "src/report/log.hpp"
#include "src/sweep/next_point.hpp"
#include "src/sweep/point_record.hpp"

namespace lift {

/// A point that a group has for itself.
struct ClaimedPoint {
  std::size_t point = 0;            ///< in SweepPlan::points
  PointRecord record;               ///< as it was found, with the deaths so far
  std::unique_ptr<FileLock> claim;  ///< held until it is destroyed
};

/// Finds points that nobody has done or works on, for one group of ranks.
///
/// A point that has died three times in a row without a newer checkpoint is given up: FAILED.
///
/// Collective  never: rank 0 of a group has one.
/// Test        tests/jobs/test_sweep_job.cpp, tests/jobs/test_swept.cpp
class SweepClaims {
 public:
  /// `log` hears of points that are given up.
  SweepClaims(const SweepCourse& course, Log& log) : course_(course), log_(log) {}

  /// The next point, claimed; waits while others are on the way to what is left. Nothing where there is none
  /// left, or `is_to_stop` says so, which is asked again and again. Throws Error(write).
  [[nodiscard]] std::optional<ClaimedPoint> next(const std::function<bool()>& is_to_stop);

 private:
  void look_at(const SweepPoint& point, PointView& view) const;
  [[nodiscard]] std::optional<ClaimedPoint> claim(std::size_t k);
  void give_up(const SweepPoint& point, PointRecord record);

  const SweepCourse& course_;
  Log& log_;
  std::vector<PointView> views_;  ///< in the plan's order
};

}  // namespace lift
