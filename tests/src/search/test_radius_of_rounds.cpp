#include <gmock/gmock.h>

#include <algorithm>

#include "src/search/radius.hpp"
#include "tests/src/search/hyperlocal_test.hpp"

namespace lift {
namespace {

/// The bounds of each round's program are those of the radius that the step before it left, at the W it left.
TEST_F(HyperlocalTest, TheRadiusOfARoundFollowsTheStepOfTheOneBefore) {
  Overfitted tiny;
  auto search = options();
  search.rounds = 3;
  double rho = search.radius.rho;
  std::vector<double> steps;
  const auto bounds = [&](const LocalModel& model, double radius) {
    auto at = search.radius;
    at.rho = radius;
    return program_bounds(tiny.tuned, tiny.lambda, at, TrustRegion::box, model.a.layout(), world_.rank());
  };
  SearchObserver observer = observing([&](int round, const LocalModel& model, std::span<const double>) {
    EXPECT_EQ(model.u, bounds(model, rho)) << round;
    if (round > 0) {
      EXPECT_NE(model.u, bounds(model, search.radius.rho)) << round;
    }
  });
  observer.on_round = [&](int, const RoundSummary& summary) {
    steps.push_back(summary.line.t_star);
    rho *= std::clamp(summary.line.t_star, 0.25, 4.0);
  };
  hyperlocal_search(state(tiny, world_), search, observer);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_NE(std::clamp(steps[0], 0.25, 4.0), 1) << "nothing has changed";
}

}  // namespace
}  // namespace lift
