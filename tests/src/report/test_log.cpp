#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "src/files/atomic_file.hpp"
#include "src/report/log.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using ::testing::MatchesRegex;

class LogTest : public ::testing::Test {
 protected:
  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{out_, err_, false};
};

TEST_F(LogTest, RootSaysAllAndKeepsWhatCameBeforeTheFile) {
  Log log(console_, 0);
  log.info("reading {} braces");
  log.warn("odd byte");
  log.detail("only in the file");
  EXPECT_EQ(out_.str(), "reading {} braces\n");
  EXPECT_EQ(err_.str(), "lift: warning: odd byte\n");

  log.open_file(folder_ / "log.txt");
  log.block("row 1\nrow 2\n");
  log.check();
  EXPECT_EQ(out_.str(), "reading {} braces\nrow 1\nrow 2\n");
  const std::string time = "....-..-..T..:..:..Z ";
  EXPECT_THAT(read_file(folder_ / "log.txt"),
              MatchesRegex(time + "info: reading .. braces\n" + time + "warning: odd byte\n" + time +
                           "debug: only in the file\n" + time + "info: row 1\n" + time + "info: row 2\n"));
}

TEST_F(LogTest, OtherRanksSayOnlyWarningsWithTheirRank) {
  Log log(console_, 3);
  log.info("a");
  log.detail("b");
  log.block("c");
  log.warn("slow disk");
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(), "lift: warning: rank 3: slow disk\n");
}

TEST_F(LogTest, WarningsOfAllRanksReachTheFileInRankOrderOnce) {
  const Communicator world = Communicator::world();
  Log log(console_, world.rank());
  if (world.is_root()) log.open_file(folder_ / "log.txt");
  log.warn("from " + std::to_string(world.rank()));
  log.gather_warnings(world);
  log.gather_warnings(world);
  if (!world.is_root()) return;
  EXPECT_EQ(err_.str(), "lift: warning: from 0\n");
  const std::string text = read_file(folder_ / "log.txt");
  std::size_t at = 0;
  for (int rank = 1; rank < world.size(); ++rank) {
    const std::string line =
        "warning: rank " + std::to_string(rank) + ": from " + std::to_string(rank) + "\n";
    const std::size_t found = text.find(line, at);
    ASSERT_NE(found, std::string::npos) << text;
    at = found + line.size();
    EXPECT_EQ(text.find(line, at), std::string::npos) << "said twice";
  }
}

TEST_F(LogTest, AFullDiskIsKeptForCheckAndTheConsoleGoesOn) {
  Log log(console_, 0);
  log.check();
  log.open_file("/dev/full");
  log.info("still heard");
  EXPECT_EQ(out_.str(), "still heard\n");
  const Error error = testing::error_of([&] { log.check(); });
  EXPECT_EQ(error.code(), ExitCode::write);
  EXPECT_STREQ(error.what(), "/dev/full: cannot be written: No space left on device");
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsAWriteError) {
  Log log(console_, 0);
  EXPECT_EQ(testing::error_of([&] { log.open_file(folder_ / "none/log.txt"); }).code(), ExitCode::write);
}

}  // namespace
}  // namespace lift
