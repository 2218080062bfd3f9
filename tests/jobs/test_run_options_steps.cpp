#include <ATen/Context.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "jobs/evaluate_job.hpp"
#include "jobs/run_record.hpp"
#include "mpi/device.hpp"
#include "src/model/checkpoint.hpp"
#include "src/model/safetensors.hpp"
#include "tests/jobs/run_options.hpp"
#include "tests/src/objective/live_bytes.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST_F(RunOptions, TheLineSearchMayStartFromTheModel) {
  const auto found = result("--search.line model --search.steps 9");
  EXPECT_LE(found.rounds[0].line_search.size(), 9u);
  const auto steps = [&](const std::string& more) {
    const auto run = result(more);
    std::vector<double> all;
    for (const auto& [t, loss] : run.rounds[0].line_search) all.push_back(t);
    return all;
  };
  EXPECT_THAT(steps("--search.steps 12"), testing::IsSupersetOf(grid_of(12, 1.5)));
  EXPECT_THAT(steps("--search.steps 12 --search.max-step 0.7"), testing::IsSupersetOf(grid_of(12, 0.7)));
}

TEST_F(RunOptions, StepsOfTheInterpolationAreWork) {
  const auto steps = [](const RunResult& found) {
    std::int64_t all = 0;
    for (const RankWork& rank : found.work) all = std::max(all, rank.line_search_steps);
    return all;
  };
  const auto found = result("--search.rounds 0 --recover.interpolate on --warmup.epochs 4");
  EXPECT_GT(steps(found), 0);
  EXPECT_LE(steps(found), std::ssize(found.stages.at(0).line_search));
  EXPECT_EQ(steps(result("--search.rounds 0 --warmup.epochs 4")), 0);
}

TEST_F(RunOptions, TheSeedIsOfTheProbesAndTheOrderOfTheBatches) {
  const auto first = result("--deterministic --warmup.epochs 1"),
             again = result("--deterministic --warmup.epochs 1"),
             other = result("--deterministic --warmup.epochs 1 --seed 1");
  EXPECT_EQ(again.after.valid->loss, first.after.valid->loss);
  EXPECT_NE(other.before.valid->loss, first.before.valid->loss);
  EXPECT_EQ(other.epochs[0].valid, first.epochs[0].valid);
  EXPECT_NE(result("--warmup.epochs 0 --seed 1").rounds[0].lp->objective,
            result("--warmup.epochs 0").rounds[0].lp->objective);
}

TEST_F(RunOptions, TheAnswerIsAFileToo) {
  result("--json " + path("answer.json").string());
  world_.barrier();
  EXPECT_EQ(text_of(path("answer.json")), text_of(path(out()) / "result.json"));
}

TEST_F(RunOptions, NothingIsWatchedOnRequest) {
  EXPECT_THAT(result("").rounds[0].curves, IsEmpty());
  const auto curves = result("--search.watch 4").rounds[0].curves;
  EXPECT_THAT(curves, SizeIs(2));
  EXPECT_THAT(curves.at("test"), SizeIs(testing::AllOf(testing::Ge(3u), testing::Le(6u))));
}

TEST_F(RunOptions, RecoveryComesBeforeTheRounds) {
  const std::string overfit = "--warmup.epochs 8 --warmup.lr 3e-2 --recover.interpolate on ";
  EXPECT_THAT(stages(result(overfit)), ElementsAre("interpolation", "round 1"));
  const auto some = result(overfit + "--recover.corrector-epochs 1");
  EXPECT_THAT(stages(some), ElementsAre("interpolation", "corrector", "round 1"));
  EXPECT_NE(result(overfit + "--recover.corrector-epochs 2").stages[1].selection, some.stages[1].selection);
  ASSERT_GT(some.stages[0].t, 0.0);
  ASSERT_LT(some.stages[0].t, 1.0) << "an overshoot makes a difference";
  EXPECT_NE(result(overfit + "--recover.corrector-epochs 1 --recover.overshoot 1").stages[1].selection,
            some.stages[1].selection);
}

TEST_F(RunOptions, ACorrectorThatDivergesDoesNotEndTheRun) {
  const auto found = result(
      "--warmup.epochs 1 --warmup.clip 0 --search.rounds 0 --recover.interpolate on "
      "--recover.corrector-epochs 1 --search.corrector-lr 1e30");
  ASSERT_THAT(stages(found), ElementsAre("interpolation", "corrector"));
  EXPECT_FALSE(found.stages[1].test.has_value());
  EXPECT_LE(found.after.valid->loss, found.before.valid->loss);
}

TEST_F(RunOptions, TheLearningRateIsAHyperparameterOnRequest) {
  const auto found = result("--tune.learning-rate on --search.corrector-steps 2");
  ASSERT_THAT(found.stages, SizeIs(6));
  for (std::size_t k = 1; k < 6; ++k) EXPECT_THAT(found.stages[k].name, StartsWith("learning rate"));
}

TEST_F(RunOptions, PrecisionRoundsTheTrainingStepsAlone) {
  const auto exact = result("--warmup.epochs 2"), rounded = result("--warmup.epochs 2 --precision bf16");
  EXPECT_EQ(rounded.epochs[0].valid, exact.epochs[0].valid) << "evaluations stay in float32";
  EXPECT_NE(rounded.epochs[2].valid, exact.epochs[2].valid);
  EXPECT_NEAR(rounded.epochs[2].valid, exact.epochs[2].valid, 0.02);
  EXPECT_TRUE(rounded.self_check->passed) << "and so do second derivatives";
  EXPECT_EQ(rounded.warmup_units, exact.warmup_units);
  const auto wide = result("--warmup.epochs 2 --precision fp64");
  EXPECT_NE(wide.epochs[0].valid, exact.epochs[0].valid);
  EXPECT_NEAR(wide.epochs[0].valid, exact.epochs[0].valid, 1e-6);
}

TEST_F(RunOptions, Tf32NeedsAGpu) {
  if (!visible_devices().empty()) GTEST_SKIP() << "this machine has a GPU";
  const JobRun ending = run("--tune.blocks 0,1 --precision tf32");
  EXPECT_EQ(ending.code, ExitCode::usage);
  EXPECT_THAT(ending.error, HasSubstr("--precision tf32 needs a GPU"));
  EXPECT_EQ(run("--tune.blocks 0,1 --precision tf32 --dry-run").code, ExitCode::done);
  expect_refusal("--precision bf16 --warmup.epochs 0", "no training step");
}

TEST_F(RunOptions, DeterministicLetsNoOtherKernelsRun) {
  const auto before = result("");
  EXPECT_FALSE(at::globalContext().deterministicAlgorithms());
  const auto with = result("--deterministic");
  EXPECT_TRUE(at::globalContext().deterministicAlgorithms());
  EXPECT_FALSE(at::globalContext().deterministicAlgorithmsWarnOnly());
  if (visible_devices().empty()) {
    EXPECT_EQ(with.after.test->loss, before.after.test->loss) << "on the CPU all kernels are";
  }
  result("");
  EXPECT_FALSE(at::globalContext().deterministicAlgorithms());
}

TEST(Reproducibility, OfAnAcceleratorIsPromisedOnlyWithDeterministic) {
  Binding cpu, gpu;
  cpu.threads = 3;
  gpu.device = 0;
  gpu.name = "H200";
  EXPECT_THAT(reproducibility(cpu, false, 2, DeviceRoute::host),
              StartsWith("same bits with 2 ranks of 3 threads"));
  EXPECT_THAT(reproducibility(gpu, false, 2, DeviceRoute::host), StartsWith("not to the bit"));
  EXPECT_THAT(reproducibility(gpu, true, 2, DeviceRoute::nccl),
              StartsWith("same bits with 2 ranks, each on one H200"));
  EXPECT_THAT(reproducibility(gpu, true, 4, DeviceRoute::host),
              StartsWith("same bits with 4 ranks, each on one H200"));
  EXPECT_THAT(reproducibility(gpu, true, 4, DeviceRoute::nccl),
              StartsWith("same bits but for NCCL's sums over 4 ranks"));
}

TEST_F(RunOptions, TheModelIsWrittenInTheTypeAskedFor) {
  const auto wide = result("--save.dtype f32"), half = result("--save.dtype bf16");
  const SafetensorsFile file(path(out()) / "model/model.safetensors");
  for (const auto& [name, entry] : file.entries()) EXPECT_EQ(entry.type, StoredType::bf16) << name;
  EXPECT_NE(half.after.valid->loss, wide.after.valid->loss) << "after is of the model written";
  EXPECT_NEAR(half.after.valid->loss, wide.after.valid->loss, 1e-2);
  const auto answer = path("answer.json");
  const JobRun evaluated = run_in_process(
      Job::evaluate, evaluate_job,
      words_of(
          fmt::format("--model {0}/{1}/model --data {0}/data --cache none --length 16 --limit 8 --json {2}",
                      folder_.path().string(), out(), answer.string())),
      world_);
  ASSERT_EQ(evaluated.code, ExitCode::done) << evaluated.error;
  world_.barrier();
  EXPECT_NEAR(nlohmann::json::parse(text_of(answer)).at("loss").get<double>(), half.after.valid->loss, 1e-7);
  EXPECT_EQ(half.rounds[0].line_search, wide.rounds[0].line_search);
}

TEST_F(RunOptions, WeightsThatDoNotFitAreKeptInFloat32) {
  if (world_.is_root()) {
    Gpt2 model = load_checkpoint(path("model"), at::kFloat, at::kCPU, Communicator::self());
    model.set("ln_f.bias", at::full(model.tensor("ln_f.bias").sizes(), 1e5));
    save_checkpoint(path("model"), model, path("model"), {"ln_f.bias"});
  }
  world_.barrier();
  const JobRun ending = run("--tune.blocks 0,1 --search.rounds 0 --save.dtype f16");
  EXPECT_EQ(ending.code, ExitCode::numerical);
  EXPECT_THAT(ending.error, HasSubstr("--save.dtype"));
  EXPECT_TRUE(std::filesystem::exists(path(out()) / "checkpoints/last-good/model.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(path(out()) / "model"));
}

TEST_F(RunOptions, RecomputedActivationsChangeRoundingOnly) {
  const auto peak_of = [&](RunResult& found, const std::string& more) {
    const LiveBytes memory;
    found = result(more);
    return static_cast<double>(memory.peak());
  };
  RunResult kept, again;
  const double whole = peak_of(kept, "--precision fp64 --micro-batch 4"),
               part = peak_of(again, "--precision fp64 --micro-batch 4 --recompute on");
  EXPECT_EQ(peak_of(kept, "--precision fp64 --micro-batch 4"), whole) << "else what follows shows nothing";
  EXPECT_NE(part, whole) << "of so small a model recomputation holds more";
  EXPECT_NEAR(again.before.valid->loss, kept.before.valid->loss, 1e-12);
  const double objective = kept.rounds[0].lp->objective;
  EXPECT_NEAR(again.rounds[0].lp->objective, objective, 1e-10 * std::abs(objective));
}

TEST_F(RunOptions, MicroBatchesChangeRoundingOnly) {
  const auto whole = result("--precision fp64 --micro-batch 4"),
             single = result("--precision fp64 --micro-batch 1");
  const double objective = whole.rounds[0].lp->objective;
  EXPECT_NEAR(single.rounds[0].lp->objective, objective, 1e-10 * std::abs(objective));
  EXPECT_NE(single.rounds[0].lp->y, whole.rounds[0].lp->y) << "another order of sums";
}

TEST_F(RunOptions, SaysWhereLambdaCannotMove) {
  const JobRun still = run("--tune.blocks 0,1 --search.probes 2 --regularizer l2-sp --warmup.epochs 0");
  ASSERT_EQ(still.code, ExitCode::done) << still.error;
  const RunResult found = read_result(path(out()) / "result.json");
  EXPECT_EQ(found.rounds[0].lambda_after, found.rounds[0].lambda_before);
  EXPECT_EQ(still.warnings.find("round 1 cannot move lambda") != std::string::npos, world_.is_root())
      << "said once: " << still.warnings;
  const JobRun moved = run("--tune.blocks 0,1 --search.probes 2 --regularizer l2-sp --warmup.epochs 1");
  EXPECT_THAT(moved.warnings, Not(HasSubstr("cannot move lambda")));
}

TEST_F(RunOptions, SaysWhatHasNoEffectWithoutAGroup) {
  const JobRun ending = run("--tune.blocks 0,1 --tune.regularizers 0:0,1:0 --warmup.lambda 1 --dry-run");
  ASSERT_EQ(ending.code, ExitCode::done) << ending.error;
  const auto said = ending.warnings.find("without effect where no group is regularised: --warmup.lambda\n");
  EXPECT_EQ(said != std::string::npos, world_.is_root()) << ending.warnings;
}

TEST_F(RunOptions, PresetsSetWhatIsNotGivenByHand) {
  const auto recover = result("--preset recover --search.rounds 1 --warmup.epochs 3", "--tune.blocks 0,1 ");
  EXPECT_THAT(recover.stages.at(0).name, "interpolation");
  const auto kept =
      result("--preset recover --recover.interpolate off --search.rounds 1", "--tune.blocks 0,1 ");
  EXPECT_THAT(kept.stages.at(0).name, "corrector");
  EXPECT_EQ(recover.m, 4);
  EXPECT_EQ(result("--preset recover --search.rounds 1 --search.probes 2", "--tune.blocks 0,1 ").m, 2);
}

TEST_F(RunOptions, NoSplitIsEvaluatedAgainAtTheSameW) {
  const auto evaluated = [](const RunResult& found) {
    std::int64_t sequences = 0;
    for (const RankWork& rank : found.work) sequences += rank.sequences;
    return sequences;
  };
  const auto none = result("--search.rounds 0 --warmup.epochs 1");
  EXPECT_EQ(evaluated(none), 2 * (8 + 8) + 2 * 8) << "valid and test an epoch, train before and after";
  EXPECT_EQ(none.after.valid->loss, none.before.valid->loss);
  const auto watched = result("--warmup.epochs 1 --search.watch 3");
  const RoundResult& round = watched.rounds.at(0);
  const auto& test = round.curves.at("test");
  const auto taken = std::ranges::find(test, round.t_star, &std::pair<double, double>::first);
  ASSERT_NE(taken, test.end());
  EXPECT_EQ(watched.stages.at(0).test->loss, taken->second);
  EXPECT_EQ(watched.after.test->loss, taken->second);
}

TEST_F(RunOptions, AHeldOutPartIsCounted) {
  EXPECT_EQ(result("").selection_sequences, 0);
  EXPECT_EQ(result("--search.holdout 0.3").selection_sequences, 2);
}

TEST_F(RunOptions, ForwardUnitsCountWhatTheSearchSpends) {
  const auto none = result("--search.rounds 0 --warmup.epochs 1"), one = result("--warmup.epochs 1");
  EXPECT_EQ(none.warmup_units, one.warmup_units);
  EXPECT_EQ(one.warmup_units, 3 * 12 + 2 * 8) << "12 training sequences, and twice 8 of valid";
  EXPECT_EQ(none.search_units, 0) << "the warm-up has found the loss that a search starts from";
  EXPECT_EQ(result("--search.rounds 0 --warmup.epochs 1 --search.holdout 0.5").search_units, 4)
      << "but not that of a held-out part";
  EXPECT_GT(one.search_units, 30 * 8);
  const auto watched = result("--warmup.epochs 1 --search.watch 5");
  EXPECT_EQ(watched.search_units, one.search_units) << "what is only reported is not counted";
}

}  // namespace
}  // namespace lift
