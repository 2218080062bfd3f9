#include "src/search/step_model.hpp"

#include <cmath>

#include "src/training/vectors.hpp"
#include "tests/src/search/hyperlocal_test.hpp"

namespace lift {
namespace {

TEST(StepModel, HasItsMinimiserWhereItFallsAndRises) {
  const StepModel model{.slope = -2, .curvature = 4};
  EXPECT_EQ(model.minimiser(), 0.5);
  EXPECT_EQ(model.change(0.5), -0.5);
  EXPECT_EQ(model.change(1), 0);
  EXPECT_EQ((StepModel{.slope = -2, .curvature = -1}.minimiser()), std::nullopt);
  EXPECT_EQ((StepModel{.slope = 1, .curvature = 4}.minimiser()), std::nullopt);
  EXPECT_EQ((StepModel{.slope = NAN, .curvature = 4}.minimiser()), std::nullopt);
}

TEST(StepModel, ItsRatioIsOneForAQuadraticAtAnyStepAndNotHalf) {
  const StepModel model{.slope = -2, .curvature = 4};
  for (const double t : {0.1, 0.5, 0.9}) EXPECT_EQ(decrease_ratio(model, t, -2 * t + 2 * t * t), 1);
  EXPECT_EQ(decrease_ratio(model, 0.5, 0.25), -0.5) << "it rose";
  EXPECT_EQ(decrease_ratio(model, 0, 0), std::nullopt);
  EXPECT_EQ(decrease_ratio(model, 1.5, -1), std::nullopt) << "a rise was predicted";
  EXPECT_EQ(decrease_ratio(model, 1 - 1e-9, -1), std::nullopt) << "nothing but rounding was";
}

class StepModelTest : public HyperlocalTest {};

/// L_v(W0 + t d) − L_v(W0) over all of valid.
TEST_F(StepModelTest, IsTheSecondOrderOfTheLossAlongTheDirection) {
  Overfitted tiny;
  auto all = options();
  all.hvp_batches = 100;
  const auto s = state(tiny, world_);
  all.direction = DirectionKind::gradient;
  const Direction d = find_direction(s, all, 0, {});
  const StepModel model = model_along(s, all, d, {});
  const auto at = [&](double t) {
    return losses_along(tiny.objective, tiny.valid, d.w, {t}, {}, world_).at(0).second;
  };
  const double t = 1e-2, start = at(0), forth = at(t), back = at(-t);
  EXPECT_NEAR(model.slope, (forth - back) / (2 * t), 1e-3 * std::abs(model.slope));
  EXPECT_NEAR(model.curvature, (forth + back - 2 * start) / (t * t), 1e-2 * std::abs(model.curvature));
  EXPECT_NEAR(decrease_ratio(model, 1e-3, at(1e-3) - start).value(), 1, 1e-3);
}

TEST_F(StepModelTest, TakesNoMoreSequencesThanAProductDoes) {
  EXPECT_EQ(model_sequences(options(), 5), 5);
  EXPECT_EQ(model_sequences(options(), 50), 8);
}

TEST_F(StepModelTest, IsMeasuredOnRequestAndChangesNoStep) {
  Overfitted plain, told, led;
  auto asked = options();
  const auto before = hyperlocal_round(state(plain, world_), asked, 0, {});
  EXPECT_FALSE(before.model.has_value());
  asked.ratio = true;
  const auto after = hyperlocal_round(state(told, world_), asked, 0, {});
  EXPECT_TRUE(told.w().equal(plain.w()));
  EXPECT_EQ(after.line.losses, before.line.losses);
  ASSERT_TRUE(after.model.has_value());
  EXPECT_EQ(after.model->slope, after.lp.value().certificate.objective);
  asked.ratio = false;
  asked.line_kind = LineKind::model;
  const auto seeded = hyperlocal_round(state(led, world_), asked, 0, {});
  EXPECT_EQ(seeded.model.value().curvature, after.model->curvature);
}

}  // namespace
}  // namespace lift
