#include "src/report/run_difference.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "src/files/atomic_file.hpp"
#include "tests/src/report/run_folders.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::paper_config;
using testing::paper_run;

class RunDifferenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::put_run(folder_ / "a", paper_run(), paper_config());
    testing::put_run(folder_ / "b", paper_run(), paper_config());
  }
  [[nodiscard]] RunDifference difference() const {
    return difference_of(read_kept_run(folder_ / "a"), read_kept_run(folder_ / "b"));
  }
  static std::vector<std::string> keys(const std::vector<Difference>& differences) {
    std::vector<std::string> names;
    for (const Difference& one : differences) names.push_back(one.key);
    return names;
  }
  OwnFolder folder_;
};

TEST_F(RunDifferenceTest, ARunDoesNotDifferFromItself) {
  const RunDifference same = difference();
  EXPECT_TRUE(same.same_results());
  EXPECT_THAT(same.options, IsEmpty());
  EXPECT_THAT(same.provenance, IsEmpty());
  EXPECT_THAT(same.times, IsEmpty());
  EXPECT_THAT(same.notes, IsEmpty());
}

TEST_F(RunDifferenceTest, NumbersDifferAbsolutelyAndRelatively) {
  RunResult other = paper_run();
  other.rounds[0].lambda_after = {1e-4, 5e-5};  // 2e-4 before
  other.after.test->loss = paper_run().after.test->loss * (1 + 1e-15);
  other.seconds["total"] = 10;
  testing::put_run(folder_ / "b", other, paper_config());
  const RunDifference found = difference();
  EXPECT_THAT(keys(found.results), ::testing::Contains("after.test.loss")) << "the last bit counts";
  EXPECT_EQ(found.results.front().key, "after.test.loss") << "what a reader looks for comes first";
  const Difference& lambda = found.results.back();
  EXPECT_EQ(lambda.key, "lambda_after[0]");
  EXPECT_DOUBLE_EQ(*lambda.absolute, -1e-4);
  EXPECT_DOUBLE_EQ(*lambda.relative, -0.5);
  EXPECT_THAT(keys(found.times), ElementsAre("seconds.total"));
}

TEST_F(RunDifferenceTest, WhatOneLacksIsADifferenceWithoutANumber) {
  RunResult other = paper_run();
  other.rounds[0].line_search.pop_back();
  other.early_stopping.reset();
  other.work[0].gradients = 0;
  testing::put_run(folder_ / "a", other, paper_config());
  const RunDifference found = difference();
  const auto of = [&](const std::string& key) {
    for (const Difference& one : found.results)
      if (one.key == key) return one;
    ADD_FAILURE() << key;
    return Difference{};
  };
  EXPECT_FALSE(of("line_search[30][0]").a);
  EXPECT_EQ(*of("line_search[30][0]").b, "1.5");
  EXPECT_FALSE(of("line_search[30][0]").absolute);
  EXPECT_EQ(*of("early_stopping").a, "null");
  EXPECT_EQ(*of("early_stopping.epoch").b, "1");
  EXPECT_EQ(*of("work[0].gradients").absolute, 1200);
  EXPECT_FALSE(of("work[0].gradients").relative) << "there is none to 0";
}

TEST_F(RunDifferenceTest, OptionsInputsAndLibraries) {
  testing::put_text(folder_ / "b/config.cfg", paper_config(30) + "new = 1\n");
  std::string provenance = read_file(folder_ / "a/provenance.json");
  provenance.replace(provenance.find("3.18.5"), 6, "3.20.0");
  provenance.replace(provenance.find("00ff"), 4, "11ff");
  provenance.replace(provenance.find("12:00"), 5, "13:00");  // a time is no difference
  testing::put_text(folder_ / "b/provenance.json", provenance);
  const RunDifference found = difference();
  EXPECT_THAT(keys(found.options), ElementsAre("new", "out", "warmup.epochs"));
  EXPECT_THAT(keys(found.provenance), ElementsAre("inputs.model.safetensors", "libraries.petsc"));
  EXPECT_EQ(*found.provenance[1].a, "3.18.5");
  EXPECT_TRUE(found.same_results());
}

TEST_F(RunDifferenceTest, AFileThatIsMissingIsSaid) {
  fs::remove(folder_ / "a/config.cfg");
  fs::remove(folder_ / "a/provenance.json");
  fs::remove(folder_ / "b/provenance.json");
  EXPECT_THAT(difference().notes, ElementsAre("Only B has a config.cfg.", "Neither has a provenance.json."));
}

TEST_F(RunDifferenceTest, AsTableAndAsJson) {
  const std::vector<Difference> one = {{.key = "after.test.loss",
                                        .a = "3.345678901234567",
                                        .b = "3.5",
                                        .absolute = 0.154321098765433,
                                        .relative = 0.25},
                                       {.key = "device", .a = "cpu", .b = {}}};
  EXPECT_EQ(to_csv(difference_table(one)),
            "key,a,b,absolute,relative\r\nafter.test.loss,3.345678901234567,3.5,0.154321098765433,0.25\r\n"
            "device,cpu,,,\r\n");
  EXPECT_THAT(to_text(difference_table(one)),
              ::testing::HasSubstr("3.345678901  3.5  +0.154          +0.25"));
  const RunDifference whole{.options = {}, .provenance = {}, .results = one, .times = {}, .notes = {}};
  const auto json =
      nlohmann::json::parse(to_json(whole, read_kept_run(folder_ / "a"), read_kept_run(folder_ / "b")));
  EXPECT_EQ(json["results"][0]["relative"], 0.25);
  EXPECT_TRUE(json["results"][1]["b"].is_null());
}

}  // namespace
}  // namespace lift
