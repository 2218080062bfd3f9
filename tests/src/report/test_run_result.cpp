#include "src/report/run_result.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class RunResultTest : public ::testing::Test {
 protected:
  RunResult reread(const RunResult& run) {
    testing::put_text(folder_ / "result.json", to_json(run));
    return read_result(folder_ / "result.json");
  }
  Error refusal(const Json& changed) {
    testing::put_text(folder_ / "result.json", changed.dump());
    return testing::error_of([&] { static_cast<void>(read_result(folder_ / "result.json")); });
  }
  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
};

TEST_F(RunResultTest, HasEveryKeyOfTheSchema) {
  const Json json = Json::parse(to_json(testing::paper_run()));
  EXPECT_EQ(json["schema"], 1);
  for (const char* model : {"before", "after"}) {
    for (const char* split : {"train", "valid", "test"}) {
      const Json& entry = json[model][split];
      EXPECT_DOUBLE_EQ(entry["ppl"].get<double>(), std::exp(entry["loss"].get<double>()));
    }
  }
  EXPECT_EQ(json["early_stopping"]["epoch"], 1);
  EXPECT_DOUBLE_EQ(json["early_stopping"]["test"]["ppl"].get<double>(), 22.38);
  EXPECT_EQ(json["t_star"], 0.8);
  EXPECT_EQ(json["lambda_after"], Json({2e-4, 5e-5}));
  EXPECT_EQ(json["line_search"][16], Json({0.8, 3.358}));
  for (const char* key : {"status", "objective", "dual_objective", "gap", "residual", "bound_violation",
                          "iterations", "seconds"}) {
    EXPECT_TRUE(json["lp"].contains(key)) << key;
  }
  for (const char* key :
       {"rank", "gradients", "hvps", "sequences", "line_search_steps", "peak_memory_bytes"}) {
    EXPECT_TRUE(json["work"][0].contains(key)) << key;
  }
  for (const char* key : {"warmup", "gradient", "probes", "lp", "line_search", "evaluate", "total"}) {
    EXPECT_TRUE(json["seconds"].contains(key)) << key;
  }
  for (const char* key :
       {"n", "p", "m", "self_check", "curvature", "reproducibility", "ranks", "threads", "device", "seed"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_FALSE(json.contains("rounds"));
}

TEST_F(RunResultTest, KeepsWhatARivalLeft) {
  RunResult run = testing::paper_run();
  EXPECT_EQ(reread(run).method.name, "lift");
  run.method = {.name = "tpgm",
                .radii = {{.tensor = "h.1.mlp.c_fc.weight",
                           .status = "learned",
                           .rows = 4,
                           .active_rows = 2,
                           .distance = 0.5,
                           .radius = 0.25,
                           .ratio = 0.5,
                           .kept = 0.75,
                           .start_norm = 3},
                          {.tensor = "h.1.mlp.c_fc.bias", .status = "unmoved"}},
                .shares = {{.tensor = "h.1.ln_1.weight", .share = 0.25}},
                .penalty = PenaltyResult{.status = "step limit",
                                         .steps = 7,
                                         .residual = 0.1,
                                         .upper_x = 1,
                                         .upper_y = 2,
                                         .lower_x = 3,
                                         .lower_y = 4}};
  const RunResult again = reread(run);
  EXPECT_EQ(to_json(again), to_json(run));
  EXPECT_EQ(again.method.radii[0].ratio, 0.5);
  EXPECT_EQ(again.method.shares[0].share, 0.25);
  EXPECT_EQ(again.method.penalty->lower_y, 4);
  EXPECT_FALSE(again.method.penalty->flatness);
  run.method.penalty->flatness = FlatnessResult{.delta = 1e-3,
                                                .alpha = 1.5,
                                                .modulus = 0.5,
                                                .slope = 0.125,
                                                .delta_of_slope = 2e-3,
                                                .pairs = 8,
                                                .steps = 50,
                                                .distance = 0.25,
                                                .residual = 0.75};
  const RunResult with = reread(run);
  EXPECT_EQ(to_json(with), to_json(run));
  EXPECT_EQ(with.method.penalty->flatness->slope, 0.125);
  EXPECT_EQ(with.method.penalty->flatness->pairs, 8);
  Json wrong = Json::parse(to_json(run));
  wrong["method"]["radii"][0].erase("radius");
  EXPECT_THAT(refusal(wrong).what(), HasSubstr("method.radii[0].radius is missing"));
  Json flat = Json::parse(to_json(run));
  flat["method"]["penalty"]["flatness"].erase("delta");
  EXPECT_THAT(refusal(flat).what(), HasSubstr("method.penalty.flatness.delta is missing"));
  Json older = Json::parse(to_json(run));
  older.erase("method");
  testing::put_text(folder_ / "result.json", older.dump());
  EXPECT_EQ(read_result(folder_ / "result.json").method.name, "lift");
}

TEST_F(RunResultTest, RoundTripIsExact) {
  const RunResult run = testing::paper_run();
  const RunResult again = reread(run);
  EXPECT_EQ(to_json(again), to_json(run));
  EXPECT_EQ(again.before.test->loss, run.before.test->loss);
  EXPECT_EQ(again.before.test->sequences, 558);
  EXPECT_TRUE(std::isnan(again.epochs.front().train));
  EXPECT_EQ(again.epochs.back().train, run.epochs.back().train);
  EXPECT_EQ(again.rounds.front().line_search, run.rounds.front().line_search);
  EXPECT_EQ(again.rounds.front().curves, run.rounds.front().curves);
  EXPECT_EQ(again.rounds.front().stationarity, run.rounds.front().stationarity);
  EXPECT_EQ(again.work[1].peak_memory_bytes, -1);
  EXPECT_EQ(again.seconds.at("load"), 1.25);
  EXPECT_EQ(again.seed, 18446744073709551615ULL);
  EXPECT_EQ(again.warmup_epochs(), 35);
}

TEST_F(RunResultTest, LossesOutOfDomainComeBack) {
  RunResult result = testing::paper_run();
  EXPECT_EQ(to_json(result).find("ood"), std::string::npos);
  result.before.ood = SplitLoss{5.5, 7};
  result.after.ood = SplitLoss{5.25, 7};
  result.early_stopping->ood = SplitLoss{5.0, 7};
  const RunResult back = parse_result(to_json(result), "here");
  EXPECT_EQ(back.before.ood.value().loss, 5.5);
  EXPECT_EQ(back.after.ood.value().loss, 5.25);
  EXPECT_EQ(back.early_stopping->ood.value().loss, 5.0);
  EXPECT_EQ(back.after.ood->sequences, 7);
}

TEST_F(RunResultTest, AStartAndImplicitSolvesComeBack) {
  RunResult run = testing::paper_run();
  run.start = "runs/earlier/model";
  ImplicitResult solve;
  solve.status = "solved";
  solve.gamma = {0.5, -0.25};
  solve.products = 17;
  solve.q_residual = 1e-5;
  solve.z_residual = 2e-5;
  solve.g_dw = -0.75;
  solve.raises = 2;
  solve.agreement = 0.5;
  solve.radius_ratio = 0.375;
  run.rounds.front().model = ModelResult{
      .slope = -2, .curvature = 4, .predicted = -0.5, .actual = -0.25, .ratio = 0.5, .minimiser = 0.5};
  run.rounds.front().implicit = solve;
  run.rounds.front().probe_curvature = ProbeCurvatureResult{.vectors = 2,
                                                            .ritz_min = -0.5,
                                                            .ritz_max = 3,
                                                            .asymmetry = 1e-7,
                                                            .noise = 1e-6,
                                                            .negative_found = 1,
                                                            .ritz_values = {-0.5, 3}};
  run.rounds.front().lp->y = {0.25, -3.0};
  const RunResult again = reread(run);
  EXPECT_EQ(again.start, run.start);
  const ImplicitResult& found = again.rounds.front().implicit.value();
  EXPECT_EQ(found.radius_ratio, 0.375);
  const ModelResult& model = again.rounds.front().model.value();
  EXPECT_EQ(model.slope, -2);
  EXPECT_EQ(model.curvature, 4);
  EXPECT_EQ(model.predicted, -0.5);
  EXPECT_EQ(model.actual, -0.25);
  EXPECT_EQ(model.ratio, 0.5);
  EXPECT_EQ(model.minimiser, 0.5);
  EXPECT_EQ(found.gamma, solve.gamma);
  EXPECT_EQ(found.q_residual, 1e-5);
  EXPECT_EQ(found.z_residual, 2e-5);
  EXPECT_EQ(found.g_dw, -0.75);
  EXPECT_EQ(found.raises, 2);
  EXPECT_EQ(found.agreement, 0.5);
  const ProbeCurvatureResult& probes = again.rounds.front().probe_curvature.value();
  EXPECT_EQ(probes.vectors, 2);
  EXPECT_EQ(probes.ritz_min, -0.5);
  EXPECT_EQ(probes.ritz_max, 3);
  EXPECT_EQ(probes.asymmetry, 1e-7);
  EXPECT_EQ(probes.noise, 1e-6);
  EXPECT_EQ(probes.negative_found, 1);
  EXPECT_EQ(probes.ritz_values, (std::vector<double>{-0.5, 3}));
  EXPECT_THAT(again.rounds.front().lp->y, ::testing::ElementsAre(0.25, -3.0));
}

TEST_F(RunResultTest, WhatIsAbsentIsNullAndStaysAbsent) {
  RunResult run;
  run.before.valid = SplitLoss{.loss = std::nan(""), .sequences = 0};
  const Json json = Json::parse(to_json(run));
  EXPECT_TRUE(json["before"]["train"].is_null());
  EXPECT_TRUE(json["before"]["valid"]["loss"].is_null());
  EXPECT_TRUE(json["before"]["valid"]["ppl"].is_null());
  for (const char* key : {"early_stopping", "t_star", "lp", "line_search", "self_check"}) {
    EXPECT_TRUE(json[key].is_null()) << key;
  }
  const RunResult again = reread(run);
  EXPECT_FALSE(again.before.train);
  EXPECT_TRUE(std::isnan(again.before.valid->loss));
  EXPECT_FALSE(again.early_stopping);
  EXPECT_FALSE(again.self_check);
  EXPECT_TRUE(again.rounds.empty());
  EXPECT_TRUE(again.epochs.empty());
}

TEST_F(RunResultTest, SeveralRoundsAreListedAndTheOutermostFieldsAreOfTheWhole) {
  RunResult run = testing::paper_run();
  RoundResult second = run.rounds.front();
  second.t_star = 0.25;
  second.lambda_before = {2e-4, 5e-5};
  second.lambda_after = {3e-4, 6e-5};
  second.lp->status = "stalled";
  second.lp->gap = 1e-6;
  second.lp->objective = -0.5;
  for (RoundResult* round : {&run.rounds.front(), &second}) round->lp->y = {1.0, 2.0};
  run.rounds.push_back(second);
  const Json json = Json::parse(to_json(run));
  ASSERT_EQ(json["rounds"].size(), 2U);
  EXPECT_EQ(json["rounds"][1]["t_star"], 0.25);
  EXPECT_EQ(json["t_star"], 1.05);
  EXPECT_EQ(json["lambda_before"], Json({1e-4, 1e-4}));
  EXPECT_EQ(json["lambda_after"], Json({3e-4, 6e-5}));
  EXPECT_EQ(json["lp"]["status"], "stalled");
  EXPECT_EQ(json["lp"]["gap"], 1e-6);
  EXPECT_EQ(json["lp"]["objective"], -0.75);
  EXPECT_EQ(json["lp"]["iterations"], 28);
  EXPECT_TRUE(json["lp"]["y"].empty()) << "each round has its own";
  EXPECT_TRUE(json["line_search"].is_null());
  EXPECT_EQ(to_json(reread(run)), to_json(run));
}

TEST_F(RunResultTest, AWrongFileIsRefusedByNameAndKey) {
  const Json good = Json::parse(to_json(testing::paper_run()));
  Json json = good;
  json["before"]["train"]["loss"] = "low";
  EXPECT_EQ(refusal(json).code(), ExitCode::input);
  EXPECT_EQ(std::string(refusal(json).what()),
            (folder_ / "result.json").string() + R"(: before.train.loss is "low"; expected a number)");
  json = good;
  json.erase("after");
  EXPECT_THAT(refusal(json).what(), HasSubstr("after is missing"));
  json = good;
  json["line_search"][2] = {1, 2, 3};
  EXPECT_THAT(refusal(json).what(), HasSubstr("line_search[2] is array; expected a pair [t, loss]"));
  json = good;
  json["n"] = 1.5;
  EXPECT_THAT(refusal(json).what(), HasSubstr("n is 1.5; expected a whole number"));
  json = good;
  json["schema"] = 2;
  EXPECT_THAT(refusal(json).what(), HasSubstr("schema is 2; expected 1"));
  EXPECT_THAT(refusal(Json::array()).what(), HasSubstr("the whole is array; expected an object"));
}

TEST_F(RunResultTest, AMissingOrTruncatedFileIsAnInputError) {
  const auto file = folder_ / "result.json";
  const auto read = [&] { static_cast<void>(read_result(file)); };
  EXPECT_EQ(testing::error_of(read).code(), ExitCode::input);
  testing::put_text(file, to_json(testing::paper_run()).substr(0, 200));
  EXPECT_EQ(testing::error_of(read).code(), ExitCode::input);
  EXPECT_THAT(testing::error_of(read).what(), HasSubstr("not JSON"));
}

TEST_F(RunResultTest, TheLpObjectStandsAlone) {
  const Json lp = Json::parse(to_json(*testing::paper_run().rounds.front().lp));
  EXPECT_EQ(lp["status"], "optimal");
  EXPECT_EQ(lp["iterations"], 14);
}

}  // namespace
}  // namespace lift
