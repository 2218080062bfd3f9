#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "src/sweep/point_record.hpp"

namespace lift {

/// A point as the choice of the next one sees it.
struct PointView {
  PointState state = PointState::pending;
  std::string warmup;           ///< name of the warm-up that it has in common with others; "" for none
  int epochs = 0;               ///< of its warm-up
  bool has_checkpoint = false;  ///< its run was begun and left
  bool has_branch = false;      ///< the warm-up's state after `epochs` is there
  /// Its processes died, and it has got no further since: it may have been the cause.
  bool suspect = false;
};

struct Choice {
  enum class Kind { run, wait, none };
  Kind kind = Kind::none;
  std::size_t point = 0;  ///< to be run
};

/// What one who is free does next: a point that is pending or preempted, in the order given, but none whose
/// warm-up another goes through at this moment and has not come to the end of: it would take the same steps
/// again, nor a suspect one beside another, of whose deaths only one would be the cause. Where only such
/// points are left, to wait; where there is none, nothing.
///
/// In     points of one warm-up stand one after the other by ascending epochs.
/// Test   tests/src/sweep/test_next_point.cpp
[[nodiscard]] Choice next_point(std::span<const PointView> points);

}  // namespace lift
