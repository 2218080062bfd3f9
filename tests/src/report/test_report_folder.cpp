#include "src/report/report_folder.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "src/files/atomic_file.hpp"
#include "src/report/html_page.hpp"
#include "tests/src/report/run_folders.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Names of all files below a folder.
std::set<std::string> files_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (!entry.is_directory()) names.insert(entry.path().lexically_relative(folder).generic_string());
  return names;
}

bool have_gnuplot() {
  return std::system("gnuplot --version >/dev/null 2>&1") == 0;
}

class ReportFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Communicator::world().is_root()) GTEST_SKIP() << "rank 0 writes";
    testing::put_run(folder_ / "run", testing::paper_row(35, {7.31, 32.60, 32.43}, {10.16, 28.73, 28.38}),
                     testing::paper_config());
    testing::put_run(folder_ / "seed1", testing::paper_row(35, {7.4, 32, 32}, {10, 28, 28}, 1),
                     testing::paper_config(35, 1));
    testing::put_run(folder_ / "short", testing::paper_row(1, {21.71, 22.93, 22.38}, {21.71, 22.93, 22.38}),
                     testing::paper_config(1));
  }
  [[nodiscard]] Report report(const std::vector<std::string>& names) const {
    std::vector<fs::path> folders;
    for (const std::string& name : names) folders.push_back(folder_ / name);
    return make_report(read_kept_runs(folders), {"seed"});
  }
  /// What check_report_folder says.
  [[nodiscard]] std::string refusal() const {
    const Error error = testing::error_of([&] { check_report_folder(out_); });
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  OwnFolder folder_;
  fs::path out_ = folder_ / "out";
};

TEST_F(ReportFolderTest, HoldsWhatItsManifestSaysAndNothingElse) {
  if (!have_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  EXPECT_TRUE(write_report(report({"run", "seed1", "short"}), {.tensorboard = true}, out_).empty());
  const auto json = nlohmann::json::parse(read_file(out_ / "report.json"));
  std::set<std::string> named = {"report.json"};
  for (const auto& name : json["files"]) named.insert(name.get<std::string>());
  EXPECT_EQ(files_in(out_), named);
  for (const char* name :
       {"tables/overfitted.txt", "tables/overfitted.csv", "tables/overfitted.md", "tables/overfitted.tex",
        "tables/not-overfitted.txt", "tables/1-run___1_-stages.csv", "figures/1-run-run1/perplexity.svg",
        "figures/all/reduction.svg", "tensorboard/seed1/events.out.tfevents.0.lift"})
    EXPECT_TRUE(named.contains(name)) << name;
  EXPECT_EQ(json["configurations"][0]["runs"].size(), 2U);
  EXPECT_DOUBLE_EQ(json["configurations"][0]["before"]["test"]["ppl"]["mean"].get<double>(),
                   (32.43 + 32) / 2);
  EXPECT_TRUE(json["configurations"][1]["before"]["test"]["ppl"]["sd"].is_null());
}

TEST_F(ReportFolderTest, OnlyTheFormAskedForIsWritten) {
  (void)write_report(report({"run"}), {.text = false, .csv = true, .markdown = false, .latex = false}, out_);
  for (const auto& entry : fs::directory_iterator(out_ / "tables"))
    EXPECT_EQ(entry.path().extension(), ".csv");
  EXPECT_FALSE(fs::exists(out_ / "tensorboard"));
}

TEST_F(ReportFolderTest, AnEarlierReportIsReplacedWhole) {
  (void)write_report(report({"run", "short"}), {.tensorboard = true}, out_);
  testing::put_text(out_ / "tables" / ".overfitted.txt.1.tmp", "cut off");
  (void)write_report(report({"run"}), {}, out_);
  EXPECT_FALSE(fs::exists(out_ / "tables/not-overfitted.txt"));
  EXPECT_FALSE(fs::exists(out_ / "tensorboard"));
  EXPECT_FALSE(fs::exists(out_ / "tables/.overfitted.txt.1.tmp"));
  EXPECT_TRUE(fs::exists(out_ / "tables/overfitted.txt"));
}

TEST_F(ReportFolderTest, WhatIsNotItsOwnIsNeverTouched) {
  fs::create_directories(out_);
  check_report_folder(out_);
  testing::put_text(out_ / "thesis.tex", "years of work");
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("--out " + out_.string()), HasSubstr("thesis.tex is no file of an earlier")));
  fs::remove(out_ / "thesis.tex");
  (void)write_report(report({"run"}), {}, out_);
  check_report_folder(out_);
  testing::put_text(out_ / "tables/mine.txt", "notes");
  EXPECT_THAT(refusal(), HasSubstr("tables/mine.txt"));
  const Error error = testing::error_of([&] { (void)write_report(report({"run"}), {}, out_); });
  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(fs::exists(out_ / "tables/overfitted.txt")) << "nothing was removed";
  out_ = folder_ / "run";
  EXPECT_THAT(refusal(), HasSubstr("config.cfg"));
  out_ = folder_ / "run/config.cfg";
  EXPECT_THAT(refusal(), HasSubstr("is not a folder"));
}

TEST_F(ReportFolderTest, AFullDiskIsAWriteError) {
  fs::create_directories(out_);
  fs::create_symlink("/dev/full", temporary_beside(out_ / "report.json"));
  const Report one = report({"run"});
  EXPECT_NE(testing::error_of([&] { (void)write_report(one, {}, out_); }).code(), ExitCode::done);
}

TEST_F(ReportFolderTest, ThePageNeedsNothingElse) {
  if (!have_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const Report all = report({"run", "seed1", "short"});
  (void)write_report(all, {}, out_);
  const std::string page = read_file(out_ / "report.html");
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("Not drawn")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  std::size_t figures = 0, pictures = 0;
  for (const ReportSection& section : all.sections) figures += section.figures.size();
  for (std::size_t at = page.find("<img "); at != std::string::npos; at = page.find("<img ", at + 1)) {
    ++pictures;
    EXPECT_EQ(page.compare(page.find(" src=\"", at) + 6, 18, "data:image/svg+xml"), 0);
  }
  EXPECT_EQ(pictures, figures);
  EXPECT_GT(figures, 12U);
}

TEST_F(ReportFolderTest, AFigureThatIsNotThereIsSaid) {
  const std::string page = html_page(report({"run"}), folder_ / "no figures");
  EXPECT_THAT(page, HasSubstr("<p>Not drawn: Perplexity over the warm-up, and after the search</p>"));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
}

TEST_F(ReportFolderTest, WithoutGnuplotThereIsOneWarningAndEveryScript) {
  const Report all = report({"run", "short"});
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", folder_.path().c_str(), 1);
  const auto warnings = write_report(all, {}, out_);
  ::setenv("PATH", path.c_str(), 1);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], HasSubstr("cannot run gnuplot"));
  for (const ReportSection& section : all.sections) {
    for (const ReportFigure& figure : section.figures) {
      const fs::path script = out_ / "figures" / section.folder / (figure.figure.name + ".gp");
      EXPECT_TRUE(fs::exists(script)) << script;
    }
  }
  EXPECT_THAT(read_file(out_ / "report.html"), AllOf(HasSubstr("Not drawn"), Not(HasSubstr("<img"))));
}

TEST_F(ReportFolderTest, EarlyStoppingIsSaidBesideWhatWasReached) {
  const Report one = report({"run"});
  EXPECT_EQ(early_stopping_sentence(one.configurations[0]),
            "Test perplexity 28.38 at the end, where early stopping gives 22.38: 26.81 % higher than early "
            "stopping.");
  fs::remove(folder_ / "short/config.cfg");
  const auto sentences = report({"short"}).sections[0].sentences;
  EXPECT_THAT(sentences, ::testing::Contains(HasSubstr("Without a config.cfg")));
  EXPECT_THAT(sentences, ::testing::Contains(HasSubstr("Recorded no timeline")));
}

}  // namespace
}  // namespace lift
