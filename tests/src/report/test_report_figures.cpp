#include "src/report/report_figures.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

#include "src/files/atomic_file.hpp"
#include "src/report/curve_labels.hpp"
#include "src/report/figures.hpp"
#include "tests/src/report/run_folders.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::paper_row;

const RunOptions kPaper = {{"tune.blocks", "1,7,11"}, {"tune.regularizers", "1:1,7:0,11:1"}, {"seed", "0"}};

Configuration length_of(int epochs, double after, const std::string& direction = "lp") {
  RunOptions options = kPaper;
  options["warmup.epochs"] = std::to_string(epochs);
  options["direction"] = direction;
  return {direction + "_" + std::to_string(epochs),
          {testing::kept("run", paper_row(epochs, {10, 30, 30}, {12, 28, after}), options)}};
}

KeptRun with_timeline() {
  KeptRun run = testing::kept("a_b", testing::paper_run(), kPaper);
  run.timeline = {{.rank = 0, .phase = "warmup", .begin = 0, .seconds = 5},
                  {.rank = 0, .phase = "line_search", .begin = 8, .seconds = 2},
                  {.rank = 1, .phase = "probes", .begin = 4, .seconds = 2},
                  {.rank = 1, .phase = "warmup", .begin = 0, .seconds = 4},
                  {.rank = 1, .phase = "probes", .begin = 6.001, .seconds = 2}};
  return run;
}

TEST(ReportFigures, AllOfThemCanBeDrawn) {
  if (!Communicator::world().is_root()) GTEST_SKIP() << "rank 0 draws";
  if (std::system("gnuplot --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "gnuplot is not installed";
  const OwnFolder folder;
  RunResult run = paper_row(35, {7.31, 32.60, 32.43}, {10.16, 28.73, 28.38});
  run.rounds[0].probe_curvature = {.vectors = 2, .ritz_values = {-1, 4}};
  const KeptRun timed = with_timeline();
  const std::vector<std::optional<Figure>> figures = {
      lambda_figure(testing::kept("a", run, kPaper)),
      stages_figure({"a_b", {testing::kept("a", run, {}), testing::kept("b", run, {})}}),
      reduction_figure(
          {length_of(10, 29), length_of(20, 27), length_of(30, 26, "sign"), length_of(5, 29, "sign")},
          {"seed"}),
      timeline_figure(timed),
      seconds_figure(run),
      ritz_figure(run)};
  for (const auto& figure : figures) ASSERT_TRUE(figure);
  EXPECT_THAT(draw_figures(figures, folder.path()), ElementsAre());
  const auto picture = [&](const char* name) { return read_file(folder / (std::string(name) + ".svg")); };
  EXPECT_THAT(picture("lambda"), HasSubstr("block 11"));
  EXPECT_THAT(picture("stages"), HasSubstr("early stopping, test 22.38"));
  EXPECT_THAT(picture("reduction"), HasSubstr("search: lp_10"));
  EXPECT_THAT(picture("timeline"), HasSubstr("line_search"));
  EXPECT_THAT(picture("seconds"), HasSubstr("9e+03 s"));
  EXPECT_THAT(picture("ritz_values"), HasSubstr("color='rgb(213,  94,   0)'/>")) << "what is negative";
}

TEST(ReportFigures, LambdaGoesFromBeforeTheFirstRoundToAfterTheLast) {
  RunResult run = testing::paper_run();
  run.rounds.push_back(run.rounds[0]);
  run.rounds[1].lambda_after = {4e-4, 0};
  const Figure figure = *lambda_figure(testing::kept("a", run, kPaper));
  EXPECT_THAT(figure.data, HasSubstr("# block 1: round lambda\n0 0.0001\n1 0.0002\n2 0.0004\n"));
  EXPECT_THAT(figure.data, HasSubstr("# block 11: round lambda\n0 0.0001\n1 5e-05\n2 NaN\n"))
      << "0 has no logarithm";
  EXPECT_THAT(figure.script, HasSubstr("set yrange [1e-5:1e-3]"));
}

TEST(ReportFigures, ReductionsOfOneCurveDifferInTheLengthOfTheWarmupAlone) {
  const std::vector<Configuration> all = {length_of(20, 24), length_of(10, 27), length_of(10, 15, "sign")};
  const Figure figure = *reduction_figure(all, {"seed"});
  // (30 − 27)/30 and (30 − 24)/30; early stopping (30 − 22.38)/30; the one row of `sign` is no curve
  EXPECT_THAT(figure.data, HasSubstr("\n10 10"));
  EXPECT_THAT(figure.data, HasSubstr(" 0 25.4"));
  EXPECT_THAT(figure.data, HasSubstr("\n20 19.99"));
  EXPECT_THAT(figure.data, Not(HasSubstr("sign")));
  std::vector<Configuration> unknown = all;
  for (Configuration& one : unknown) one.runs[0].options.reset();
  EXPECT_FALSE(reduction_figure(unknown, {"seed"})) << "what they have in common is not known";
  EXPECT_FALSE(reduction_figure({all[0]}, {"seed"}));
  EXPECT_FALSE(reduction_figure({all[0], all[2]}, {"seed"}));
}

TEST(ReportFigures, MethodsStandInTheOrderOfTheirTestPerplexity) {
  const auto rival = [](const char* name, double test, double ood) {
    RunResult run = testing::paper_run();
    run.method.name = name;
    run.after.test->loss = std::log(test);
    run.before.ood = SplitLoss{std::log(60.0), 3};
    run.after.ood = SplitLoss{std::log(ood), 3};
    return testing::kept(name, run, {});
  };
  const Configuration worse{"tpgm", {rival("tpgm", 30, 50)}},
      better{"wise", {rival("wise", 26, 52), rival("wise", 24, 54)}};
  const Figure figure = *methods_figure({worse, better});
  EXPECT_THAT(figure.data,
              ::testing::MatchesRegex("# .*\n1 25(.0*[0-9])? 1.41[0-9]* 53[.0-9]* 1.41[0-9]* \"wise\"\n"
                                      "0 (30|29.9)[0-9.]* 0 (50|49.9)[0-9.]* 0 \"tpgm\"\n"));
  EXPECT_THAT(figure.script, HasSubstr("set arrow from first 32.4")) << "W0";
  EXPECT_FALSE(methods_figure({{"lift", {testing::kept("a", testing::paper_run(), {})}},
                               {"lift2", {testing::kept("b", testing::paper_run(), {})}}}))
      << "without a rival the tables say it";
  if (std::system("gnuplot --version >/dev/null 2>&1") != 0 || !Communicator::world().is_root()) return;
  const OwnFolder folder;
  EXPECT_THAT(draw_figures(std::vector<std::optional<Figure>>{figure}, folder.path()), ElementsAre());
  const std::string picture = read_file(folder / "methods.svg");
  EXPECT_THAT(picture, HasSubstr("OOD perplexity"));
  EXPECT_THAT(picture, HasSubstr("wise"));
}

TEST(ReportFigures, ATimelineJoinsWhatIsOnePhaseToTheEye) {
  const Figure figure = *timeline_figure(with_timeline());
  EXPECT_THAT(figure.data, HasSubstr("\n1 4 4.00"));  // two spans of probes, 0.001 s apart
  EXPECT_THAT(figure.data, HasSubstr("\n0 0 5 warmup\n0 8 2 line_search\n1 0 4 warmup\n"));
  EXPECT_FALSE(timeline_figure(testing::kept("a", testing::paper_run(), {})));
}

TEST(ReportFigures, NothingIsDrawnOfNothing) {
  const KeptRun empty = testing::kept("a", RunResult{}, {});
  EXPECT_FALSE(lambda_figure(empty));
  EXPECT_FALSE(stages_figure({"a", {empty}}));
  EXPECT_FALSE(seconds_figure(empty.result));
  EXPECT_FALSE(ritz_figure(empty.result));
  RunResult zero = testing::paper_run();
  zero.rounds[0].lambda_before = zero.rounds[0].lambda_after = {0, 0};
  EXPECT_FALSE(lambda_figure(testing::kept("a", zero, {})));
}

TEST(CurveLabels, StandApartAndShowTheirTextAsItIs) {
  const std::string labels = edge_labels({{"a", "#1", 0.5}, {"b", "#2", 0.5}});
  EXPECT_THAT(labels, HasSubstr("set label \"a\" at graph 1, graph 0.4690"));
  EXPECT_THAT(labels, HasSubstr("set label \"b\" at graph 1, graph 0.5310"));
  EXPECT_EQ(plot_text("a_b\"c\"\\"), R"("a\\_b\"c\"\\\\")");
}

}  // namespace
}  // namespace lift
