#include "src/sweep/next_point.hpp"

#include <algorithm>

namespace lift {
namespace {

/// Whether somebody is on the way to a state that `point` could go on from.
bool is_under_way(std::span<const PointView> points, const PointView& point) {
  if (point.warmup.empty() || point.has_branch || point.has_checkpoint) return false;
  return std::ranges::any_of(points, [&](const PointView& other) {
    return other.state == PointState::running && other.warmup == point.warmup &&
           other.epochs <= point.epochs && !other.has_branch;
  });
}

bool is_beside_suspect(std::span<const PointView> points, const PointView& point) {
  return point.suspect && std::ranges::any_of(points, [](const PointView& other) {
           return other.state == PointState::running && other.suspect;
         });
}

}  // namespace

Choice next_point(std::span<const PointView> points) {
  Choice choice;
  for (std::size_t k = 0; k < points.size(); ++k) {
    const PointState state = points[k].state;
    if (state != PointState::pending && state != PointState::preempted) continue;
    if (!is_under_way(points, points[k]) && !is_beside_suspect(points, points[k]))
      return {Choice::Kind::run, k};
    choice.kind = Choice::Kind::wait;
  }
  return choice;
}

}  // namespace lift
