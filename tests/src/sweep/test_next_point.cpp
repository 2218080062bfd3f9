#include "src/sweep/next_point.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace lift {
namespace {

using enum PointState;

/// Three points of one warm-up and one of another.
std::vector<PointView> views() {
  return {{.warmup = "w", .epochs = 10},
          {.warmup = "w", .epochs = 15},
          {.warmup = "w", .epochs = 15},
          {.warmup = "other", .epochs = 1}};
}

void expect_run(const std::vector<PointView>& points, std::size_t which) {
  const Choice choice = next_point(points);
  EXPECT_EQ(choice.kind, Choice::Kind::run);
  EXPECT_EQ(choice.point, which);
}

TEST(NextPoint, TakesTheFirstThatIsLeft) {
  auto points = views();
  expect_run(points, 0);
  points[0].state = done;
  expect_run(points, 1);
  points[1].state = failed;
  points[2].state = invalid;
  points[3].state = preempted;
  expect_run(points, 3);
  points[3].state = running;
  EXPECT_EQ(next_point(points).kind, Choice::Kind::none);
}

TEST(NextPoint, LeavesAWarmupToWhoGoesThroughItNow) {
  auto points = views();
  points[0].state = running;
  expect_run(points, 3);
  points[3].state = done;
  EXPECT_EQ(next_point(points).kind, Choice::Kind::wait);
  points[0].has_branch = true;  // its search goes on
  expect_run(points, 1);
  points[1].state = running;
  EXPECT_EQ(next_point(points).kind, Choice::Kind::wait) << "the other of as many epochs";
  points[1].has_branch = points[2].has_branch = true;
  expect_run(points, 2);
}

TEST(NextPoint, DoesNotWaitForALongerOneNorForWhatFailed) {
  auto points = views();
  points[1].state = running;
  expect_run(points, 0);
  points[0].state = failed;
  points[1].state = pending;
  expect_run(points, 1);
}

TEST(NextPoint, OneWithACheckpointOfItsOwnWaitsForNobody) {
  auto points = views();
  points[0].state = running;
  points[1].state = preempted;
  points[1].has_checkpoint = true;
  expect_run(points, 1);
}

TEST(NextPoint, TwoSuspectsAreNotRunSideBySide) {
  std::vector<PointView> points(3);
  points[0].state = running;
  points[0].suspect = points[1].suspect = true;
  points[1].state = preempted;
  expect_run(points, 2);
  points[2].state = done;
  EXPECT_EQ(next_point(points).kind, Choice::Kind::wait);
  points[0].suspect = false;  // has got further
  expect_run(points, 1);
}

TEST(NextPoint, PointsThatShareNoWarmupAreFree) {
  const std::vector<PointView> points = {{.state = running, .warmup = "", .epochs = 3},
                                         {.warmup = "", .epochs = 3}};
  expect_run(points, 1);
}

}  // namespace
}  // namespace lift
