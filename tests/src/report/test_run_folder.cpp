#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

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

/// Whether another process may take up the run in `folder`.
bool others_may_resume(const std::filesystem::path& folder) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      const RunFolder run(folder, RunFolder::Use::resumed);
      ::_exit(0);
    } catch (const Error& error) {
      ::_exit(error.code() == ExitCode::usage ? 2 : 1);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 1);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(ResumedRunFolder, IsOfOneRunFromTheMomentItIsLookedAt) {
  const OwnFolder place;
  {
    RunFolder first(place / "run");
    first.create();
    EXPECT_FALSE(others_may_resume(place / "run"));
  }
  {
    const RunFolder again(place / "run", RunFolder::Use::resumed);
    EXPECT_TRUE(again.begun());
    EXPECT_FALSE(again.done());
    EXPECT_FALSE(others_may_resume(place / "run"));
  }
  EXPECT_TRUE(others_may_resume(place / "run"));
}

TEST(ResumedRunFolder, LosesWhatAKilledWriterLeftAndNothingElse) {
  const OwnFolder place;
  RunFolder(place / "run").create();
  for (const char* name :
       {"run/.model.7.tmp", "run/checkpoints/.best.7.tmp", "run/checkpoints/epoch-1", "run/.mine"})
    std::filesystem::create_directories(place / name);
  RunFolder(place / "run", RunFolder::Use::resumed).create();
  EXPECT_FALSE(std::filesystem::exists(place / "run/.model.7.tmp"));
  EXPECT_FALSE(std::filesystem::exists(place / "run/checkpoints/.best.7.tmp"));
  EXPECT_TRUE(std::filesystem::exists(place / "run/checkpoints/epoch-1"));
  EXPECT_TRUE(std::filesystem::exists(place / "run/.mine"));
}

TEST(ResumedRunFolder, IsARunOrEmpty) {
  const OwnFolder place;
  std::filesystem::create_directories(place / "empty");
  EXPECT_NO_THROW(RunFolder(place / "empty", RunFolder::Use::resumed).create());
  EXPECT_NO_THROW(RunFolder(place / "new", RunFolder::Use::resumed).create());
  std::filesystem::create_directories(place / "thesis/chapter");
  EXPECT_THROW(RunFolder(place / "thesis", RunFolder::Use::resumed), Error);
}

}  // namespace
}  // namespace lift
