#include "src/sweep/sweep_folder.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "src/resume/resume_store.hpp"
#include "tests/src/resume/points.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using Word = PointRecord::Word;

class SweepFolderTest : public testing::Test {
 protected:
  SweepFolderTest() { sweep_.create("seed = 1\n"); }
  void write(Word word) const {
    PointRecord record;
    record.word = word;
    sweep_.write("a", record);
  }
  OwnFolder own_;
  SweepFolder sweep_{own_ / "sweep"};
};

TEST_F(SweepFolderTest, IsMadeOnceAndTakesNothingElse) {
  EXPECT_TRUE(sweep_.begun());
  EXPECT_NO_THROW(sweep_.create("seed = 2\n"));
  EXPECT_EQ(read_file(sweep_.file()), "seed = 2\n");
  EXPECT_NO_THROW(sweep_.require_sweep());
  const SweepFolder none(own_ / "none");
  EXPECT_THROW(none.require_sweep(), Error);
  make_folder(own_ / "other");
  EXPECT_NO_THROW(SweepFolder(own_ / "other").check()) << "an empty one will do";
  make_folder(own_ / "full");
  write_file(own_ / "full/thesis.tex", "text");
  EXPECT_THROW(SweepFolder(own_ / "full").check(), Error);
  make_folder(own_ / "half/state");  // of one who was killed as it was made
  EXPECT_FALSE(SweepFolder(own_ / "half").begun());
  EXPECT_NO_THROW(SweepFolder(own_ / "half").create(""));
  EXPECT_THROW(SweepFolder(own_ / "full/thesis.tex").check(), Error);
  EXPECT_THROW(SweepFolder("").check(), Error);
}

TEST_F(SweepFolderTest, APointIsOfOneWhoClaimsIt) {
  EXPECT_TRUE(sweep_.knows_locks());
  auto mine = sweep_.claim("a");
  ASSERT_NE(mine, nullptr);
  EXPECT_EQ(sweep_.claim("a"), nullptr);
  EXPECT_NE(sweep_.claim("b"), nullptr);
  mine.reset();
  EXPECT_NE(sweep_.claim("a"), nullptr);
}

TEST_F(SweepFolderTest, AWordMeansWhatTheClaimSays) {
  EXPECT_EQ(sweep_.state("a"), PointState::pending);
  {
    const auto claim = sweep_.claim("a");
    EXPECT_EQ(sweep_.state("a"), PointState::running);
    write(Word::begun);
    EXPECT_EQ(sweep_.state("a"), PointState::running);
  }
  EXPECT_EQ(sweep_.state("a"), PointState::preempted) << "begun, and nobody is there";
  for (const auto& [word, state] : {std::pair(Word::stopped, PointState::preempted),
                                    {Word::failed, PointState::failed},
                                    {Word::invalid, PointState::invalid},
                                    {Word::done, PointState::done}}) {
    write(word);
    EXPECT_EQ(sweep_.state("a"), state);
  }
}

TEST_F(SweepFolderTest, ARecordThatIsNotWholeIsAPointThatFailed) {
  write_file(own_ / "sweep/state/a.json", "{");
  EXPECT_EQ(sweep_.state("a"), PointState::failed);
  EXPECT_THAT(sweep_.record("a").message, testing::HasSubstr("a.json"));
  EXPECT_EQ(sweep_.record("a").code, 3);
}

TEST_F(SweepFolderTest, OneWhoIsKilledLeavesAPointThatIsPreempted) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto claim = sweep_.claim("a");
    write(Word::begun);
    std::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(sweep_.state("a"), PointState::preempted);
}

TEST_F(SweepFolderTest, ProgressChangesWithCheckpointsAndResults) {
  EXPECT_EQ(sweep_.progress("a"), "");
  const auto checkpoints = sweep_.run("a") / "checkpoints";
  make_folder(checkpoints / "resume-000007");
  EXPECT_EQ(sweep_.progress("a"), "") << "one without DONE was never published";
  ResumeStore(checkpoints, 2).publish(a_point());
  const std::string first = sweep_.progress("a");
  EXPECT_NE(first, "");
  make_folder(checkpoints / "memo");
  write_file(checkpoints / "memo/x", "");
  const std::string second = sweep_.progress("a");
  EXPECT_NE(second, first);
  ResumeStore(checkpoints, 2).publish(a_point());
  EXPECT_NE(sweep_.progress("a"), second);
  make_folder(own_ / "shared-memo");
  const std::string third = sweep_.progress("a", own_ / "shared-memo");
  write_file(own_ / "shared-memo/y", "");
  EXPECT_NE(sweep_.progress("a", own_ / "shared-memo"), third);
}

}  // namespace
}  // namespace lift
