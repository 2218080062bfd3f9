// `lift baseline METHOD`: the rivals as runs.
#include <gmock/gmock.h>

#include <cmath>

#include "jobs/method_choice.hpp"
#include "jobs/run_plan.hpp"
#include "tests/jobs/run_options.hpp"

namespace lift {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Baseline : public RunOptions {
 protected:
  RunResult rival(const std::string& method, const std::string& more = "") {
    return result(fmt::format("--method {} --warmup.epochs 6 --warmup.lr 3e-2 {}", method, more),
                  "--tune.blocks 0,1 ");
  }
};

constexpr const char* kAll[] = {"early-stop",       "grid", "random",       "train-valid",
                                "validation-steps", "wise", "wise-tensors", "tpgm",
                                "tpgm-once",        "ftp",  "pbgd-free",    "f2sa",
                                "v-pbgd",           "bome", "alright",      "f2sa-lambda"};

TEST_F(Baseline, EachMethodIsARunOfItsOwn) {
  for (const std::string method : kAll) {
    const bool has_steps = !method.starts_with("wise");
    const RunResult found = rival(method, has_steps ? "--method.steps 6" : "");
    EXPECT_EQ(found.method.name, method);
    EXPECT_THAT(found.rounds, IsEmpty()) << method;
    EXPECT_FALSE(found.self_check) << method;
    ASSERT_FALSE(found.stages.empty()) << method;
    EXPECT_TRUE(found.stages.back().test) << method;
    EXPECT_GT(found.search_units, 0) << method;
    EXPECT_FALSE(found.kept_stage.empty()) << method;
    if (method != "train-valid") {
      EXPECT_LE(found.after.valid->loss, found.before.valid->loss) << method;
    }
    EXPECT_EQ(
        found.method.penalty.has_value(),
        penalty_method(
            method_options(
                Options::parse(Job::run,
                               words_of("--model m --data d --out o --tune.blocks 0 --method " + method)))
                .method)
            .has_value());
  }
}

TEST_F(Baseline, TheWarmUpIsThatOfLiftsOwnRun) {
  const RunResult lift = result("--warmup.epochs 6 --warmup.lr 3e-2"), other = rival("wise");
  EXPECT_EQ(other.before.valid->loss, lift.before.valid->loss);
  EXPECT_EQ(lift.method.name, "lift");
  EXPECT_EQ(other.warmup_units, lift.warmup_units);
}

TEST_F(Baseline, ABudgetIsWhatAMethodCosts) {
  for (const std::string method : {"early-stop", "grid", "validation-steps", "tpgm", "tpgm-once", "f2sa"}) {
    const RunResult found = rival(method, "--method.budget 900 --batch 2");
    EXPECT_LE(found.search_units, 900) << method;
    EXPECT_GT(found.search_units, 600) << method;
  }
}

TEST_F(Baseline, StopsEarlyFromThePretrainedWeights) {
  const RunResult found = rival("early-stop", "--method.steps 18 --method.evaluations 6");
  ASSERT_THAT(found.stages, SizeIs(1));
  EXPECT_THAT(found.stages[0].line_search, SizeIs(7));
  EXPECT_EQ(found.stages[0].line_search[0].second, found.epochs[0].valid)
      << "it starts at the pretrained weights";
  const RunResult on = rival("early-stop", "--method.steps 18 --method.start warmup");
  EXPECT_EQ(on.stages[0].line_search[0].second, on.before.valid->loss);
}

TEST_F(Baseline, TheGridTriesEachLambda) {
  const RunResult found =
      rival("grid", "--method.steps 9 --method.trials 3 --method.lambda-low 1e-6 --method.lambda-high 1e-2");
  EXPECT_THAT(stages(found), ElementsAre("lambda 1e-06", "lambda 0.0001", "lambda 0.01"));
}

MethodOptions parsed(const std::string& more) {
  return method_options(
      Options::parse(Job::run, words_of("--model m --data d --out o --tune.blocks 0 " + more)));
}

TEST(BaselineDefaults, TheBoundsOfLambdaAreThoseOfItsRegulariser) {
  const MethodOptions decay = parsed("--method grid --regularizer l2"),
                      around = parsed("--method random --regularizer l2-sp"),
                      given = parsed(
                          "--method grid --regularizer l2-sp --method.lambda-low 1e-7 "
                          "--method.lambda-high 1e-6");
  EXPECT_EQ(std::pair(decay.lambda_low, decay.lambda_high), std::pair(1e-5, 1e-2));
  EXPECT_EQ(std::pair(around.lambda_low, around.lambda_high), std::pair(1e-4, 1e-1));
  EXPECT_EQ(std::pair(given.lambda_low, given.lambda_high), std::pair(1e-7, 1e-6));
}

TEST(BaselineDefaults, TheRateOfVPbgdFallsWithItsPenalty) {
  EXPECT_EQ(parsed("--method v-pbgd --method.lr 4e-3 --penalty.gamma 20").penalty.rate, 4e-3 / 20);
  EXPECT_EQ(parsed("--method v-pbgd --method.lr 4e-3 --penalty.gamma 0.1").penalty.rate, 4e-3);
  EXPECT_EQ(parsed("--method v-pbgd --method.lr 4e-3").penalty.inner_rate, 4e-3) << "of y_g";
  EXPECT_EQ(parsed("--method v-pbgd --penalty.lr 1e-2").penalty.rate, 1e-2);
  for (const std::string method : {"pbgd-free", "f2sa", "bome", "alright"})
    EXPECT_EQ(parsed("--method.lr 4e-3 --method " + method).penalty.rate, 4e-3) << method;
}

TEST_F(Baseline, ReportsTheRadiiOfEveryTensor) {
  for (const std::string method : {"tpgm", "tpgm-once", "ftp"}) {
    const RunResult found = rival(method, "--method.steps 6 --tpgm.exclude .bias");
    ASSERT_THAT(found.method.radii, SizeIs(4 + 12)) << method;
    for (const RadiusResult& radius : found.method.radii) {
      EXPECT_EQ(radius.status == "excluded", radius.tensor.ends_with(".bias")) << radius.tensor;
      if (radius.status == "learned") {
        EXPECT_LE(radius.ratio, 1);
      }
    }
  }
  const RunResult l2 = rival("tpgm-once", "--method.steps 2"),
                  mars = rival("tpgm-once", "--method.steps 2 --tpgm.norm mars");
  EXPECT_THAT(l2.method.radii, Each(Field(&RadiusResult::rows, 1)));
  EXPECT_THAT(mars.method.radii, Contains(Field(&RadiusResult::rows, testing::Gt(1))));
}

TEST_F(Baseline, ReportsHowAPenaltyDescentEnded) {
  const RunResult free = rival("pbgd-free", "--method.steps 5 --penalty.inner 2"),
                  f2sa = rival("f2sa", "--method.steps 5 --penalty.inner 2");
  EXPECT_EQ(free.method.penalty->steps, 5);
  EXPECT_EQ(free.method.penalty->lower_x, 0);
  EXPECT_EQ(free.method.penalty->upper_x + free.method.penalty->upper_y + free.method.penalty->lower_y,
            5 * 5);
  EXPECT_EQ(f2sa.method.penalty->lower_x, 10);
  EXPECT_TRUE(std::isfinite(f2sa.method.penalty->upper));
}

TEST_F(Baseline, ReportsTheFlatnessWithoutChangingTheModelOrTheUnits) {
  for (const std::string method : {"pbgd-free", "f2sa", "v-pbgd", "bome", "alright"}) {
    const auto model = [&] { return read_file(path(out()) / "model/model.safetensors"); };
    const std::string steps = "--method.steps 4 ";
    const RunResult plain = rival(method, steps);
    const std::string before = model();
    const RunResult found = rival(method, steps + "--penalty.flatness 3 --penalty.flatness-steps 5");
    EXPECT_EQ(model(), before) << method;
    EXPECT_EQ(found.search_units, plain.search_units) << method;
    EXPECT_EQ(found.method.penalty->upper, plain.method.penalty->upper) << method;
    EXPECT_FALSE(plain.method.penalty->flatness) << method;
    ASSERT_TRUE(found.method.penalty->flatness) << method;
    const FlatnessResult& flat = *found.method.penalty->flatness;
    EXPECT_EQ(flat.pairs, 3) << method;
    EXPECT_EQ(flat.steps, 5) << method;
    EXPECT_EQ(flat.alpha, 1.5) << method;
    EXPECT_EQ(flat.modulus, 0.5) << method;
    EXPECT_GT(flat.slope, 0) << method;
    EXPECT_GT(flat.distance, 0) << method;
  }
}

TEST_F(Baseline, OptionsChangeWhatTheyName) {
  const auto loss = [&](const std::string& method, const std::string& more) {
    const RunResult found = rival(method, "--method.steps 6 --method.evaluations 6 " + more);
    std::vector<double> losses;
    for (const auto& [part, selection] : found.stages[0].line_search) losses.push_back(selection);
    losses.push_back(found.stages[0].selection);
    return losses;
  };
  for (const std::string more : {"--method.lr 1e-4", "--method.schedule linear", "--warmup.clip 1e-3"})
    EXPECT_NE(loss("early-stop", more), loss("early-stop", "")) << more;
  for (const std::string more : {"--tpgm.every 3", "--tpgm.updates 3", "--tpgm.lr 0.5", "--tpgm.norm l2"})
    EXPECT_NE(loss("tpgm", more), loss("tpgm", "")) << more;
  const std::string overshoot = "--method.lr 0.3 --tpgm.lr 0.3 ";  // radii that are too large are made less
  EXPECT_NE(loss("ftp", overshoot + "--ftp.shrink 0"), loss("ftp", overshoot));
  for (const std::string more : {"--penalty.gamma 2", "--penalty.inner 2", "--penalty.lr 1e-4",
                                 "--penalty.inner-lr 1e-4", "--penalty.rule gradient"})
    EXPECT_NE(loss("f2sa", more), loss("f2sa", "")) << more;
  EXPECT_NE(loss("alright", "--penalty.weight 0.9"), loss("alright", ""));
  EXPECT_THAT(rival("wise", "--method.grid 4").stages[0].line_search, SizeIs(4));
}

TEST_F(Baseline, WhatAMethodDoesNotReadIsRefused) {
  for (const auto& [more, part] : std::initializer_list<std::pair<const char*, const char*>>{
           {"--method wise --search.probes 3", "--search.probes has no meaning with --method wise"},
           {"--method wise --direction sign", "--direction has no meaning with --method wise"},
           {"--method wise --method.steps 3", "--method.steps has no meaning with --method wise"},
           {"--method.steps 3", "--method.steps has no meaning with --method lift"},
           {"--method early-stop --tpgm.every 2", "--tpgm.every has no meaning with --method early-stop"},
           {"--method tpgm --penalty.gamma 2", "--penalty.gamma has no meaning with --method tpgm"},
           {"--method tpgm --method.steps 3 --method.budget 9", "contradict each other"},
           {"--method f2sa-lambda --penalty.flatness 2",
            "--penalty.flatness has no meaning with --method f2sa-lambda"},
           {"--method f2sa --penalty.flatness-steps 2",
            "--penalty.flatness-steps has no meaning without --penalty.flatness"},
           {"--method grid --method.lambda-low 2e-2", "greater than --method.lambda-high: 0.02 > 0.01"},
           {"--method grid --regularizer l2-sp --method.lambda-low 0.2", "--method.lambda-high: 0.2 > 0.1"}})
    expect_refusal(more, part);
}

TEST_F(Baseline, WhatAMethodCannotDoWithTheModelIsRefused) {
  for (const auto& [more, part] : std::initializer_list<std::pair<const char*, const char*>>{
           {"--method tpgm --tpgm.exclude nothing", "nothing"},
           {"--method f2sa --penalty.lower-blocks 2",
            "--penalty.lower-blocks 2: expected at least 1 and fewer than the 2"},
           {"--method grid --tune.regularizers 0:0,1:0", "no group is regularised"},
           {"--method early-stop --method.budget 20", "--method.budget: not enough for one step"}}) {
    const JobRun ending = run(fmt::format("--tune.blocks 0,1 {}", more));
    EXPECT_EQ(ending.code, ExitCode::usage) << more;
    EXPECT_THAT(ending.error, HasSubstr(part));
  }
}

TEST_F(Baseline, ADryRunSaysWhatAMethodWillDo) {
  const JobRun ending = run("--tune.blocks 0,1 --method grid --method.budget 2000 --dry-run");
  if (world_.is_root()) {
    EXPECT_THAT(ending.out, HasSubstr("grid: 6 trainings of "));
    EXPECT_THAT(ending.out, HasSubstr("from the pretrained weights"));
    EXPECT_THAT(ending.out, testing::Not(HasSubstr("each of the rounds")));
  }
  const JobRun reporting =
      run("--tune.blocks 0,1 --method f2sa --method.steps 3 --penalty.flatness 2 --penalty.flatness-steps 5 "
          "--batch 4 --dry-run");
  if (world_.is_root()) {
    EXPECT_THAT(reporting.out,
                HasSubstr(fmt::format(", and {} beside them that report the flatness", 4 * (5 * 3 + 2 * 4))));
  }
}

TEST(BaselineWord, IsAWordForARun) {
  const Communicator world = Communicator::world();
  const TempFolder folder(world);
  if (world.is_root()) write_toy_inputs(folder.path());
  world.barrier();
  const std::string line = fmt::format(
      "baseline wise --model {0}/model --data {0}/data --out {0}/word --tune.blocks 0,1 --cache none "
      "--length 16 "
      "--limit 8 --train-limit 12",
      folder.path().string());
  const ProgramRun ended = run_program(line, world);
  EXPECT_EQ(ended.code, 0) << ended.err;
  world.barrier();
  EXPECT_EQ(read_result(folder / "word/result.json").method.name, "wise");
  expect_refusal("baseline", ExitCode::usage, {"no METHOD is named"}, world);
  expect_refusal("baseline wize --model m --data d --out o --tune.blocks 0", ExitCode::usage,
                 {"wize", "wise"}, world);
}

}  // namespace
}  // namespace lift
