#include "src/files/file_lock.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "mpi/error.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

/// Whether another process gets the lock.
bool free_for_others(const std::filesystem::path& file) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(FileLock(file).held() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(FileLock, IsOfOneProcessUntilItLetsGo) {
  const OwnFolder folder;
  const auto file = folder / "log.txt";
  {
    const FileLock lock(file);
    EXPECT_TRUE(lock.held());
    EXPECT_FALSE(free_for_others(file));
  }
  EXPECT_TRUE(free_for_others(file));
}

TEST(FileLock, IsOfOneOfTwoInAProcess) {
  const OwnFolder folder;
  const auto file = folder / "claim";
  EXPECT_FALSE(FileLock::taken(file));
  {
    const FileLock lock(file);
    EXPECT_TRUE(FileLock::taken(file));
    EXPECT_FALSE(FileLock(file).held());
    EXPECT_TRUE(FileLock::taken(file));  // to ask, or to be refused, gives nothing back
  }
  EXPECT_FALSE(FileLock::taken(file));
}

TEST(FileLock, DoesNotOutliveAProcessThatIsKilled) {
  const OwnFolder folder;
  const auto file = folder / "log.txt";
  const pid_t child = ::fork();
  if (child == 0) {
    const FileLock lock(file);
    std::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock(file).held());
}

TEST(FileLock, AFileThatCannotBeMadeIsAWriteError) {
  const OwnFolder folder;
  try {
    const FileLock lock(folder / "none/log.txt");
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::write);
    EXPECT_NE(std::string(error.what()).find("none/log.txt"), std::string::npos);
  }
}

}  // namespace
}  // namespace lift
