#include "src/report/kept_run.hpp"

#include <gmock/gmock.h>

#include "src/files/atomic_file.hpp"
#include "src/report/tuned_shape.hpp"
#include "tests/src/report/run_folders.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class KeptRunTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::put_run(run_, testing::paper_run(), testing::paper_config()); }
  /// What reading the run says.
  [[nodiscard]] std::string refusal(ExitCode code = ExitCode::input) const {
    const Error error = testing::error_of([&] { (void)read_kept_run(run_); });
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  OwnFolder folder_;
  fs::path run_ = folder_ / "run";
};

TEST_F(KeptRunTest, HoldsWhatTheFolderHolds) {
  const KeptRun run = read_kept_run(run_ / "");
  EXPECT_EQ(run.name, "run");
  EXPECT_EQ(run.result.n, 16532736);
  EXPECT_EQ(run.options->at("tune.blocks"), "1,7,11");
  EXPECT_EQ(run.provenance.at("commit"), "abc");
  EXPECT_EQ(run.metrics.size(), 4U);
  EXPECT_EQ(*run.warmup.epochs, 35);
  EXPECT_EQ(run.warmup.early->epoch, 1);
  EXPECT_TRUE(run.timeline.empty());
}

TEST_F(KeptRunTest, OnlyTheResultMustBeThere) {
  for (const char* name : {"config.cfg", "provenance.json", "metrics.jsonl"}) fs::remove(run_ / name);
  const KeptRun run = read_kept_run(run_);
  EXPECT_FALSE(run.options);
  EXPECT_TRUE(run.provenance.is_null());
  EXPECT_TRUE(run.metrics.empty());
  fs::remove(run_ / "result.json");
  EXPECT_THAT(refusal(), HasSubstr("holds no result.json"));
  fs::remove_all(run_);
  EXPECT_THAT(refusal(), HasSubstr(run_.string() + ": there is no such folder"));
}

TEST_F(KeptRunTest, WhatIsBrokenIsNamedWithFileAndPlace) {
  const std::string good = read_file(run_ / "result.json");
  std::string bad = good;
  bad.replace(bad.find("\"t_star\": 0.8"), 13, "\"t_star\": \"x\"");
  testing::put_text(run_ / "result.json", bad);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("result.json"), HasSubstr("t_star is \"x\"; expected a number")));
  testing::put_text(run_ / "result.json", "{\"timeline\": [{\"rank\": 0}], " + good.substr(1));
  EXPECT_THAT(refusal(), HasSubstr("timeline[0].phase is missing"));
  testing::put_text(run_ / "result.json", good);
  testing::put_text(run_ / "config.cfg", "no equals sign\n");
  EXPECT_THAT(refusal(), HasSubstr("config.cfg"));
  testing::put_text(run_ / "config.cfg", "");
  testing::put_text(run_ / "metrics.jsonl", "{}\n{\"kind\": \n{}\n");
  EXPECT_THAT(refusal(), HasSubstr("metrics.jsonl:2: is not a JSON object"));
  testing::put_text(run_ / "metrics.jsonl", "{}\n{\"kind\": ");
  EXPECT_EQ(read_kept_run(run_).metrics.size(), 1U) << "a last line that was cut off is none";
}

TEST_F(KeptRunTest, ATimelineIsReadWhereThereIsOne) {
  const std::string good = read_file(run_ / "result.json");
  testing::put_text(
      run_ / "result.json",
      R"({"timeline": [{"rank": 1, "phase": "probes", "begin": 2.5, "seconds": 4}], )" + good.substr(1));
  const std::vector<PhaseSpan> timeline = read_kept_run(run_).timeline;
  ASSERT_EQ(timeline.size(), 1U);
  EXPECT_EQ(timeline[0].rank, 1);
  EXPECT_EQ(timeline[0].phase, "probes");
  EXPECT_EQ(timeline[0].begin, 2.5);
  EXPECT_EQ(timeline[0].seconds, 4);
}

TEST_F(KeptRunTest, SeveralAreNamedApart) {
  for (const char* name : {"a/x", "b/x", "b/y"})
    testing::put_run(folder_ / name, testing::paper_run(), testing::paper_config());
  const std::vector<fs::path> folders = {folder_ / "a/x", folder_ / "b/x", folder_ / "b/y"};
  std::vector<std::string> names;
  for (const KeptRun& run : read_kept_runs(folders)) names.push_back(run.name);
  EXPECT_THAT(names, ElementsAre("a/x", "b/x", "y"));
  const std::vector<fs::path> twice = {folder_ / "a/x", folder_ / "a/../a/x/"};
  const Error error = testing::error_of([&] { (void)read_kept_runs(twice); });
  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("named twice"));
}

TEST_F(KeptRunTest, TheWarmupOfTheRunThatItWentOnFromIsItsOwn) {
  RunResult search = testing::paper_run();
  search.epochs.resize(1);
  search.early_stopping->epoch = 0;
  const auto seen = [&](const std::string& start) {
    search.start = start;
    testing::put_run(folder_ / "search", search, testing::paper_config());
    const std::vector<fs::path> both = {folder_ / "search", run_};
    return read_kept_runs(both).front().warmup;
  };
  const WarmupSeen warmup = seen("elsewhere/run/checkpoints/epoch-20");
  EXPECT_EQ(*warmup.epochs, 20);
  EXPECT_EQ(warmup.early->epoch, 1);
  EXPECT_NEAR(warmup.early->test->perplexity(), 22.38, 1e-9);
  EXPECT_EQ(*seen("run/checkpoints/best").epochs, 1);
  EXPECT_EQ(*seen("run/checkpoints/epoch-0").epochs, 0);
  for (const char* unknown :
       {"other/checkpoints/epoch-20", "run/checkpoints/epoch-36", "run/model", "run/checkpoints/epoch-2x"}) {
    EXPECT_FALSE(seen(unknown).epochs) << unknown;
    EXPECT_FALSE(seen(unknown).early) << unknown;
  }
  search.before.test->sequences = 10;
  EXPECT_FALSE(seen("run/checkpoints/epoch-20").early) << "evaluated on other sequences";
}

TEST(TunedShape, ComesFromTheOptions) {
  const RunOptions paper = {
      {"tune.blocks", "1,7,11"}, {"tune.mlp-only", "1,11"}, {"tune.regularizers", "1:1,7:0,11:2"}};
  const auto shape = tuned_shape(paper);
  EXPECT_EQ(shape->blocks, 3);
  EXPECT_EQ(shape->mlp_only, 2);
  EXPECT_THAT(shape->groups, ElementsAre("block 1", "block 11, group 1", "block 11, group 2"));
  EXPECT_THAT(tuned_shape(RunOptions{{"tune.first-blocks", "2"}, {"tune.embeddings", "1"}})->groups,
              ElementsAre("embeddings", "block 0", "block 1"));
  EXPECT_FALSE(tuned_shape(std::nullopt));
  EXPECT_FALSE(tuned_shape(RunOptions{}));
  EXPECT_FALSE(tuned_shape(RunOptions{{"tune.blocks", "1,x"}}));
}

TEST(TunedShape, GroupsThatDoNotFitAreNumbered) {
  const KeptRun run = testing::kept("a", testing::paper_run(), {{"tune.blocks", "1,7,11"}});
  EXPECT_THAT(group_names(run, 3), ElementsAre("block 1", "block 7", "block 11"));
  EXPECT_THAT(group_names(run, 2), ElementsAre("group 1", "group 2"));
}

}  // namespace
}  // namespace lift
