#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/report/run_folder.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class RunFolderTest : public ::testing::Test {
 protected:
  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
};

TEST_F(RunFolderTest, LooksWithoutTouchingAndMakesParentsWhenCreated) {
  RunFolder run(folder_ / "runs/a");
  EXPECT_FALSE(run.created());
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
  run.create();
  EXPECT_TRUE(run.created());
  EXPECT_TRUE(fs::is_directory(folder_ / "runs/a"));
  EXPECT_TRUE(fs::is_empty(run.log()));
  EXPECT_FALSE(fs::exists(run.model()));
}

TEST_F(RunFolderTest, AnEmptyFolderIsFine) {
  fs::create_directory(folder_ / "a");
  RunFolder run(folder_ / "a");
  run.create();
  EXPECT_TRUE(run.created());
}

TEST_F(RunFolderTest, RefusesAnotherRunNamingItsFiles) {
  RunFolder(folder_ / "a").create();
  testing::put_text(folder_ / "a/result.json", "{}");
  const Error error = testing::error_of([&] { RunFolder again(folder_ / "a"); });
  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr((folder_ / "a").string()));
  EXPECT_THAT(error.what(), HasSubstr("holds another run (log.txt, result.json)"));
}

TEST_F(RunFolderTest, RefusesAnythingElseNamingWhatItFound) {
  fs::create_directories(folder_ / "a");
  for (const char* name : {"e", "d", "c", "b", "a"}) testing::put_text(folder_ / "a" / name, "x");
  const Error error = testing::error_of([&] { RunFolder run(folder_ / "a"); });
  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_THAT(error.what(),
              HasSubstr("is not empty (a, b, c, d, …); expected a folder that is missing or empty"));
}

TEST_F(RunFolderTest, RefusesAFileAndAFolderBelowAFile) {
  testing::put_text(folder_ / "file", "x");
  for (const char* path : {"file", "file/below"}) {
    const Error error = testing::error_of([&] { RunFolder run(folder_ / path); });
    EXPECT_EQ(error.code(), ExitCode::usage) << path;
    EXPECT_THAT(error.what(), HasSubstr((folder_ / "file").string() + " is not a folder")) << path;
  }
  EXPECT_EQ(testing::error_of([] { RunFolder run(""); }).code(), ExitCode::usage);
}

TEST_F(RunFolderTest, OfTwoRunsThatStartAtOnceOneIsRefused) {
  RunFolder first(folder_ / "a");
  RunFolder second(folder_ / "a");
  first.create();
  EXPECT_EQ(testing::error_of([&] { second.create(); }).code(), ExitCode::usage);
  EXPECT_FALSE(second.created());
}

TEST_F(RunFolderTest, WhereNothingCanBeMadeIsAWriteError) {
  EXPECT_EQ(testing::error_of([] { RunFolder("/proc/lift-run").create(); }).code(), ExitCode::write);
}

}  // namespace
}  // namespace lift
