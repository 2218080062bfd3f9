#include "src/report/progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "src/files/atomic_file.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

class ProgressTest : public ::testing::Test {
 protected:
  ProgressOptions options() {
    return {.interval = 10, .redraw = 0.5, .clock = [this] { return now_; }};
  }
  std::ostringstream out_;
  std::ostringstream err_;
  double now_ = 100;
};

TEST_F(ProgressTest, WithoutATerminalOneLineAnInterval) {
  Console console(out_, err_, false);
  Log log(console, 0);
  Progress progress(log, options());
  for (int step = 0; step <= 25; ++step) {
    progress.update("warm-up",
                    {.step = step, .steps = 1180, .loss = 3.5 - 0.01 * step, .tokens_per_second = 41234.7});
    now_ += 1;
  }
  progress.finish("best epoch 2");
  EXPECT_EQ(out_.str(),
            "warm-up: step 10 of 1,180 (1 %), loss 3.4000, 41,234 tokens/s, 19 min 30 s left\n"
            "warm-up: step 20 of 1,180 (2 %), loss 3.3000, 41,234 tokens/s, 19 min 20 s left\n"
            "warm-up: 25 of 1,180 steps in 26 s, loss 3.2500, best epoch 2\n");
}

TEST_F(ProgressTest, ANoteStandsBeforeTheTimeLeft) {
  Console console(out_, err_, false);
  Log log(console, 0);
  Progress progress(log, options());
  progress.update("warm-up", 0, 4);
  now_ += 10;
  progress.update("warm-up",
                  {.step = 1, .steps = 4, .loss = 2.5, .note = "evaluating valid: 3 of 9 sequences"});
  EXPECT_EQ(out_.str(),
            "warm-up: step 1 of 4 (25 %), loss 2.5000, evaluating valid: 3 of 9 sequences, 30 s left\n");
}

TEST_F(ProgressTest, OnATerminalOneRedrawnLineAndASummary) {
  Console console(out_, err_, true, 40);
  Log log(console, 0);
  Progress progress(log, options());
  progress.update("probes", 0, 4);
  now_ += 0.1;
  progress.update("probes", 1, 4);  // too soon to be drawn
  now_ += 0.9;
  progress.update("probes", {.step = 2, .steps = 4, .seconds_left = 3780.0});
  progress.finish();
  EXPECT_EQ(out_.str(),
            "probes: step 0 of 4 (0 %)"
            "\r\033[Kprobes: step 2 of 4 (50 %), 1 h 03 min "
            "\r\033[Kprobes: 2 of 4 steps in 1.0 s\n");
}

TEST_F(ProgressTest, OnATerminalLinesGoToLogTxtAndLogLinesStandAboveTheStatus) {
  const Communicator self = Communicator::self();
  TempFolder folder(self);
  Console console(out_, err_, true, 80);
  Log log(console, 0);
  log.open_file(folder / "log.txt");
  Progress progress(log, options());
  progress.update("lp", 0, 2);
  log.info("a line");
  log.warn("a warning");
  now_ += 20;
  progress.update("lp", 1, 2);
  EXPECT_EQ(out_.str(),
            "lp: step 0 of 2 (0 %)\r\033[Ka line\nlp: step 0 of 2 (0 %)\r\033[Klp: step 0 of 2 (0 %)"
            "\r\033[Klp: step 1 of 2 (50 %), 20 s left");
  EXPECT_EQ(err_.str(), "lift: warning: a warning\n");
  EXPECT_THAT(read_file(folder / "log.txt"),
              ::testing::HasSubstr("debug: lp: step 1 of 2 (50 %), 20 s left\n"));
}

TEST_F(ProgressTest, APhaseEndsWhereTheNextBegins) {
  Console console(out_, err_, false);
  Log log(console, 0);
  {
    Progress progress(log, options());
    progress.update("gradient", 0, 1);
    now_ += 2;
    progress.update("gradient", 1, 1);
    progress.update("line search", 0, 31);
    now_ += 75;
    progress.update("line search", 31, 31);
    progress.finish();
    progress.finish();
    progress.update("evaluate", 0, 0);
    progress.finish();
    progress.update("open at the end", 0, 5);
  }
  EXPECT_EQ(out_.str(),
            "gradient: 1 step in 2.0 s\n"
            "line search: step 31 of 31 (100 %)\n"
            "line search: 31 steps in 1 min 15 s\n"
            "evaluate: 0.00 s\n");
}

TEST_F(ProgressTest, OtherRanksSayNothing) {
  Console console(out_, err_, true);
  Log log(console, 1);
  Progress progress(log, options());
  progress.update("probes", 0, 4);
  now_ += 60;
  progress.update("probes", 4, 4);
  progress.finish();
  EXPECT_EQ(out_.str() + err_.str(), "");
}

}  // namespace
}  // namespace lift
