#include "src/report/curvature_result.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "src/report/density_figure.hpp"
#include "src/report/run_result.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

/// Of 1000 coordinates: a bulk at 0, one eigenvalue at −2 and one at 10.
CurvatureResult sample() {
  return {.noise = 1e-6,
          .failure = 0.01,
          .sequences = 40,
          .of_sequences = 4718,
          .lambda = {1e-4, 2e-4},
          .null_directions = 8,
          .h22 = {.of = "H22",
                  .n = 1000,
                  .verdict = "fails",
                  .least = -2,
                  .residual = 1e-4,
                  .noise = 2e-6,
                  .largest = 10,
                  .lower_bound = -2.5,
                  .whole_spectrum = false,
                  .negative_found = 5,
                  .positive_found = 11,
                  .steps = 30,
                  .products = 60,
                  .message = "positive definiteness fails"},
          .blocks = {{.of = "block 7", .n = 400, .verdict = "undecided", .message = "too few"}},
          .rank_h21 = 2,
          .schur = SchurResult{.status = "solved",
                               .mu = 2.1,
                               .eigenvalues = {-3, -0.5},
                               .s = {-3, 0, 0, -0.5},
                               .asymmetry = 1e-7,
                               .residual = 1e-5,
                               .products = 40,
                               .message = "solved"},
          .density = {{.nodes = {-2, 0, 10}, .weights = {0.001, 0.998, 0.001}}},
          .products = 130,
          .seconds = 4.5};
}

TEST(CurvatureResult, ComesBackFromTheResultOfARun) {
  const Communicator self = Communicator::self();
  const TempFolder folder(self);
  RunResult run = testing::paper_run();
  run.curvature = sample();
  testing::put_text(folder / "result.json", to_json(run));
  const RunResult reread = read_result(folder / "result.json");
  ASSERT_TRUE(reread.curvature.has_value());
  EXPECT_EQ(to_json(*reread.curvature), to_json(sample()));
  EXPECT_EQ(reread.curvature->blocks[0].lower_bound, -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(reread.curvature->blocks[0].least));

  Json wrong = Json::parse(to_json(run));
  wrong["curvature"]["h22"]["verdict"] = 3;
  testing::put_text(folder / "result.json", wrong.dump());
  EXPECT_THAT(testing::error_of([&] { static_cast<void>(read_result(folder / "result.json")); }).what(),
              HasSubstr("curvature.h22.verdict is 3; expected a text"));
}

TEST(CurvatureResult, ATableSaysWhatIsKnownOfEachMatrix) {
  const std::string text = to_text(curvature_table(sample()));
  EXPECT_THAT(text, HasSubstr("none below (or 1 in 100)"));
  EXPECT_THAT(text, HasSubstr("fails"));
  EXPECT_THAT(text, HasSubstr("-2.5"));
  EXPECT_THAT(text, HasSubstr("block 7"));
  EXPECT_THAT(to_csv(curvature_table(sample())), HasSubstr("block 7,400,undecided,,,0,,0,,0"));
}

TEST(CurvatureResult, SentencesSayWhatHoldsForCertain) {
  const auto all = curvature_sentences(sample());
  ASSERT_EQ(all.size(), 7U);
  EXPECT_THAT(all[0], HasSubstr("over 40 of 4718 training sequences, at lambda = 0.0001, 0.0002"));
  EXPECT_THAT(all[1], HasSubstr("H22: positive definiteness fails"));
  EXPECT_EQ(all[2], "H22: at least 5 negative eigenvalues found");
  EXPECT_THAT(all[3], HasSubstr("so not positive definite: 8 coordinates"));
  EXPECT_THAT(all[4], AllOf(HasSubstr("2 positive and 2 negative"), HasSubstr("at least 5 negative in all")));
  EXPECT_THAT(all[5], HasSubstr("eigenvalues -3 to -0.5"));
  auto without = sample();
  without.rank_h21 = 0;
  without.schur.reset();
  without.null_directions = 0;
  without.h22.negative_found = 0;
  EXPECT_THAT(curvature_sentences(without), ElementsAre(::testing::_, ::testing::_, HasSubstr("H21 = 0 here"),
                                                        HasSubstr("S was not looked for"), ::testing::_));
}

TEST(CurvatureResult, AnInertiaIsKnownInFullWhereNoCoordinateIsLeft) {
  auto result = sample();
  EXPECT_EQ(Json::parse(to_json(result))["h22"]["inertia_known"], false);
  EXPECT_EQ(result.joint_negative_found(), 5) << "2 + (5 - 2)";
  result.h22.negative_found = 1;
  EXPECT_EQ(result.joint_negative_found(), 2);
  EXPECT_EQ(curvature_sentences(result)[2], "H22: at least 1 negative eigenvalue found");
  result.h22.positive_found = 999;
  EXPECT_EQ(Json::parse(to_json(result))["h22"]["inertia_known"], true);
  EXPECT_EQ(curvature_sentences(result)[2], "H22: inertia in full, 1 negative and 999 positive eigenvalues");
}

TEST(CurvatureResult, AReportOfBeforeThereWereCountsIsRead) {
  const Communicator self = Communicator::self();
  const TempFolder folder(self);
  RunResult run = testing::paper_run();
  run.curvature = sample();
  Json old = Json::parse(to_json(run));
  for (const char* key : {"negative_found", "positive_found", "inertia_known"})
    old["curvature"]["h22"].erase(key);
  testing::put_text(folder / "result.json", old.dump());
  EXPECT_EQ(read_result(folder / "result.json").curvature->h22.negative_found, 0);
}

TEST(CurvatureResult, TheFigureShowsTheDensityOfItsNodes) {
  const auto figure = density_figure(sample());
  ASSERT_TRUE(figure.has_value());
  double mass = 0, negative = 0, before_x = 0, before = 0;
  std::istringstream rows(figure->data);
  std::string line;
  std::getline(rows, line);
  for (bool first = true; std::getline(rows, line); first = false) {
    double x = 0, density = 0;
    std::istringstream(line) >> x >> density;
    if (!first) mass += 0.5 * (density + before) * (x - before_x);
    if (!first && x < -1) negative += 0.5 * (density + before) * (x - before_x);
    before_x = x, before = density;
  }
  EXPECT_NEAR(mass, 1, 0.01);
  EXPECT_NEAR(negative, 0.001, 2e-5);
  EXPECT_THAT(figure->script, HasSubstr("least node -2"));
  auto positive = sample();
  positive.density = {{.nodes = {2, 3}, .weights = {0.5, 0.5}}};
  const auto above = density_figure(positive);
  EXPECT_THAT(above->script, HasSubstr("least node 2\""));
  EXPECT_THAT(above->script, HasSubstr("largest node 3\""));
  auto nothing = sample();
  nothing.density = {{}};
  EXPECT_FALSE(density_figure(nothing).has_value());
}

}  // namespace
}  // namespace lift
