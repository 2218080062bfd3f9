#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Ending {
  int code = -1;
  std::vector<pid_t> ranks;
  std::vector<std::string> errors;  ///< lines of the form `lift: error: …`
};

/// Runs end_probe under mpiexec; `timeout` turns a hang into code 124.
Ending run_probe(int ranks, const std::string& mode) {
  const std::string command =
      fmt::format("timeout 60 {} {} {} {} 2>&1", LIFT_MPIEXEC, ranks, LIFT_END_PROBE, mode);
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  std::array<char, 4096> piece{};
  while (pipe != nullptr && fgets(piece.data(), piece.size(), pipe) != nullptr) output += piece.data();
  Ending ending;
  const int status = pipe == nullptr ? -1 : pclose(pipe);
  if (WIFEXITED(status)) ending.code = WEXITSTATUS(status);
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("pid ", 0) == 0) ending.ranks.push_back(std::stoi(line.substr(4)));
    if (line.rfind("lift: error: ", 0) == 0) ending.errors.push_back(line);
  }
  return ending;
}

/// Whether process `pid` has ended, or ends within ten seconds.
bool ends(pid_t pid) {
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return errno == ESRCH;
  pollfd ended{descriptor, POLLIN, 0};
  const bool in_time = poll(&ended, 1, 10'000) == 1;
  close(descriptor);
  return in_time;
}

void expect_all_gone(const Ending& ending, int ranks) {
  ASSERT_EQ(std::ssize(ending.ranks), ranks);
  for (const pid_t pid : ending.ranks) EXPECT_TRUE(ends(pid)) << "process " << pid << " is still there";
}

/// The error line of `ranks` ranks whose last one failed.
std::string line_of(const std::string& cause, int ranks) {
  if (ranks == 1) return "lift: error: " + cause;
  return fmt::format("lift: error: {} (rank {} of {} on ", cause, ranks - 1, ranks);
}

class End : public testing::TestWithParam<int> {};

TEST_P(End, WithoutErrorIsZero) {
  const Ending ending = run_probe(GetParam(), "well");
  EXPECT_EQ(ending.code, 0);
  EXPECT_TRUE(ending.errors.empty());
  expect_all_gone(ending, GetParam());
}

TEST_P(End, OfAnErrorOfAnyKindIsItsCodeSaidOnceOnEveryRankCount) {
  for (const auto& [mode, code] : {std::pair("agreed", 3), {"alone", 4}, {"foreign", 1}, {"group", 5}}) {
    if (std::string(mode) == "group" && GetParam() == 4) continue;
    SCOPED_TRACE(mode);
    const Ending ending = run_probe(GetParam(), mode);
    EXPECT_EQ(ending.code, code);
    ASSERT_EQ(ending.errors.size(), 1U);
    EXPECT_EQ(ending.errors[0].rfind(line_of("a cause", GetParam()), 0), 0U) << ending.errors[0];
    expect_all_gone(ending, GetParam());
  }
}

TEST(EndOfAGroup, ThatAgreedWithoutTheOthersEndsThemToo) {
  const Ending ending = run_probe(4, "group");
  EXPECT_EQ(ending.code, 5);
  ASSERT_GE(ending.errors.size(),
            1U);  // each rank of the group may say it before MPI_Abort reaches the other
  for (const std::string& error : ending.errors)
    EXPECT_EQ(error.rfind(line_of("a cause", 4), 0), 0U) << error;
  expect_all_gone(ending, 4);
}

INSTANTIATE_TEST_SUITE_P(Ranks, End, testing::Values(1, 2, 4));

}  // namespace
