#pragma once
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "jobs/run_job.hpp"
#include "mpi/error.hpp"
#include "solvers/session.hpp"
#include "src/report/run_result.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {

/// Each option of `lift run` changes what it says: runs of the toy model with and without it.
class RunOptions : public testing::Test {
 protected:
  void SetUp() override {
    if (world_.is_root()) write_toy_inputs(folder_.path());
    world_.barrier();
  }

  std::filesystem::path path(const std::string& name) { return folder_ / name; }
  JobRun run(const std::string& more) {
    ++runs_;
    std::string words = fmt::format(
        "--model {0}/model --data {0}/data --cache none --length 16 --tune.mlp-only 0 --train-limit 12 "
        "--limit 8 "
        "--search.hvp-batches 1 --out {0}/{1} {2}",
        folder_.path().string(), out(), more);
    if (more.find("--warmup.lr") == std::string::npos) words += " --warmup.lr 1e-2";
    if (more.find("--search.watch") == std::string::npos) words += " --search.watch 0";
    if (more.find("--search.batches") == std::string::npos) words += " --search.batches 1";
    JobRun ending = run_in_process(Job::run, run_job, words_of(words), world_);
    world_.barrier();
    return ending;
  }
  std::string out() const { return fmt::format("run-{}", runs_); }
  RunResult result(const std::string& more,
                   const std::string& blocks = "--tune.blocks 0,1 --search.probes 3 ") {
    const JobRun ending = run(blocks + more);
    EXPECT_EQ(ending.code, ExitCode::done) << more << ": " << ending.error;
    return ending.code == ExitCode::done ? read_result(path(out()) / "result.json") : RunResult();
  }
  /// What the program of the only round promises.
  double objective(const std::string& more) { return result(more).rounds.at(0).lp.value().objective; }
  void expect_refusal(const std::string& more, const std::string& part) {
    SCOPED_TRACE(more);
    try {
      run("--tune.blocks 0,1 " + more);
      FAIL() << "expected an Error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
  }
  static std::vector<std::string> stages(const RunResult& result) {
    std::vector<std::string> names;
    for (const auto& stage : result.stages) names.push_back(stage.name);
    return names;
  }

  /// k·top/(steps − 1), as the line search computes it.
  static std::vector<double> grid_of(int steps, double top) {
    std::vector<double> grid;
    for (int k = 0; k < steps; ++k) grid.push_back(top * k / (steps - 1));
    return grid;
  }

  int runs_ = 0;
  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
  SolverSession solvers_{world_};
};

}  // namespace lift
