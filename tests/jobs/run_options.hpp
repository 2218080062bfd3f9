#pragma once
#include <ATen/TensorOperators.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "jobs/run_job.hpp"
#include "mpi/error.hpp"
#include "solvers/session.hpp"
#include "src/model/safetensors.hpp"
#include "src/model/stored_tensor.hpp"
#include "src/report/run_result.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {

/// A tensor of a safetensors file, in float64.
inline at::Tensor stored(const std::filesystem::path& file, const std::string& name) {
  return to_tensor(SafetensorsFile(file).at(name)).to(at::kDouble);
}

/// A run of one round with its linear program.
struct KeptRun {
  RunResult result;
  at::Tensor a, g, u, probes, d;
  [[nodiscard]] std::int64_t p() const { return d.numel() - probes.size(1); }
  [[nodiscard]] const RoundResult& round() const { return result.rounds.at(0); }
};

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
    std::string words = fmt::format("--data {0}/data --tune.mlp-only 0 --train-limit 12 --out {0}/{1} {2}",
                                    folder_.path().string(), out(), more);
    for (const auto& [name, value] : {std::pair<std::string, std::string>("--model ", path("model").string()),
                                      {"--cache ", "none"},
                                      {"--length ", "16"},
                                      {"--limit ", "8"},
                                      {"--warmup.lr ", "1e-2"},
                                      {"--search.watch ", "0"},
                                      {"--search.batches ", "1"},
                                      {"--search.hvp-batches ", "1"}}) {
      const bool idle = name.starts_with("--search.") && more.find("--method ") != std::string::npos;
      if (!idle && more.find(name) == std::string::npos) words += " " + name + value;
    }
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
  KeptRun kept(const std::string& more, const std::string& blocks = "--tune.blocks 0,1 --search.probes 3 ") {
    const auto file = path(fmt::format("kept-{}.safetensors", runs_));
    RunResult found = result("--search.keep " + file.string() + " " + more, blocks);
    return {std::move(found),  stored(file, "A"),      stored(file, "g"),
            stored(file, "u"), stored(file, "probes"), stored(file, "d")};
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
  /// The work of all ranks.
  static RankWork total(const RunResult& result) {
    RankWork all;
    for (const RankWork& rank : result.work) {
      all.gradients += rank.gradients;
      all.hvp_sequences += rank.hvp_sequences;
      all.sequences += rank.sequences;
    }
    return all;
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
