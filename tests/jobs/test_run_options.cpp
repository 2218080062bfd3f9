#include <ATen/Context.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "jobs/evaluate_job.hpp"
#include "jobs/run_job.hpp"
#include "jobs/run_record.hpp"
#include "mpi/device.hpp"
#include "mpi/error.hpp"
#include "solvers/session.hpp"
#include "src/model/checkpoint.hpp"
#include "src/model/safetensors.hpp"
#include "src/report/run_result.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

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
      EXPECT_THAT(error.what(), HasSubstr(part));
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

TEST_F(RunOptions, WarmupKeepLeavesCheckpointsOfItsEpochs) {
  result("--warmup.epochs 2 --warmup.keep 1");
  EXPECT_TRUE(std::filesystem::exists(path(out()) / "checkpoints/epoch-1/model.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(path(out()) / "checkpoints/epoch-2"));
  expect_refusal("--warmup.epochs 2 --warmup.keep 3", "epoch 3 is beyond");
}

TEST_F(RunOptions, StartTakesTheTunedTensorsAndLeavesThePretrainedOnesWhereTheyAre) {
  const auto first = result("--warmup.epochs 2");
  const std::string start = (path(out()) / "model").string();
  const auto second = result("--warmup.epochs 0 --direction wise --start " + start, "--tune.blocks 0,1 ");
  EXPECT_NEAR(second.before.valid->loss, first.after.valid->loss, 1e-6);
  // t = 1 of wise is the model itself.
  const auto& losses = second.rounds[0].line_search;
  const auto one =
      std::ranges::min_element(losses, {}, [](const auto& l) { return std::abs(l.first - 1.0); });
  EXPECT_NEAR(one->second, first.epochs[0].valid, 1e-5);
}

TEST_F(RunOptions, StartRefusesAnotherModel) {
  result("--warmup.epochs 1", "--tune.blocks 0,1 ");
  const std::string start = (path(out()) / "model").string();
  const JobRun ending = run("--tune.blocks 0 --start " + start);
  EXPECT_EQ(ending.code, ExitCode::usage);
  EXPECT_THAT(ending.error, HasSubstr("differs from --model's"));
}

TEST_F(RunOptions, EmbeddingsAreTunedAndRegularised) {
  const auto without = result(""), with = result("--tune.embeddings 2");
  const auto config = toy_config();
  EXPECT_EQ(with.n - without.n, std::int64_t{config.width} * (config.vocabulary + config.positions));
  EXPECT_EQ(with.p, without.p + 2);
  EXPECT_EQ(result("--tune.embeddings 0").p, without.p);
  EXPECT_TRUE(with.self_check->passed);
}

TEST_F(RunOptions, FirstBlocksAreThoseBlocks) {
  EXPECT_EQ(result("", "--tune.first-blocks 2 ").n, result("").n);
}

TEST_F(RunOptions, TheRegulariserMayBeAroundThePretrainedWeights) {
  const auto l2 = result("--warmup.lambda 0.1"), sp = result("--warmup.lambda 0.1 --regularizer l2-sp");
  EXPECT_NE(l2.before.valid->loss, sp.before.valid->loss);
  EXPECT_EQ(l2.rounds[0].lambda_before, std::vector<double>(2, 0.1));
  for (const double lambda : sp.rounds[0].lambda_before) {
    EXPECT_NE(lambda, 0.1) << "balanced at the start of the search";
    EXPECT_GT(lambda, 0.0);
  }
}

TEST_F(RunOptions, SearchLambdaIsWhatTheSearchStartsFrom) {
  EXPECT_EQ(result("--search.lambda 0.25").rounds[0].lambda_before, std::vector<double>(2, 0.25));
  EXPECT_EQ(result("--search.lambda 0.25 --regularizer l2-sp").rounds[0].lambda_before,
            std::vector<double>(2, 0.25));
}

TEST_F(RunOptions, AHoldoutChoosesTheStepOnOtherSequences) {
  const auto all = result(""), held = result("--search.holdout 0.5");
  EXPECT_NEAR(all.rounds[0].line_search[0].second, all.before.valid->loss, 1e-6);
  EXPECT_GT(std::abs(held.rounds[0].line_search[0].second - held.before.valid->loss), 1e-4);
  EXPECT_NE(all.rounds[0].lp->objective, held.rounds[0].lp->objective);
}

TEST_F(RunOptions, RoundsEndAtTheLeastGain) {
  EXPECT_THAT(result("--search.rounds 2").rounds, SizeIs(2));
  EXPECT_THAT(result("--search.rounds 3 --search.min-gain 5").rounds, SizeIs(1));
  EXPECT_THAT(result("--search.rounds 0").rounds, IsEmpty());
}

TEST_F(RunOptions, CorrectorsStandBetweenRounds) {
  const auto few = result("--search.rounds 2 --search.corrector-steps 2");
  EXPECT_THAT(stages(few), ElementsAre("round 1", "corrector before round 2", "round 2"));
  const auto epoch = result("--search.rounds 2 --search.corrector-steps epoch");
  EXPECT_NE(few.stages[1].selection, epoch.stages[1].selection);
  const auto slow = result("--search.rounds 2 --search.corrector-steps 2 --search.corrector-lr 1e-5");
  EXPECT_NE(few.stages[1].selection, slow.stages[1].selection);
}

TEST_F(RunOptions, DirectionsOtherThanTheProgramHaveNone) {
  for (const char* direction : {"gradient", "sign", "wise", "exact"}) {
    SCOPED_TRACE(direction);
    const std::string damping = direction == std::string("exact") ? " --search.damping 10" : "";
    const auto found =
        result("--warmup.epochs 2 --direction " + std::string(direction) + damping, "--tune.blocks 0,1 ");
    EXPECT_FALSE(found.rounds[0].lp.has_value());
    EXPECT_EQ(found.rounds[0].implicit.has_value(), direction == std::string("exact"));
    EXPECT_EQ(found.m, 0);
    EXPECT_LE(found.after.valid->loss, found.before.valid->loss);
  }
  EXPECT_TRUE(result("--direction lp").rounds[0].lp.has_value());
}

TEST_F(RunOptions, ProbesAreOfTheirKindAndSpace) {
  const double random = objective("");
  EXPECT_NE(objective("--search.probe-kind krylov"), random);
  EXPECT_NE(objective("--search.probe-space joint"), random);
  const auto adjoint = result("--search.probe-kind adjoint --search.damping 10", "--tune.blocks 0,1 ");
  EXPECT_EQ(adjoint.m, 1);
  ASSERT_TRUE(adjoint.rounds[0].implicit.has_value());
  EXPECT_THAT(adjoint.rounds[0].implicit->gamma, SizeIs(2));
  expect_refusal("--search.probe-space joint --search.probe-kind krylov", "random probes");
  expect_refusal("--search.probe-kind adjoint --search.probes 4", "one row");
}

TEST_F(RunOptions, DifferencesTakeGradientsInPlaceOfProducts) {
  const auto work = [](const RunResult& result) {
    std::int64_t gradients = 0, products = 0;
    for (const auto& rank : result.work) {
      gradients += rank.gradients;
      products += rank.hvp_sequences;
    }
    return std::pair(gradients, products);
  };
  const auto exact = work(result("")), forward = work(result("--search.hvp forward")),
             central = work(result("--search.hvp central"));
  EXPECT_EQ(exact.second - forward.second, 3 * 4);  // three probes of four sequences
  EXPECT_EQ(central.first - exact.first, 2 * 3 * 4);
  EXPECT_GE(forward.first - exact.first, (3 + 1) * 4);
  EXPECT_NE(objective("--search.hvp forward --search.fd-step 0.5"),
            objective("--search.hvp forward --search.fd-step 0.05"));
  expect_refusal("--search.fd-step 0.1", "--search.hvp exact");
}

TEST_F(RunOptions, CurvatureMayBeGaussNewtonOrTheIdentity) {
  EXPECT_NE(objective("--search.curvature ggn"), objective(""));
  expect_refusal("--search.curvature ggn --search.hvp central", "ggn");
  EXPECT_NE(objective("--search.curvature identity"), objective(""));
  expect_refusal("--search.curvature identity --search.probe-kind krylov", "a control");
  expect_refusal("--search.curvature ggn --tune.embeddings 1", "frozen head");
}

TEST_F(RunOptions, ImplicitSolvesKeepTheirDampingToleranceAndLimit) {
  const std::string exact = "--direction exact ";
  const auto solve = [&](const std::string& more) {
    return result(exact + more, "--tune.blocks 0,1 ").rounds.at(0).implicit.value();
  };
  EXPECT_EQ(solve("--search.damping 20").mu, 20.0);
  EXPECT_LT(solve("--search.damping 20 --search.solve-tol 0.3").products,
            solve("--search.damping 20 --search.solve-tol 1e-5").products);
  EXPECT_LE(solve("--search.max-hvps 12").products, 12 + 2);
  EXPECT_GT(solve("--search.solve-tol 1e-6").products, 12 + 2);
  expect_refusal("--search.damping 1", "without an implicit solve");
}

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

TEST_F(RunOptions, TrustRegionsDiffer) {
  const double box = objective("");
  EXPECT_NE(objective("--lp.trust-region l2"), box);
  const JobRun unbounded = run("--tune.blocks 0,1 --lp.trust-region none");
  EXPECT_EQ(unbounded.code, ExitCode::numerical);
  EXPECT_THAT(unbounded.error, HasSubstr("unbounded"));
  EXPECT_NE(objective("--lp.radius-unit norm --lp.radius 0.1"), objective("--lp.radius 0.1"));
  EXPECT_NE(objective("--lp.radius-unit absolute --lp.radius 0.1"), objective("--lp.radius 0.1"));
  EXPECT_NEAR(objective("--lp.radius-unit norm --lp.radius 0.2 --tune.regularizers 0:0,1:0"),
              2 * objective("--lp.radius-unit norm --lp.radius 0.1 --tune.regularizers 0:0,1:0"), 1e-6);
}

TEST_F(RunOptions, AProgramOfTheAdjointRowNeedsNoTrustRegion) {
  const auto found =
      result("--search.probe-kind adjoint --search.damping 10 --lp.trust-region none", "--tune.blocks 0,1 ");
  const auto& round = found.rounds.at(0);
  EXPECT_EQ(round.lp->status, "optimal");
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_LE((round.lambda_after[i] - round.lambda_before[i]) * round.implicit->gamma[i], 0.0);
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
  const auto said = [](const Binding& binding, bool deterministic, int ranks, DeviceRoute route) {
    return reproducibility(binding, deterministic, ranks, route);
  };
  EXPECT_THAT(said(cpu, false, 2, DeviceRoute::host), StartsWith("same bits with 2 ranks of 3 threads"));
  EXPECT_THAT(said(gpu, false, 2, DeviceRoute::host), StartsWith("not to the bit"));
  EXPECT_THAT(said(gpu, true, 2, DeviceRoute::nccl), StartsWith("same bits with 2 ranks, each on one H200"));
  EXPECT_THAT(said(gpu, true, 4, DeviceRoute::host), StartsWith("same bits with 4 ranks, each on one H200"));
  EXPECT_THAT(said(gpu, true, 4, DeviceRoute::nccl),
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
  const auto kept = result("--precision fp64"), again = result("--precision fp64 --recompute on");
  EXPECT_NEAR(again.before.valid->loss, kept.before.valid->loss, 1e-12);
  const double objective = kept.rounds[0].lp->objective;
  EXPECT_NEAR(again.rounds[0].lp->objective, objective, 1e-10 * std::abs(objective));
}

TEST_F(RunOptions, PresetsSetWhatIsNotGivenByHand) {
  const auto recover = result("--preset recover --search.rounds 1 --warmup.epochs 3", "--tune.blocks 0,1 ");
  EXPECT_THAT(recover.stages.at(0).name, "interpolation");
  const auto kept =
      result("--preset recover --recover.interpolate off --search.rounds 1", "--tune.blocks 0,1 ");
  EXPECT_THAT(kept.stages.at(0).name, "corrector");
  EXPECT_EQ(result("--preset paper", "--tune.blocks 0,1 ").m, 16);
  EXPECT_EQ(result("--preset paper --search.probes 2", "--tune.blocks 0,1 ").m, 2);
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
