#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Output {
  int code = -1;
  std::vector<std::string> lines;  ///< of stdout and stderr
};

/// Runs `program` on `ranks` ranks under mpiexec; `timeout` turns a hang into code 124.
Output run(int ranks, const std::string& program) {
  const std::string command = fmt::format("timeout 60 {} {} {} 2>&1", LIFT_MPIEXEC, ranks, program);
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  std::array<char, 4096> piece{};
  while (pipe != nullptr && fgets(piece.data(), piece.size(), pipe) != nullptr) text += piece.data();
  Output output;
  const int status = pipe == nullptr ? -1 : pclose(pipe);
  if (WIFEXITED(status)) output.code = WEXITSTATUS(status);
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) output.lines.push_back(line);
  return output;
}

struct Ending {
  int code = -1;
  std::vector<pid_t> ranks;
  std::vector<std::string> errors;  ///< lines of the form `lift: error: …`
};

Ending run_probe(int ranks, const std::string& mode) {
  const Output output = run(ranks, fmt::format("{} {}", LIFT_END_PROBE, mode));
  Ending ending{output.code, {}, {}};
  for (const std::string& line : output.lines) {
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

TEST(EndOfATest, AFailureOnOneRankFailsTheRunAndIsShown) {
  const Output output = run(2, LIFT_FAILING_PROBE);
  EXPECT_EQ(output.code, 1);
  const auto shown = [&](const std::string& text) {  // within a line: GoogleTest colours some of them
    return std::count_if(output.lines.begin(), output.lines.end(),
                         [&](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  EXPECT_EQ(shown("rank 1: on purpose"), 1);
  EXPECT_EQ(shown("Probe.FailsOnTheLastRank on rank 1"), 1);
  EXPECT_EQ(shown("2 tests."), 1);  // that passed: rank 0 alone would have reported no more
}

INSTANTIATE_TEST_SUITE_P(Ranks, End, testing::Values(1, 2, 4));

}  // namespace
