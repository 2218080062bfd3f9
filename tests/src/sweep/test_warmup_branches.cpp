#include "src/sweep/warmup_branches.hpp"

#include <gmock/gmock.h>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/src/resume/points.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

class WarmupBranchesTest : public testing::Test {
 protected:
  WarmupBranchesTest() {
    make_folder(run("ten") / "checkpoints/epoch-3");
    make_folder(run("ten") / "checkpoints/best");
    write_file(run("ten") / "checkpoints/epoch-3/weights", "3");
    write_file(run("ten") / "metrics.jsonl", "one\ntwo\n");
  }
  [[nodiscard]] fs::path run(const std::string& name) const { return own_ / name; }
  OwnFolder own_;
  WarmupBranches branches_{own_ / "shared"};
};

TEST_F(WarmupBranchesTest, TheNearestIsTheLatestThatIsNotBeyond) {
  EXPECT_EQ(branches_.nearest(100), std::nullopt);
  for (const int epoch : {0, 10, 20}) branches_.publish(epoch, a_point(), run("ten"));
  make_folder(own_ / "shared/epoch-15");  // never came to its end
  make_folder(own_ / "shared/epoch-x");
  make_folder(own_ / "shared/memo-1");
  EXPECT_EQ(branches_.nearest(9), 0);
  EXPECT_EQ(branches_.nearest(10), 10);
  EXPECT_EQ(branches_.nearest(19), 10);
  EXPECT_EQ(branches_.nearest(100), 20);
  EXPECT_TRUE(branches_.has(10));
  EXPECT_FALSE(branches_.has(15));
}

TEST_F(WarmupBranchesTest, ARunThatIsSeededStandsWhereTheOtherStood) {
  branches_.publish(10, a_point(4), run("ten"));
  write_file(run("ten") / "metrics.jsonl", "another, by a run that was left and went on");
  const std::string where = branches_.seed(10, run("fifteen"), {{"--seed", "7"}, {"--search.probes", "4"}});
  EXPECT_EQ(where, "warm-up, step 3 of 9 of ten");
  EXPECT_EQ(read_file(run("fifteen") / "metrics.jsonl"), "one\ntwo\n");
  EXPECT_EQ(read_file(run("fifteen") / "log.txt"), "");
  EXPECT_EQ(read_file(run("fifteen") / "checkpoints/epoch-3/weights"), "3");
  EXPECT_FALSE(fs::exists(run("fifteen") / "checkpoints/best"));
  const ResumePoint point = read_resume_point(run("fifteen") / "checkpoints/resume-000001");
  EXPECT_EQ(point.number, 1);
  EXPECT_EQ(point.where, where);
  EXPECT_THAT(point.identity, testing::UnorderedElementsAre(
                                  testing::Pair("--seed", "7"), testing::Pair("--search.probes", "4"),
                                  testing::Pair("model.safetensors of --model", "of digest 00ff")))
      << "options are the new run's, inputs stay those that the warm-up saw";
  EXPECT_TRUE(point.sections.at("run").tensor("w").equal(a_point(4).sections.at("run").tensor("w")));
}

TEST_F(WarmupBranchesTest, WhatATryThatWasCutOffLeftIsReplaced) {
  branches_.publish(10, a_point(), run("ten"));
  make_folder(run("fifteen") / "checkpoints/epoch-3/junk");
  write_file(run("fifteen") / "log.txt", "told\n");
  write_file(run("fifteen") / "metrics.jsonl", "junk");
  (void)branches_.seed(10, run("fifteen"), {});
  EXPECT_EQ(read_file(run("fifteen") / "metrics.jsonl"), "one\ntwo\n");
  EXPECT_EQ(read_file(run("fifteen") / "log.txt"), "told\n");
  EXPECT_FALSE(fs::exists(run("fifteen") / "checkpoints/epoch-3/junk"));
}

TEST_F(WarmupBranchesTest, OneIsPublishedOnceAndMayBeDropped) {
  branches_.publish(10, a_point(1), run("ten"));
  branches_.publish(10, a_point(2), run("ten"));
  (void)branches_.seed(10, run("a"), {});
  const auto w = read_resume_point(run("a") / "checkpoints/resume-000001").sections.at("run").tensor("w");
  EXPECT_TRUE(w.equal(a_point(1).sections.at("run").tensor("w")));
  branches_.drop(10);
  EXPECT_EQ(branches_.nearest(10), std::nullopt);
}

TEST_F(WarmupBranchesTest, OneThatIsNotWholeIsAnInputErrorAndLeavesNoRun) {
  branches_.publish(10, a_point(), run("ten"));
  const fs::path state = own_ / "shared/epoch-10/state/state.safetensors";
  fs::resize_file(state, fs::file_size(state) - 1);
  try {
    (void)branches_.seed(10, run("fifteen"), {});
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
  }
  EXPECT_FALSE(fs::exists(run("fifteen")));
}

}  // namespace
}  // namespace lift
