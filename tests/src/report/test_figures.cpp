#include "src/report/figures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "src/files/atomic_file.hpp"
#include "src/report/figure.hpp"
#include "src/report/gnuplot.hpp"
#include "src/report/line_search_figure.hpp"
#include "src/report/perplexity_figure.hpp"
#include "src/report/splits_figure.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

bool have_gnuplot() {
  return std::system("gnuplot --version >/dev/null 2>&1") == 0;
}

class FiguresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Communicator::world().is_root()) GTEST_SKIP() << "rank 0 draws";
  }
  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
};

TEST_F(FiguresTest, DrawsBothWithDataAndScriptBesideThem) {
  if (!have_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const fs::path figures = folder_ / "run's \"figures\"; $HOME";  // no shell ever sees it
  EXPECT_THAT(write_figures(testing::paper_run(), figures), ElementsAre());
  for (const std::string name : {"perplexity", "line_search", "losses_over_t"}) {
    const std::string svg = read_file(figures / (name + ".svg"));
    EXPECT_THAT(svg, HasSubstr("<svg"));
    EXPECT_THAT(svg, HasSubstr("</svg>"));
    EXPECT_THAT(svg, Not(HasSubstr("NaN")));
    EXPECT_FALSE(read_file(figures / (name + ".dat")).empty());
  }
  EXPECT_THAT(read_file(figures / "perplexity.svg"), HasSubstr("test 28.38"));
  EXPECT_THAT(read_file(figures / "perplexity.svg"), HasSubstr("early stopping, test 22.38"));
  EXPECT_THAT(read_file(figures / "line_search.svg"), HasSubstr("t* = 0.8, perplexity 28.73"));

  fs::remove(figures / "perplexity.svg");
  EXPECT_EQ(draw(figures, "perplexity"), "") << "the script draws it again";
  EXPECT_TRUE(fs::exists(figures / "perplexity.svg"));
}

TEST_F(FiguresTest, EveryShapeOfRunCanBeDrawn) {
  if (!have_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  std::vector<RunResult> runs(5, testing::paper_run());
  runs[0].rounds.clear();  // a warm-up alone
  runs[0].after = {};
  runs[1].epochs.resize(1);  // no warm-up
  runs[2].rounds.assign(8, runs[2].rounds.front());
  runs[2].rounds[3].line_search.back().second = INFINITY;
  runs[3].rounds.front().line_search = {{0, 3.0}};  // a flat line search
  for (EpochLosses& epoch : runs[3].epochs) epoch = {.epoch = epoch.epoch, .train = 2, .valid = 2, .test = 2};
  const SplitLoss flat{.loss = 2, .sequences = 0};
  runs[3].before = runs[3].after = {.train = flat, .valid = flat, .test = flat};
  runs[4].epochs[0].valid = 9;  // three orders of magnitude
  for (std::size_t k = 0; k < runs.size(); ++k) {
    EXPECT_THAT(write_figures(runs[k], folder_ / std::to_string(k)), ElementsAre()) << "run " << k;
  }
  EXPECT_FALSE(fs::exists(folder_ / "0/line_search.svg"));
  EXPECT_THAT(read_file(folder_ / "2/line_search.svg"), HasSubstr("round 8: t* = 0.8"));
  EXPECT_THAT(read_file(folder_ / "4/perplexity.gp"), HasSubstr("set logscale y"));
}

TEST_F(FiguresTest, NothingToDrawWritesNothing) {
  EXPECT_THAT(write_figures(RunResult{}, folder_ / "figures"), ElementsAre());
  EXPECT_FALSE(fs::exists(folder_ / "figures"));
}

TEST_F(FiguresTest, AProgramThatIsMissingOrFailsIsSaidInOneLine) {
  testing::put_text(folder_ / "bad.gp", "no_such_command\n");
  EXPECT_EQ(draw(folder_.path(), "bad", "no-such-gnuplot"),
            "cannot run no-such-gnuplot: No such file or directory");
  if (!have_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const std::string reason = draw(folder_.path(), "bad");
  EXPECT_THAT(reason, HasSubstr((folder_ / "bad.gp").string()));
  EXPECT_THAT(reason, HasSubstr("invalid command"));
  EXPECT_THAT(reason, Not(HasSubstr("\n")));
  testing::put_text(folder_ / "silent.gp", "print 'no picture'\n");
  EXPECT_THAT(draw(folder_.path(), "silent"), HasSubstr("failed on"));
}

TEST_F(FiguresTest, AFullDiskIsAWriteError) {
  fs::create_directories(folder_ / "figures");
  fs::create_symlink("/dev/full", temporary_beside(folder_ / "figures/perplexity.dat"));
  const auto write = [&] { static_cast<void>(write_figures(testing::paper_run(), folder_ / "figures")); };
  EXPECT_EQ(testing::error_of(write).code(), ExitCode::write);
}

TEST(FigureParts, DataHoldsWhatTheResultHolds) {
  const RunResult run = testing::paper_run();
  const std::string data = perplexity_figure(run)->data;
  EXPECT_THAT(data, HasSubstr("\n0 NaN 35.6"));
  EXPECT_THAT(line_search_figure(run)->data, HasSubstr("\n0.8 3.358\n"));
}

TEST(FigureParts, SplitsAreShownAsChangesUpToALittleBeyondTheStepTaken) {
  RunResult run = testing::paper_run();
  const Figure figure = *splits_figure(run);
  EXPECT_THAT(figure.data, HasSubstr("# train: t change_of_loss\n0 0\n0.25 0.0999"));
  EXPECT_THAT(figure.data, HasSubstr("# valid: t change_of_loss\n0 0\n"));
  EXPECT_THAT(figure.data, Not(HasSubstr("\n1.5 ")));  // t* = 0.8
  EXPECT_THAT(figure.script, HasSubstr("t* = 0.8"));
  run.rounds.front().t_star = 0;
  EXPECT_THAT(splits_figure(run)->data, HasSubstr("\n1.5 0.5999"));
  run.rounds.front().curves.clear();
  EXPECT_EQ(splits_figure(run), std::nullopt);
}

TEST(FigureParts, AHeldOutPartIsCalledWhatItIs) {
  RunResult run = testing::paper_run();
  EXPECT_THAT(line_search_figure(run)->script, HasSubstr("\"validation loss (nats/token)\""));
  run.selection_sequences = 40;
  const Figure splits = *splits_figure(run), search = *line_search_figure(run);
  EXPECT_THAT(splits.data, HasSubstr("# selection: t change_of_loss\n0 0\n"));
  EXPECT_THAT(splits.script, HasSubstr("set label \"selection\""));
  EXPECT_THAT(search.data, HasSubstr("# round 1: t selection_loss\n"));
  EXPECT_THAT(search.script, HasSubstr("set ylabel \"selection loss (nats/token)\""));
  for (const Figure& figure : {splits, search}) {
    EXPECT_THAT(figure.data + figure.script, Not(HasSubstr("valid")));
  }
}

TEST(FigureParts, StepsTriedFarBeyondTheBestOneStayInTheDataAndOutOfThePicture) {
  RunResult run = testing::paper_run();
  RoundResult& round = run.rounds.front();
  for (const double t : {3.0, 6.0, 12.0, 24.0}) round.line_search.emplace_back(t, t == 3 ? 3.3 : 3.3 + t);
  round.t_star = 3;
  const Figure figure = *line_search_figure(run);
  EXPECT_THAT(figure.data, HasSubstr("\n24 27.3\n"));
  EXPECT_THAT(figure.script, HasSubstr("set xrange [-0.072:6.072]"));
  round.t_star = 0.8;
  EXPECT_THAT(line_search_figure(run)->script, HasSubstr("set xrange [-0.018:1.518]"));
}

TEST(FigureParts, LabelsAreMovedApartAsLittleAsPossible) {
  EXPECT_THAT(spread({0.9, 0.1}, 0.1), ElementsAre(DoubleNear(0.9, 1e-12), DoubleNear(0.1, 1e-12)));
  EXPECT_THAT(spread({0.5, 0.5, 0.9}, 0.1),
              ElementsAre(DoubleNear(0.45, 1e-12), DoubleNear(0.55, 1e-12), DoubleNear(0.9, 1e-12)));
  EXPECT_THAT(spread({0.52, 0.5, 0.57}, 0.1),
              ElementsAre(DoubleNear(0.53, 1e-12), DoubleNear(0.43, 1e-12), DoubleNear(0.63, 1e-12)));
  EXPECT_THAT(spread({}, 0.1), ElementsAre());
}

TEST(FigureParts, TicksAreRoundAndLabelledAlike) {
  EXPECT_EQ(tick_list(linear_ticks(3.33, 3.41)), "\"3.34\" 3.34, \"3.36\" 3.36, \"3.38\" 3.38, \"3.40\" 3.4");
  EXPECT_EQ(tick_list({10, 20}), "\"10\" 10, \"20\" 20");
}

TEST(FigureParts, AWideRangeIsLogarithmic) {
  const Axis narrow = perplexity_axis({7, 30});
  EXPECT_FALSE(narrow.logarithmic);
  EXPECT_LT(narrow.low, 7);
  EXPECT_GT(narrow.high, 30);
  const Axis wide = perplexity_axis({4, 400});
  EXPECT_TRUE(wide.logarithmic);
  EXPECT_NEAR(wide.fraction(wide.at(0.3)), 0.3, 1e-12);
  EXPECT_THAT(wide.ticks, ElementsAre(5, 10, 20, 50, 100, 200, 500));
}

}  // namespace
}  // namespace lift
