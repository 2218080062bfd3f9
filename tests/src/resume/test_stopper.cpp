#include "src/resume/stopper.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "tests/support/shared.hpp"

namespace lift {
namespace {

class StopperTest : public ::testing::Test {
 protected:
  StopperOptions options() {
    return {.signal = [this] { return signal_; },
            .seconds_left = {},
            .limit = "the time",
            .save_interval = 100,
            .clock = [this] { return now_; }};
  }
  Communicator world_ = Communicator::world();
  double now_ = 1000;
  int signal_ = 0;
};

TEST_F(StopperTest, SavesOnceAnInterval) {
  Stopper stopper(options());
  now_ += 99;
  EXPECT_EQ(stopper.ask(world_), Ask::go_on);
  now_ += 1;
  EXPECT_EQ(stopper.ask(world_), Ask::save);
  now_ += 5;
  stopper.saved(5);
  now_ += 99;
  EXPECT_EQ(stopper.ask(world_), Ask::go_on);
  now_ += 1;
  EXPECT_EQ(stopper.ask(world_), Ask::save);
  StopperOptions none = options();
  none.save_interval = 0;
  Stopper never(none);
  now_ += 1e9;
  EXPECT_EQ(never.ask(world_), Ask::go_on);
}

TEST_F(StopperTest, ASignalOfAnyRankStopsAll) {
  Stopper stopper(options());
  if (world_.rank() == world_.size() - 1) signal_ = SIGUSR2;
  now_ += 200;
  EXPECT_EQ(stopper.ask(world_), Ask::stop) << "rather than save and go on";
  EXPECT_EQ(stopper.reason(), "signal USR2");
}

TEST_F(StopperTest, StopsWhileThereIsTimeForAStepAndACheckpoint) {
  StopperOptions timed = options();
  timed.seconds_left = 1000;
  timed.save_interval = 0;
  Stopper stopper(timed);
  now_ += 30;  // the longest step
  EXPECT_EQ(stopper.ask(world_), Ask::go_on);
  now_ += 10;
  stopper.saved(10);  // the longest checkpoint: 52 s are wanted
  now_ = 1000 + 920;
  stopper.saved(0);
  now_ = 1000 + 948;
  EXPECT_EQ(stopper.ask(world_), Ask::go_on);
  now_ = 1000 + 949;
  EXPECT_EQ(stopper.ask(world_), Ask::stop);
  EXPECT_EQ(stopper.reason(), "the time is nearly over");
}

TEST_F(StopperTest, TheClockOfRankZeroCounts) {
  StopperOptions timed = options();
  timed.seconds_left = world_.is_root() ? 1e9 : 0;
  Stopper stopper(timed);
  EXPECT_EQ(stopper.ask(world_), Ask::go_on);
  EXPECT_EQ(stopper.ask(world_), Ask::go_on);
}

TEST_F(StopperTest, OneStepIsDoneHoweverLittleTimeThereIs) {
  StopperOptions timed = options();
  timed.seconds_left = 0;
  Stopper stopper(timed);
  EXPECT_EQ(stopper.ask(world_), Ask::go_on);
  EXPECT_EQ(stopper.ask(world_), Ask::stop);
  Stopper asked(timed);
  signal_ = SIGTERM;
  EXPECT_EQ(asked.ask(world_), Ask::stop) << "who asks is heard at once";
}

/// Variables of the environment while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(SlurmSecondsLeft, AreAskedOfSqueue) {
  const OwnFolder folder;
  const Variable path("PATH", folder.path().string() + ":" + std::getenv("PATH"));
  EXPECT_FALSE(slurm_seconds_left()) << "outside of Slurm";
  const Variable job("SLURM_JOB_ID", "12");
  const auto answer = [&](const std::string& text) {
    std::ofstream(folder / "squeue") << "#!/bin/sh\n[ \"$*\" = '-h -j 12 -O TimeLeft:64' ] && echo '" + text +
                                            "'\n";
    ::chmod((folder / "squeue").c_str(), 0755);
    return slurm_seconds_left();
  };
  EXPECT_EQ(answer("9:05   "), 545);
  EXPECT_EQ(answer("2:00:01"), 7201);
  EXPECT_EQ(answer("1-00:00:00"), 86400);
  EXPECT_EQ(answer("0:00"), 0);
  for (const char* none : {"UNLIMITED", "INVALID", "", "3:x", "-1:00"}) EXPECT_FALSE(answer(none)) << none;
  const Variable odd("SLURM_JOB_ID", "12; touch " + (folder / "made").string());
  EXPECT_FALSE(answer("9:05"));
  EXPECT_FALSE(std::filesystem::exists(folder / "made"));
}

TEST(SlurmSecondsLeft, AreReadFromItsEnvironmentFirst) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  const Variable end("SLURM_JOB_END_TIME", std::to_string(seconds + 600));
  EXPECT_NEAR(slurm_seconds_left().value(), 600, 60);
  const Variable over("SLURM_JOB_END_TIME", std::to_string(seconds - 600));
  EXPECT_EQ(slurm_seconds_left(), 0);
}

}  // namespace
}  // namespace lift
