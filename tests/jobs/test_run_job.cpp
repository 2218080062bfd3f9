#include "jobs/run_job.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

#include "jobs/evaluate_job.hpp"
#include "jobs/lp_job.hpp"
#include "jobs/pretrain_job.hpp"
#include "solvers/session.hpp"
#include "src/files/atomic_file.hpp"
#include "src/model/safetensors.hpp"
#include "src/report/run_result.hpp"
#include "src/search/probes.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Runs of the toy model on all ranks, and on each rank alone, in folders of one temporary folder.
class RunJob : public testing::Test {
 protected:
  void SetUp() override {
    if (world_.is_root()) write_toy_inputs(folder_.path());
    world_.barrier();
  }

  [[nodiscard]] std::string inputs() const {
    return fmt::format(
        "--model {0}/model --data {0}/data --cache none --length 16 --tune.blocks 0,1 --tune.mlp-only 0 ",
        folder_.path().string());
  }
  [[nodiscard]] std::filesystem::path out(const std::string& name) const { return folder_ / name; }

  JobRun run(const std::string& name, const std::string& more, const Communicator& comm) {
    JobRun ending = run_in_process(Job::run, run_job,
                                   words_of(inputs() + "--out " + out(name).string() + " " + more), comm);
    comm.barrier();
    return ending;
  }
  RunResult result_of(const std::string& name, const std::string& more, const Communicator& comm) {
    const JobRun ending = run(name, more, comm);
    EXPECT_EQ(ending.code, ExitCode::done) << ending.error;
    return read_result(out(name) / "result.json");
  }
  std::string mine(const std::string& name) const { return fmt::format("{}-{}", name, world_.rank()); }

  static constexpr const char* kSmall =
      "--train-limit 22 --limit 9 --search.probes 5 --search.batches 2 --search.hvp-batches 2 ";
  inline static const std::string kShort =
      std::string(kSmall) + "--warmup.epochs 2 --warmup.lr 1e-2 --lp.radius 0.05 ";

  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
  TempFolder folder_{world_};
  SolverSession solvers_{world_};
};

/// Every loss of a result, in a fixed order.
std::vector<double> losses_of(const RunResult& result) {
  std::vector<double> losses;
  for (const Evaluation& evaluation : {result.before, result.after}) {
    for (const auto& split : {evaluation.train, evaluation.valid, evaluation.test})
      losses.push_back(split.value().loss);
  }
  for (const EpochLosses& epoch : result.epochs) {
    losses.push_back(epoch.valid);
    losses.push_back(epoch.test);
  }
  for (const RoundResult& round : result.rounds) {
    for (const auto& [t, loss] : round.line_search) losses.push_back(loss);
  }
  return losses;
}

void expect_same_answer(const RunResult& a, const RunResult& b, double tolerance) {
  const std::vector<double> x = losses_of(a), y = losses_of(b);
  ASSERT_EQ(x.size(), y.size());
  for (std::size_t k = 0; k < x.size(); ++k) EXPECT_NEAR(x[k], y[k], tolerance * std::abs(x[k])) << k;
  for (std::size_t k = 0; k < a.rounds.size(); ++k) EXPECT_EQ(a.rounds[k].t_star, b.rounds[k].t_star);
}

TEST_F(RunJob, GivesTheAnswerOfOneRankInFloat64) {
  const std::string words = kShort + "--precision fp64 --search.rounds 2";
  const RunResult alone = result_of(mine("alone"), words, self_);
  const RunResult together = result_of("together", words, world_);
  expect_same_answer(alone, together, 1e-10);
  EXPECT_EQ(together.ranks, world_.size());
}

TEST_F(RunJob, GivesTheAnswerOfOneRankWithLowRankPairs) {
  const std::string words = kShort + "--precision fp64 --tune.lora 4 --search.rounds 2";
  expect_same_answer(result_of(mine("alone"), words, self_), result_of("together", words, world_), 1e-10);
}

TEST_F(RunJob, GivesTheAnswerOfOneRankInFloat32) {
  const std::string words = std::string(kSmall) + "--warmup.epochs 2 --warmup.lr 1e-4";
  const RunResult alone = result_of(mine("alone"), words, self_);
  const RunResult together = result_of("together", words, world_);
  const std::vector<double> x = losses_of(alone), y = losses_of(together);
  ASSERT_EQ(x.size(), y.size());
  for (std::size_t k = 0; k < x.size(); ++k)
    EXPECT_NEAR(std::exp(x[k]), std::exp(y[k]), 1e-5 * std::exp(x[k])) << k;
  EXPECT_EQ(alone.rounds[0].t_star, together.rounds[0].t_star);
}

TEST_F(RunJob, ARerunGivesTheSameBits) {
  const RunResult first = result_of("first", kShort + "--deterministic ", world_);
  const RunResult second = result_of("second", kShort + "--deterministic ", world_);
  EXPECT_EQ(losses_of(first), losses_of(second));
  EXPECT_EQ(first.rounds[0].lambda_after, second.rounds[0].lambda_after);
  EXPECT_EQ(text_of(out("first") / "model/model.safetensors"),
            text_of(out("second") / "model/model.safetensors"));
}

TEST_F(RunJob, DealsProbesOverTheRanks) {
  const RunResult result = result_of("run", kShort, world_);
  for (const RankWork& work : result.work) {
    EXPECT_GE(work.hvps, 5 / world_.size());
    EXPECT_LE(work.hvps, (5 + world_.size() - 1) / world_.size());
    EXPECT_GT(work.peak_memory_bytes, 0);
  }
}

TEST_F(RunJob, RunsTheFrozenBlocksOncePerSequenceAndNotOncePerStep) {
  const auto prefixes = [&](const std::string& name, const std::string& more) {
    std::int64_t count = 0;
    for (const RankWork& work : result_of(name, kShort + more, world_).work) count += work.prefix_sequences;
    return count;
  };
  EXPECT_EQ(prefixes("few", "--search.steps 4"), prefixes("many", "--search.steps 20"));
}

TEST_F(RunJob, MovesTunedTensorsAndLeavesFrozenOnesToTheBit) {
  result_of("run", kShort, world_);
  const SafetensorsFile before(folder_ / "model/model.safetensors");
  const SafetensorsFile after(out("run") / "model/model.safetensors");
  for (const auto& [name, entry] : before.entries()) {
    const bool tuned = name.find("h.0.mlp") != std::string::npos || name.find("h.1.") != std::string::npos;
    const bool moved = !std::ranges::equal(entry.bytes, after.at(name).bytes);
    EXPECT_EQ(moved, tuned) << name;
  }
}

TEST_F(RunJob, NeverMakesTheValidationLossWorseAndNamesTheBestEpoch) {
  const RunResult result = result_of("run", kShort, world_);
  EXPECT_LE(result.after.valid.value().loss, result.before.valid.value().loss);
  EXPECT_EQ(result.rounds[0].line_search.front().first, 0.0);
  EXPECT_NEAR(result.rounds[0].line_search.front().second, result.before.valid.value().loss, 1e-6);
  double best = result.epochs[0].valid;
  for (const EpochLosses& epoch : result.epochs) best = std::min(best, epoch.valid);
  EXPECT_EQ(result.early_stopping.value().valid.value().loss, best);
  EXPECT_TRUE(result.self_check.value().passed);
  EXPECT_EQ(result.rounds[0].lp.value().status, "optimal");
  EXPECT_LE(result.rounds[0].lp.value().gap, 1e-9);
}

TEST_F(RunJob, WritesTheModelsWhoseLossesItReports) {
  const RunResult result = result_of("run", kShort, world_);
  const auto evaluated = [&](const std::string& model, const std::string& split) {
    const std::string words = fmt::format(
        "--model {}/{} --data {}/data --split {} --cache none --length 16 --limit 9 --json {}",
        out("run").string(), model, folder_.path().string(), split, (folder_ / "loss.json").string());
    const JobRun ending = run_in_process(Job::evaluate, evaluate_job, words_of(words), world_);
    EXPECT_EQ(ending.code, ExitCode::done) << ending.error;
    const double loss = nlohmann::json::parse(read_file(folder_ / "loss.json"))["loss"].get<double>();
    world_.barrier();
    return loss;
  };
  const auto near = [](double loss, double reported) { EXPECT_NEAR(loss, reported, 1e-6 * reported); };
  near(evaluated("model", "valid"), result.after.valid.value().loss);
  near(evaluated("model", "test"), result.after.test.value().loss);
  near(evaluated("checkpoints/best", "valid"), result.early_stopping.value().valid.value().loss);
  near(evaluated("checkpoints/best", "test"), result.early_stopping.value().test.value().loss);
}

TEST_F(RunJob, RecordsTrainingAndTestLossAlongTheDirection) {
  const RunResult result = result_of("run", kShort, world_);
  const RoundResult& round = result.rounds.at(0);
  const auto at = [](const std::vector<std::pair<double, double>>& curve, double t) {
    return std::ranges::find(curve, t, &std::pair<double, double>::first)->second;
  };
  const auto& test = round.curves.at("test");
  const auto& train = round.curves.at("train");
  EXPECT_EQ(test.size(), train.size());
  EXPECT_NEAR(at(test, 0), result.before.test.value().loss, 1e-6);
  EXPECT_NEAR(at(train, 0), result.before.train.value().loss, 1e-6);
  EXPECT_NEAR(at(test, round.t_star), result.after.test.value().loss, 1e-6);
  EXPECT_NEAR(at(train, round.t_star), result.after.train.value().loss, 1e-6);
  EXPECT_GT(round.stationarity, 0);
}

TEST_F(RunJob, LeavesTheWholeFolderAndAConfigurationThatRunsAgain) {
  const RunResult first = result_of("run", kShort, world_);
  for (const char* name : {"config.cfg", "provenance.json", "log.txt", "metrics.jsonl", "result.json",
                           "model/config.json", "model/vocab.json", "checkpoints/best/model.safetensors",
                           "figures/perplexity.gp", "figures/line_search.gp", "figures/losses_over_t.gp"}) {
    EXPECT_TRUE(std::filesystem::exists(out("run") / name)) << name;
  }
  const std::string config =
      "--config " + (out("run") / "config.cfg").string() + " --out " + out("again").string();
  const JobRun again = run_in_process(Job::run, run_job, words_of(config), world_);
  EXPECT_EQ(again.code, ExitCode::done) << again.error;
  EXPECT_EQ(losses_of(first), losses_of(read_result(out("again") / "result.json")));
}

TEST_F(RunJob, KeepsAnInstanceThatTheLpJobSolvesToTheSameObjective) {
  const std::string kept = (folder_ / "kept.safetensors").string();
  const RunResult result = result_of("run", kShort + "--search.keep " + kept, world_);
  const std::string words = fmt::format("--input {} --output {} --json {}", kept, (folder_ / "d").string(),
                                        (folder_ / "lp.json").string());
  const JobRun lp = run_in_process(Job::lp, lp_job, words_of(words), world_);
  EXPECT_EQ(lp.code, ExitCode::done) << lp.error;
  const auto answer = nlohmann::json::parse(read_file(folder_ / "lp.json"));
  const double objective = result.rounds[0].lp.value().objective;
  EXPECT_NEAR(answer["objective"].get<double>(), objective, 1e-8 * std::abs(objective));
  const SafetensorsFile file(kept);
  const auto& probes = file.at("probes");
  EXPECT_EQ(probes.shape, (std::vector<std::int64_t>{5, result.n}));
  const TunedLayout layout(toy_config(), {.blocks = {0, 1}, .mlp_only = {0}, .regularizers = {}});
  std::vector<float> values(static_cast<std::size_t>(5 * result.n));
  std::memcpy(values.data(), probes.bytes.data(), probes.bytes.size());
  for (int probe = 0; probe < 5; ++probe) {
    const std::span<const float> v(values.data() + probe * result.n, static_cast<std::size_t>(result.n));
    EXPECT_NEAR(std::inner_product(v.begin(), v.end(), v.begin(), 0.0), 1.0, 1e-5);
    for (const auto& [begin, end] : key_biases(layout)) {
      for (auto k = begin; k < end; ++k) EXPECT_EQ(v[static_cast<std::size_t>(k)], 0.0F);
    }
  }
}

TEST_F(RunJob, KeepsOneInstanceForEachRound) {
  result_of("run", kShort + "--search.rounds 2 --search.keep " + (folder_ / "kept.safetensors").string(),
            world_);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "kept-1.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "kept-2.safetensors"));
}

TEST_F(RunJob, WorksWithoutRegularisersAndWithoutWarmup) {
  const RunResult result =
      result_of("run", std::string(kSmall) + "--tune.regularizers 0:0,1:0 --warmup.epochs 0", world_);
  EXPECT_EQ(result.p, 0);
  EXPECT_THAT(result.rounds[0].lambda_after, IsEmpty());
  EXPECT_EQ(result.before.valid.value().loss, result.epochs[0].valid);
}

TEST_F(RunJob, ADryRunSaysThePlanAndWritesNothing) {
  const JobRun ending = run("run", kShort + "--dry-run", world_);
  EXPECT_EQ(ending.code, ExitCode::done) << ending.error;
  EXPECT_FALSE(std::filesystem::exists(out("run")));
  if (world_.is_root()) {
    EXPECT_THAT(ending.out, AllOf(HasSubstr("warmup.lr"), HasSubstr("command line"), HasSubstr("5 rows"),
                                  HasSubstr("9 valid")));
  }
}

TEST_F(RunJob, RefusesWhatIsWrongAndLeavesNoFolder) {
  const auto expect = [&](const std::string& more, ExitCode code, const std::string& part) {
    SCOPED_TRACE(more);
    const JobRun ending = run("bad", more, world_);
    EXPECT_EQ(ending.code, code);
    EXPECT_THAT(ending.error, HasSubstr(part));
    EXPECT_FALSE(std::filesystem::exists(out("bad")));
  };
  const std::string data = folder_.path().string();
  const auto expect_words = [&](const std::string& words, ExitCode code, const std::string& part) {
    SCOPED_TRACE(words);
    const JobRun ending =
        run_in_process(Job::run, run_job, words_of(words + " --out " + out("bad").string()), world_);
    EXPECT_EQ(ending.code, code);
    EXPECT_THAT(ending.error, HasSubstr(part));
    EXPECT_FALSE(std::filesystem::exists(out("bad")));
  };
  const std::string model = "--model " + data + "/model --cache none ";
  expect_words(model + "--data " + data + "/data --length 16 --tune.blocks 2", ExitCode::usage, "2");
  expect_words(model + "--data " + data + "/data --length 64 --tune.blocks 1", ExitCode::usage,
               "32 positions");
  expect_words(model + "--data " + data + "/none --length 16 --tune.blocks 1", ExitCode::input, "none");
  expect_words("--model " + data + "/none --data " + data + "/data --tune.blocks 1", ExitCode::input, "none");
  expect("--tune.regularizers 1:99", ExitCode::usage, "99");
  expect("--search.keep " + data + "/nowhere/kept.safetensors", ExitCode::input, "nowhere");
}

TEST_F(RunJob, RefusesAFolderThatHoldsAnotherRun) {
  result_of("run", kShort, world_);
  const std::string before = text_of(out("run") / "result.json");
  const JobRun ending = run("run", kShort, world_);
  EXPECT_EQ(ending.code, ExitCode::usage);
  EXPECT_THAT(ending.error, HasSubstr(out("run").string()));
  EXPECT_EQ(text_of(out("run") / "result.json"), before);
}

TEST_F(RunJob, ALossThatIsNotFiniteKeepsTheLastGoodWeights) {
  const JobRun ending =
      run("run", std::string(kSmall) + "--warmup.epochs 2 --warmup.lr 1e30 --warmup.clip 0", world_);
  EXPECT_EQ(ending.code, ExitCode::numerical);
  EXPECT_THAT(ending.error, HasSubstr("epoch 1 of 2"));
  EXPECT_TRUE(std::filesystem::exists(out("run") / "checkpoints/last-good/model.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(out("run") / "result.json"));
}

TEST_F(RunJob, ReadsEveryOptionItLists) {
  EXPECT_THAT(run("run", kShort, world_).unread, ElementsAre("petsc"));  // lift_main reads that one
}

TEST_F(RunJob, PretrainKeepsTheLastGoodWeights) {
  const std::string words = fmt::format(
      "--data {0}/data --tokenizer {0}/model --out {0}/new --cache none --layers 2 --width 16 --heads 2 "
      "--positions 32 --length 16 --epochs 3 --lr 1e30",
      folder_.path().string());
  const JobRun ending = run_in_process(Job::pretrain, pretrain_job, words_of(words), world_);
  EXPECT_EQ(ending.code, ExitCode::numerical);
  EXPECT_THAT(ending.error, HasSubstr("last-good"));
  const JobRun kept = run_in_process(
      Job::evaluate, evaluate_job,
      words_of(fmt::format("--model {0}/new/last-good --data {0}/data --cache none --length 16",
                           folder_.path().string())),
      world_);
  EXPECT_EQ(kept.code, ExitCode::done) << kept.error;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new/model.safetensors"));
}

TEST_F(RunJob, PretrainWritesAModelThatRunsAndLearns) {
  const std::string words = fmt::format(
      "--data {0}/data --tokenizer {0}/model --out new --cache none --layers 2 --width 16 --heads 2 "
      "--positions 32 "
      "--length 16 --epochs 3 --lr 1e-2 --json {0}/pretrain.json",
      folder_.path().string());
  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());  // a folder without a parent
  const JobRun ending = run_in_process(Job::pretrain, pretrain_job, words_of(words), world_);
  std::filesystem::current_path(here);
  EXPECT_EQ(ending.code, ExitCode::done) << ending.error;
  EXPECT_THAT(ending.unread, IsEmpty());
  const auto epochs = nlohmann::json::parse(read_file(folder_ / "pretrain.json"))["epochs"];
  EXPECT_LT(epochs.back()["valid"].get<double>(), 0.8 * epochs.front()["valid"].get<double>());
  const std::string run_words = fmt::format(
      "--model {0}/new --data {0}/data --cache none --length 16 --tune.blocks 1 --out {0}/tuned {1}",
      folder_.path().string(), kShort);
  EXPECT_EQ(run_in_process(Job::run, run_job, words_of(run_words), world_).code, ExitCode::done);
}

}  // namespace
}  // namespace lift
