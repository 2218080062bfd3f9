// Whatever fails on one rank alone ends all of them: the program with a fault at each place, on each rank.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

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

class Faults : public testing::TestWithParam<std::string_view> {
 protected:
  Faults() { write_toy_inputs(folder_.path()); }

  /// Exit code of a run through recovery, a round with random probes, and one with an implicit solve; 124 if
  /// it was not gone after half a minute.
  int run(const std::string& fault, const std::string& more) const {
    const std::string command = fmt::format(
        "LIFT_FAULT={0} timeout 30 {1} {2} {3} run --model {4}/model --data {4}/data --cache none --length "
        "16 "
        "--tune.blocks 0,1 --tune.mlp-only 0 --train-limit 8 --limit 4 --warmup.epochs 1 "
        "--recover.interpolate on "
        "--recover.corrector-epochs 1 --search.hvp-batches 1 --search.batches 1 --search.watch 0 {5} --out "
        "{4}/run "
        "> {4}/stdout 2> {4}/stderr",
        fault, LIFT_MPIEXEC, kRanks, LIFT_PROGRAM, folder_.path().string(), more);
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  /// The line that the program itself wrote of its end.
  [[nodiscard]] std::string said() const {
    std::istringstream lines(text_of(folder_ / "stderr"));
    for (std::string line; std::getline(lines, line);) {
      if (line.find("lift: error:") != std::string::npos) return line;
    }
    return "";
  }

  OwnFolder folder_;
};

constexpr const char* kRound = "--search.probes 2 --search.steps 3";
constexpr const char* kExact = "--direction exact --search.damping 10";

TEST_P(Faults, OfOneRankEndAllWithItsCodeAndName) {
  const std::string point(GetParam());
  for (int rank = 0; rank < kRanks; ++rank) {
    SCOPED_TRACE(fmt::format("{} on rank {}", point, rank));
    // Rank 0 alone writes.
    if ((point == "open" || point == "checkpoint") && rank > 0) continue;
    EXPECT_EQ(run(fmt::format("{}:{}", point, rank), point == "implicit" ? kExact : kRound), 1);
    EXPECT_THAT(said(), HasSubstr(fmt::format("LIFT_FAULT at '{}'", point)));
    EXPECT_THAT(said(), HasSubstr(fmt::format("(rank {} of {} on ", rank, kRanks)));
    fs::remove_all(folder_ / "run");
  }
}

TEST_F(Faults, ARunWithoutOneIsDone) {
  EXPECT_EQ(run("load:7", kRound), 0);
  EXPECT_EQ(said(), "");
}

INSTANTIATE_TEST_SUITE_P(AtEachPlace, Faults, testing::ValuesIn(kFaultPoints), [](const auto& point) {
  std::string name(point.param);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace lift
