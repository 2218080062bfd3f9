#include "jobs/checkpoint_plan.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>

#include "mpi/error.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CheckpointPlan plan(std::vector<std::string> more) {
  std::vector<std::string> words = {"--model", "m", "--data", "d", "--out", "o", "--tune.blocks", "0"};
  words.insert(words.end(), more.begin(), more.end());
  return checkpoint_plan(Options::parse(Job::run, words));
}

std::string refusal(const std::string& signals) {
  try {
    static_cast<void>(plan({"--stop-signals", signals}));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "";
}

TEST(CheckpointPlan, HasTheDefaultsOfTheTable) {
  const CheckpointPlan found = plan({});
  EXPECT_FALSE(found.resume);
  EXPECT_EQ(found.interval, 900);
  EXPECT_EQ(found.keep, 2);
  EXPECT_EQ(found.memo, WorkMemo::Policy::measured);
  EXPECT_FALSE(found.most_seconds);
  EXPECT_THAT(found.signals, ElementsAre(SIGTERM, SIGUSR1, SIGUSR2));
}

TEST(CheckpointPlan, TakesWhatIsGiven) {
  const CheckpointPlan found =
      plan({"--resume", "--checkpoint.minutes", "0.5", "--checkpoint.keep", "5", "--checkpoint.memo", "never",
            "--max-hours", "2", "--stop-signals", "HUP,INT"});
  EXPECT_TRUE(found.resume);
  EXPECT_EQ(found.interval, 30);
  EXPECT_EQ(found.keep, 5);
  EXPECT_EQ(found.memo, WorkMemo::Policy::never);
  EXPECT_EQ(found.most_seconds, 7200);
  EXPECT_THAT(found.signals, ElementsAre(SIGHUP, SIGINT));
  EXPECT_THAT(plan({"--stop-signals", "none"}).signals, IsEmpty());
}

TEST(CheckpointPlan, RefusesWhatIsNoSignalByName) {
  EXPECT_THAT(refusal("KILL"), HasSubstr("--stop-signals: 'KILL' is none of TERM, INT"));
  EXPECT_THAT(refusal("USR1,"), HasSubstr("'' is none of"));
  EXPECT_THAT(refusal("USR1,none"), HasSubstr("'none'"));
  EXPECT_THAT(refusal("usr1"), HasSubstr("'usr1'"));
}

TEST(CheckpointPlan, WhatShapesTheNumbersIsOfTheIdentityAndNothingElse) {
  const auto identity = plan({}).identity;
  for (const char* free :
       {"--out", "--model", "--data", "--stop-signals", "--checkpoint.minutes", "--checkpoint.keep",
        "--checkpoint.memo", "--save.dtype", "--micro-batch", "--recompute"})
    EXPECT_FALSE(identity.contains(free)) << free;
  for (const char* bound : {"--seed", "--batch", "--warmup.lr", "--search.probes", "--precision"})
    EXPECT_TRUE(identity.contains(bound)) << bound;
  EXPECT_EQ(plan({"--max-hours", "1", "--resume", "--json", "x"}).identity, identity);
  EXPECT_EQ(plan({"--ood", "x", "--valid-data", "y"}).identity, identity)
      << "its contents count, by their digest";
  EXPECT_EQ(plan({"--seed", "5"}).identity.at("--seed"), "5");
}

TEST(CheckpointPlan, IsFoundAgainInTheConfigurationOfARun) {
  const std::vector<std::string> words = {"--model", "m", "--data", "d", "--out", "o", "--tune.blocks", "0"};
  const Options options = Options::parse(Job::run, words);
  EXPECT_EQ(identity_of_config(options.as_config()), checkpoint_plan(options).identity);
}

TEST(LimitTime, IsTheSmallerOfThePlanAndSlurm) {
  ::unsetenv("SLURM_JOB_END_TIME");
  ::unsetenv("SLURM_JOB_ID");
  StopperOptions stop;
  limit_time(plan({}), 0, stop);
  EXPECT_FALSE(stop.seconds_left);
  limit_time(plan({"--max-hours", "1"}), 600, stop);
  EXPECT_EQ(stop.seconds_left, 3000) << "ten minutes are gone";
  EXPECT_EQ(stop.limit, "the time of --max-hours");
  ::setenv("SLURM_JOB_END_TIME", "1", 1);  // long ago
  limit_time(plan({"--max-hours", "1"}), 0, stop);
  EXPECT_EQ(stop.seconds_left, 0);
  EXPECT_EQ(stop.limit, "Slurm's time limit");
  ::unsetenv("SLURM_JOB_END_TIME");
}

}  // namespace
}  // namespace lift
