#include "jobs/report_job.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "jobs/diff_job.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/src/report/run_folders.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReportJob : public ::testing::Test {
 protected:
  void SetUp() override {
    if (world_.is_root()) {
      testing::put_run(folder_ / "a", testing::paper_row(35, {7.31, 32.60, 32.43}, {10.16, 28.73, 28.38}),
                       testing::paper_config());
      testing::put_run(folder_ / "b", testing::paper_row(35, {7.40, 32.00, 32.00}, {10.00, 28.00, 28.00}, 1),
                       testing::paper_config(35, 1));
    }
    world_.barrier();
  }
  /// A path in the folder of the test.
  [[nodiscard]] std::string at(const std::string& name) const { return (folder_ / name).string(); }
  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
};

TEST_F(ReportJob, WritesAReportAndPrintsItsTables) {
  const JobRun run = run_in_process(
      Job::report, report_job, {at("a"), at("b"), "--out", at("out"), "--json", at("answer.json")}, world_);
  EXPECT_EQ(run.error, "");
  EXPECT_THAT(run.unread, IsEmpty());
  if (!world_.is_root()) {
    EXPECT_EQ(run.out, "");
    return;
  }
  EXPECT_THAT(run.out, AllOf(HasSubstr("32.22 ± 0.30/"), HasSubstr("22.38")));  // 32.43 and 32.00
  EXPECT_EQ(read_file(at("answer.json")), read_file(folder_ / "out/report.json"));
  EXPECT_TRUE(fs::exists(folder_ / "out/report.html"));
}

TEST_F(ReportJob, SeedsCanBeKeptApart) {
  const JobRun run = run_in_process(
      Job::report, report_job,
      {at("a"), at("b"), "--out", at("out"), "--average-over", "warmup.lr", "--format", "csv"}, world_);
  EXPECT_EQ(run.error, "");
  if (!world_.is_root()) return;
  EXPECT_THAT(run.out, HasSubstr("32.43/3.48"));
  EXPECT_TRUE(fs::exists(folder_ / "out/tables/overfitted.csv"));
  EXPECT_FALSE(fs::exists(folder_ / "out/tables/overfitted.txt"));
}

TEST_F(ReportJob, RefusesWhatItCannotRead) {
  expect_refusal("report " + at("none") + " --out " + at("out"), ExitCode::input,
                 {at("none"), "no such folder"}, world_);
  if (world_.is_root()) testing::put_text(folder_ / "b/result.json", R"({"schema": 1, "before": 3})");
  world_.barrier();
  expect_refusal("report " + at("a") + " " + at("b") + " --out " + at("out"), ExitCode::input,
                 {at("b") + "/result.json", "before is 3; expected an object"}, world_);
  EXPECT_FALSE(world_.is_root() && fs::exists(folder_ / "out"));
}

TEST_F(ReportJob, RefusesWhatIsTypedWrong) {
  const auto refuses = [&](const std::string& line, const std::vector<std::string>& parts) {
    expect_refusal(line, ExitCode::usage, parts, world_);
  };
  refuses("report --out " + at("out"), {"lift report RUN...: 0 words are given"});
  refuses("report " + at("a"), {"lift report needs --out"});
  refuses("report " + at("a") + " " + at("a") + " --out " + at("out"), {"the folder is named twice"});
  refuses("report " + at("a") + " --out " + at("a"), {"is no file of an earlier report"});
  refuses("report " + at("a") + " --out " + at("out") + " --average-over sede", {"--average-over", "seed"});
  refuses("report " + at("a") + " --out " + at("out") + " --json " + at("a/result.json"),
          {"--json", "would replace a file of the run"});
  refuses("report " + at("a") + " --out " + at("out") + " --format pdf", {"--format"});
  refuses("diff " + at("a"), {"lift diff A B: one word is given"});
  refuses("diff " + at("a") + " " + at("a") + " " + at("b"), {"3 words are given"});
  EXPECT_FALSE(world_.is_root() && fs::exists(folder_ / "out"));
}

TEST_F(ReportJob, DiffTellsWhatDiffersAndEndsWellAllTheSame) {
  const JobRun run =
      run_in_process(Job::diff, diff_job, {at("a"), "--json", at("diff.json"), at("b")}, world_);
  EXPECT_EQ(run.error, "");
  EXPECT_EQ(run.code, ExitCode::done);
  EXPECT_THAT(run.unread, IsEmpty());
  if (!world_.is_root()) {
    EXPECT_EQ(run.out, "");
    return;
  }
  EXPECT_THAT(run.out, AllOf(HasSubstr("Options: 2 differ"), HasSubstr("Inputs and libraries: no difference"),
                             HasSubstr("after.test.ppl")));
  const auto json = nlohmann::json::parse(read_file(at("diff.json")));
  std::vector<std::string> keys;
  for (const auto& option : json["options"]) keys.push_back(option["key"]);
  EXPECT_THAT(keys, ElementsAre("out", "seed"));
}

TEST_F(ReportJob, DiffOfARunWithItselfFindsNothing) {
  const JobRun run = run_in_process(Job::diff, diff_job, {at("a"), at("a")}, world_);
  EXPECT_EQ(run.error, "");
  if (world_.is_root()) {
    EXPECT_THAT(run.out, AllOf(HasSubstr("Options: no"), HasSubstr("Results: no difference")));
  }
  expect_refusal("diff " + at("a") + " " + at("none"), ExitCode::input, {at("none")}, world_);
}

}  // namespace
}  // namespace lift
