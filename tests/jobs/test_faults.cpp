// Whatever fails on one rank alone ends all of them: the program with a fault at each place, on each rank.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

#include "mpi/fault.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kRanks = 2;
/// From a fault to the end of the last process.
constexpr double kSeconds = 5;

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class Faults : public testing::TestWithParam<std::string_view> {
 protected:
  Faults() { write_toy_inputs(folder_.path()); }

  /// Exit code of a run through recovery and a round; 124 if it was not gone after half a minute.
  int run(const std::string& fault, const std::string& more) const {
    const std::string command = fmt::format(
        "LIFT_FAULT={0} timeout 30 {1} {2} {3} run --model {4}/model --start {4}/model --data {4}/data "
        "--cache none --length 16 --tune.blocks 0,1 --tune.mlp-only 0 --train-limit 8 --limit 4 "
        "--warmup.epochs 1 --recover.interpolate on --recover.corrector-epochs 1 --search.hvp-batches 1 "
        "--search.batches 1 --search.watch 0 {5} --out {4}/run --json {4}/answer.json "
        "> {4}/stdout 2> {4}/stderr",
        fault, LIFT_MPIEXEC, kRanks, LIFT_PROGRAM, folder_.path().string(), more);
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  /// The first line of stderr with `part`.
  [[nodiscard]] std::string line_with(const std::string& part) const {
    std::istringstream lines(text_of(folder_ / "stderr"));
    for (std::string line; std::getline(lines, line);) {
      if (line.find(part) != std::string::npos) return line;
    }
    return "";
  }
  /// When the fault was thrown, seconds since the epoch; 0 if it was not.
  [[nodiscard]] double thrown_at() const {
    const std::string mark = "LIFT_FAULT thrown at ", line = line_with(mark);
    return line.empty() ? 0 : std::stod(line.substr(line.find(mark) + mark.size()));
  }
  /// Waits for whatever process still has this test's folder on its command line, until `deadline`.
  [[nodiscard]] bool all_gone_by(double deadline) const {
    for (const auto& process : fs::directory_iterator("/proc")) {
      const std::string name = process.path().filename();
      if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
      if (text_of(process.path() / "cmdline").find(folder_.path().string()) == std::string::npos) continue;
      const auto descriptor = static_cast<int>(syscall(SYS_pidfd_open, std::stoi(name), 0));
      if (descriptor < 0 && errno == ESRCH) continue;  // gone meanwhile
      if (descriptor < 0) return false;
      pollfd end{descriptor, POLLIN, 0};
      const bool in_time = poll(&end, 1, static_cast<int>(1000 * std::max(0.0, deadline - now()))) == 1;
      close(descriptor);
      if (!in_time) return false;
    }
    return now() <= deadline;
  }

  OwnFolder folder_;
};

constexpr const char* kRandom = "--search.probes 2 --search.steps 3 --search.keep ";
constexpr const char* kKrylov =
    "--search.probes 2 --search.probe-kind krylov --search.holdout 0.5 --search.line model --search.steps 3";
constexpr const char* kExact = "--direction exact --search.damping 10";

TEST_P(Faults, OfOneRankEndAllWithItsCodeAndNameWithinFiveSeconds) {
  const std::string point(GetParam());
  const std::string random = kRandom + (folder_ / "instance.safetensors").string();
  for (int rank = 0; rank < kRanks; ++rank) {
    // Rank 0 alone writes.
    const bool of_the_disk = point == "open" || point == "checkpoint" || point == "result";
    if ((of_the_disk || point.starts_with("resume")) && rank > 0) continue;
    if (point == "memo") continue;  // ends nothing: test_killed
    SCOPED_TRACE(fmt::format("{} on rank {}", point, rank));
    const int code = 5 - 2 * rank;  // not 1, with which mpiexec itself may end
    EXPECT_EQ(run(fmt::format("{}:{}:{}", point, rank, code), point == "implicit" ? kExact : random), code);
    ASSERT_GT(thrown_at(), 0.0);
    EXPECT_TRUE(all_gone_by(thrown_at() + kSeconds));
    EXPECT_THAT(line_with("lift: error:"), HasSubstr(fmt::format("LIFT_FAULT at '{}'", point)));
    EXPECT_THAT(line_with("lift: error:"), HasSubstr(fmt::format("(rank {} of {} on ", rank, kRanks)));
    fs::remove_all(folder_ / "run");
  }
}

TEST_F(Faults, OfKrylovProbesEndAllToo) {
  for (const char* point : {"row", "evaluation"}) {
    SCOPED_TRACE(point);
    EXPECT_EQ(run(fmt::format("{}:0:4", point), kKrylov), 4);
    EXPECT_THAT(line_with("lift: error:"), HasSubstr(fmt::format("LIFT_FAULT at '{}'", point)));
    fs::remove_all(folder_ / "run");
  }
}

TEST_F(Faults, ARunWithoutOneIsDone) {
  EXPECT_EQ(run("load:7:4", kKrylov), 0);
  EXPECT_EQ(line_with("lift: error:"), "");
  EXPECT_EQ(thrown_at(), 0);
}

TEST_F(Faults, WithoutACodeAreAnError) {
  EXPECT_EQ(run("load:0:", kKrylov), 1);
  EXPECT_THAT(line_with("lift: error:"), HasSubstr("no exit code"));
}

INSTANTIATE_TEST_SUITE_P(AtEachPlace, Faults, testing::ValuesIn(kFaultPoints), [](const auto& point) {
  std::string name(point.param);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace lift
