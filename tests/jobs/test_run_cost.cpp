#include "jobs/run_cost.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>

#include "src/objective/sequence_cost.hpp"
#include "tests/jobs/paper_plan.hpp"

namespace lift {
namespace {

ComputeRates at_rate(double rate) {
  return {.model = rate, .training = rate};
}

/// What a phase took, and what is left of it if it did the work of `estimate` at the recorded rate.
void expect_within_a_factor_of_two(double estimate, double recorded, const char* phase) {
  EXPECT_LT(estimate, 2 * recorded) << phase;
  EXPECT_GT(estimate, 0.5 * recorded) << phase;
}

/// The run of results/README.md, "gpt2-small": two ranks, 57 GFLOP/s of each in a matrix product.
struct Recorded {
  static constexpr int kRanks = 2;
  static constexpr ComputeRates kRate{.model = 57e9, .training = 57e9};
  static constexpr CorpusSize kSize{.train = 8, .valid = 4, .test = 4};
  RunPlan plan = paper_plan();
  Recorded() {
    plan.warmup.epochs = 2;
    plan.micro_batch = 2;
    plan.search.batches = plan.search.hvp_batches = 1;
    plan.watched_steps = 0;
  }
};

TEST(RunCost, TimeIsWithinAFactorOfTwoOfARecordedRunPhaseByPhase) {
  const Recorded run;
  const RunSeconds seconds = estimate_seconds(run.plan, Recorded::kSize, Recorded::kRanks, Recorded::kRate);
  expect_within_a_factor_of_two(seconds.warmup, 59.3, "warm-up");
  expect_within_a_factor_of_two(seconds.gradient, 19.1, "gradient");
  expect_within_a_factor_of_two(seconds.probes, 268.1, "probes");
  expect_within_a_factor_of_two(seconds.lp, 1.9, "LP");
  expect_within_a_factor_of_two(seconds.line_search, 158.9, "line search");
  expect_within_a_factor_of_two(seconds.evaluate, 13.3, "evaluate");
  expect_within_a_factor_of_two(seconds.self_check + seconds.files, 594.6 - 520.6, "the rest");
  expect_within_a_factor_of_two(seconds.total(), 594.6, "all");
}

void expect_within_a_quarter(const RunPlan& plan, double recorded) {
  const double estimate = estimate_memory(plan, Recorded::kSize, Recorded::kRanks, at::kCPU).total();
  EXPECT_LT(estimate, 1.25 * recorded);
  EXPECT_GT(estimate, 0.75 * recorded);
}

/// Peaks of both ranks, which work[].peak_memory_bytes says.
TEST(RunCost, MemoryIsWithinAQuarterOfRecordedRuns) {
  Recorded run;
  for (const double recorded : {5395034112.0, 4881760256.0}) expect_within_a_quarter(run.plan, recorded);
  run.plan.search.probes = 2;
  for (const double recorded : {3931348992.0, 3200385024.0}) expect_within_a_quarter(run.plan, recorded);
}

TEST(RunCost, CountsWhatOneRankDoes) {
  const RunPlan plan = paper_plan();
  const SequenceCost one = sequence_cost(plan.config, plan.layout, 512, at::kFloat);
  const double gradient = one.prefix + one.gradient, loss = one.prefix + one.loss;
  const RunSeconds seconds = estimate_seconds(plan, kWikiText2, 1, at_rate(1.0));
  EXPECT_DOUBLE_EQ(seconds.warmup, 35.0 * 1180 * 4 * gradient + 36.0 * (487 + 558) * loss);
  EXPECT_DOUBLE_EQ(seconds.gradient, 80 * gradient);
  EXPECT_DOUBLE_EQ(seconds.self_check, 4 * (4 * gradient + 2 * one.hvp));
  EXPECT_DOUBLE_EQ(seconds.probes, 4 * 40 * gradient + 16 * 40 * one.hvp);
  EXPECT_DOUBLE_EQ(seconds.line_search, 34 * 487 * one.loss + 487 * one.prefix);
  // train before and after; the curves tell test's loss at t*, the line search valid's.
  EXPECT_DOUBLE_EQ(seconds.evaluate, 2 * 487 * loss + (487 + 558) * (9 * one.loss + one.prefix));
  CorpusSize beside = kWikiText2;
  beside.ood = 10;
  EXPECT_DOUBLE_EQ(estimate_seconds(plan, beside, 1, at_rate(1.0)).evaluate - seconds.evaluate, 30 * loss)
      << "another corpus, before, after, and at the best epoch";
  EXPECT_EQ(seconds.corrector, 0.0);
  EXPECT_DOUBLE_EQ(seconds.total(), seconds.warmup + seconds.gradient + seconds.self_check + seconds.probes +
                                        seconds.lp + seconds.line_search + seconds.evaluate + seconds.files);
}

TEST(RunCost, CountsRecoveryHoldoutAndProductsThatFollowFromEachOther) {
  RunPlan plan = paper_plan();
  const SequenceCost one = sequence_cost(plan.config, plan.layout, 512, at::kFloat);
  const double gradient = one.prefix + one.gradient, loss = one.prefix + one.loss;
  plan.holdout = 0.5;
  plan.search.batches = 0;
  plan.search.probe_kind = ProbeKind::krylov;
  plan.search.probes = 4;
  plan.search.line_kind = LineKind::model;
  plan.search.line.steps = 9;
  plan.search.rounds = 2;
  plan.search.recovery.corrector.epochs = 1;
  plan.search.corrector.steps = 10;
  const RunSeconds seconds = estimate_seconds(plan, kWikiText2, 1, at_rate(1.0));
  EXPECT_DOUBLE_EQ(seconds.gradient, 2 * (243 + 40) * gradient);
  EXPECT_NEAR(seconds.probes, 2 * 4 * 40 * (gradient + one.hvp), 10) << "and the basis, in bytes";
  EXPECT_GT(seconds.probes, 2 * 4 * 40 * (gradient + one.hvp));
  // The model of each round's line search is a product on as many sequences as the others take.
  EXPECT_DOUBLE_EQ(seconds.line_search,
                   2 * (8 * 244 * one.loss + 244 * one.prefix + 40 * (gradient + one.hvp)) + 244 * loss);
  EXPECT_DOUBLE_EQ(seconds.corrector, (1180 + 10) * 4 * gradient + 2 * 244 * loss);
  EXPECT_DOUBLE_EQ(seconds.evaluate, (2 * 487 + 4 * 487 + 2 * 558 + (487 + 558)) * loss +
                                         2 * (487 + 558) * (9 * one.loss + one.prefix));
}

TEST(RunCost, CountsTheHypergradientBesideAnyRows) {
  RunPlan plan = paper_plan();
  const SequenceCost one = sequence_cost(plan.config, plan.layout, 512, at::kFloat);
  const auto probes = [&] { return estimate_seconds(plan, kWikiText2, 1, at_rate(1.0)).probes; };
  const double rows = probes();
  plan.search.hypergradient = true;
  EXPECT_DOUBLE_EQ(probes(), rows + 200 * 40 * (one.prefix + one.gradient + one.hvp));
  plan.layout = TunedLayout(plan.config, {.blocks = {1}, .mlp_only = {}, .regularizers = {{1, 0}}});
  const double without_groups = probes();
  plan.search.hypergradient = false;
  EXPECT_EQ(probes(), without_groups) << "there is nothing to solve for";
}

TEST(RunCost, AReportIsMadeOfTheHessianWhateverStandsInForIt) {
  RunPlan plan = paper_plan();
  plan.curvature.emplace();
  const double hessian = estimate_seconds(plan, kWikiText2, 1, at_rate(1e11)).curvature;
  plan.search.products.kind = ProductKind::identity;
  EXPECT_EQ(estimate_seconds(plan, kWikiText2, 1, at_rate(1e11)).curvature, hessian);
  plan.search.products.kind = ProductKind::forward;
  EXPECT_LT(estimate_seconds(plan, kWikiText2, 1, at_rate(1e11)).curvature, hessian);
}

TEST(RunCost, ProductsThatKnowNothingCostNothing) {
  RunPlan plan = paper_plan();
  plan.search.products.kind = ProductKind::identity;
  for (const int ranks : {1, 2, 24})
    EXPECT_EQ(estimate_seconds(plan, kWikiText2, ranks, at_rate(1e12)).probes, 0.0);
}

/// A pass reads 16 rows and 8 vectors, at the recorded 7.6 GB/s.
TEST(RunCost, CountsThePassesOfEachProgram) {
  RunPlan plan = paper_plan();
  const auto sweeps = [&] {
    const double bytes = 24.0 * 8 * 16532738;
    return estimate_seconds(plan, kWikiText2, 1, at_rate(1.0)).lp * 7.6e9 / bytes;
  };
  EXPECT_NEAR(sweeps(), 10, 1e-9);
  plan.search.lp.least_coordinates = 20'000'000;
  EXPECT_NEAR(sweeps(), 66, 1e-9);
  plan.search.lp = BoxLpOptions();
  plan.search.lp.method = LpMethod::mehrotra;
  EXPECT_NEAR(sweeps(), 66, 1e-9);
  plan.search.trust_region = TrustRegion::ball;
  EXPECT_LT(sweeps(), 10);
  for (const auto region : {TrustRegion::two_balls, TrustRegion::box_ball}) {
    plan.search.trust_region = region;
    EXPECT_NEAR(sweeps(), 9, 1e-9);
  }
}

TEST(RunCost, DividesOverRanksAndByTheRate) {
  const RunPlan plan = paper_plan();
  const RunSeconds one = estimate_seconds(plan, kWikiText2, 1, at_rate(1e12));
  const RunSeconds four = estimate_seconds(plan, kWikiText2, 4, at_rate(1e12));
  EXPECT_NEAR(four.total(), one.total() / 4, 0.01 * one.total());
  EXPECT_DOUBLE_EQ(estimate_seconds(plan, kWikiText2, 1, at_rate(2e12)).warmup, one.warmup / 2);
  EXPECT_DOUBLE_EQ(four.lp, one.lp / 4);
  // 24 ranks on 16 probes: eight groups of one rank keep all 40 sequences of a product to themselves.
  EXPECT_DOUBLE_EQ(estimate_seconds(plan, kWikiText2, 24, at_rate(1e12)).probes,
                   estimate_seconds(plan, kWikiText2, 16, at_rate(1e12)).probes);
  EXPECT_LT(estimate_memory(plan, kWikiText2, 4, at::kCPU).total(),
            estimate_memory(plan, kWikiText2, 2, at::kCPU).total());
}

TEST(RunCost, TrainingStepsGoAtTheirOwnRate) {
  const RunPlan plan = paper_plan();
  const SequenceCost one = sequence_cost(plan.config, plan.layout, 512, at::kFloat);
  const double steps = 35.0 * 1180 * 4 * (one.prefix + one.gradient);
  const double slow = estimate_seconds(plan, kWikiText2, 1, at_rate(1e12)).warmup;
  const double fast = estimate_seconds(plan, kWikiText2, 1, {.model = 1e12, .training = 4e12}).warmup;
  EXPECT_NEAR(slow - fast, 0.75 * steps / 1e12, 1e-6 * slow);
}

TEST(RunCost, RecomputationTakesTimeForMemory) {
  RunPlan plan = paper_plan();
  const double memory = estimate_memory(plan, kWikiText2, 2, at::kCPU).probes;
  const RunSeconds seconds = estimate_seconds(plan, kWikiText2, 2, at_rate(1e11));
  plan.activations = Activations::recompute;
  EXPECT_LT(estimate_memory(plan, kWikiText2, 2, at::kCPU).probes, memory);
  EXPECT_GT(estimate_seconds(plan, kWikiText2, 2, at_rate(1e11)).probes, seconds.probes);
}

struct Change {
  const char* name;
  std::function<void(RunPlan&)> apply;
};
void PrintTo(const Change& change, std::ostream* out) {
  *out << change.name;
}

class MoreTime : public testing::TestWithParam<Change> {};

TEST_P(MoreTime, IsAskedForByWhatAddsWork) {
  RunPlan plan = paper_plan();
  plan.watched_steps = 0;
  const double before = estimate_seconds(plan, kWikiText2, 2, at_rate(1e11)).total();
  GetParam().apply(plan);
  EXPECT_GT(estimate_seconds(plan, kWikiText2, 2, at_rate(1e11)).total(), before);
}

INSTANTIATE_TEST_SUITE_P(
    OfEachOption, MoreTime,
    testing::Values(Change{"epochs", [](RunPlan& plan) { plan.warmup.epochs = 36; }},
                    Change{"kept",
                           [](RunPlan& plan) {
                             plan.kept_epochs = {10, 20};
                           }},
                    Change{"start", [](RunPlan& plan) { plan.start = "start"; }},
                    Change{"batches", [](RunPlan& plan) { plan.search.batches = 0; }},
                    Change{"hvp_batches", [](RunPlan& plan) { plan.search.hvp_batches = 20; }},
                    Change{"probes", [](RunPlan& plan) { plan.search.probes = 32; }},
                    Change{"krylov", [](RunPlan& plan) { plan.search.probe_kind = ProbeKind::krylov; }},
                    Change{"adjoint", [](RunPlan& plan) { plan.search.probe_kind = ProbeKind::adjoint; }},
                    Change{"hypergradient", [](RunPlan& plan) { plan.search.hypergradient = true; }},
                    Change{"exact", [](RunPlan& plan) { plan.search.direction = DirectionKind::exact; }},
                    Change{"bilevel", [](RunPlan& plan) { plan.search.direction = DirectionKind::bilevel; }},
                    Change{"steps", [](RunPlan& plan) { plan.search.line.steps = 41; }},
                    Change{"rounds", [](RunPlan& plan) { plan.search.rounds = 2; }},
                    Change{"interpolate", [](RunPlan& plan) { plan.search.recovery.interpolate = true; }},
                    Change{"corrector", [](RunPlan& plan) { plan.search.recovery.corrector.epochs = 1; }},
                    Change{"curvature", [](RunPlan& plan) { plan.curvature.emplace(); }},
                    Change{"learning_rate", [](RunPlan& plan) { plan.search.tune_rate = true; }},
                    Change{"watch", [](RunPlan& plan) { plan.watched_steps = 9; }},
                    Change{"l2_sp", [](RunPlan& plan) { plan.around_pretrained = true; }}),
    [](const auto& change) { return std::string(change.param.name); });

class MoreMemory : public testing::TestWithParam<Change> {};

TEST_P(MoreMemory, IsAskedForByWhatHoldsMore) {
  RunPlan plan = paper_plan();
  const double before = estimate_memory(plan, kWikiText2, 2, at::kCPU).total();
  GetParam().apply(plan);
  EXPECT_GT(estimate_memory(plan, kWikiText2, 2, at::kCPU).total(), before);
}

INSTANTIATE_TEST_SUITE_P(
    OfEachOption, MoreMemory,
    testing::Values(Change{"micro_batch", [](RunPlan& plan) { plan.micro_batch = 8; }},
                    Change{"probes", [](RunPlan& plan) { plan.search.probes = 32; }},
                    Change{"krylov", [](RunPlan& plan) { plan.search.probe_kind = ProbeKind::krylov; }},
                    Change{"length", [](RunPlan& plan) { plan.corpus.splits.length = 1024; }},
                    Change{"curvature",
                           [](RunPlan& plan) { plan.curvature = CurvatureOptions{.basis = 60}; }},
                    Change{"interpolate", [](RunPlan& plan) { plan.search.recovery.interpolate = true; }},
                    Change{"l2_sp", [](RunPlan& plan) { plan.around_pretrained = true; }},
                    Change{"fp64", [](RunPlan& plan) { plan.precision = at::kDouble; }}),
    [](const auto& change) { return std::string(change.param.name); });

TEST(RunCost, DifferencesCostGradientsAndHoldNoSecondGraph) {
  RunPlan plan = paper_plan();
  const SequenceCost one = sequence_cost(plan.config, plan.layout, 512, at::kFloat);
  const double gradient = one.prefix + one.gradient;
  const double exact = estimate_memory(plan, kWikiText2, 2, at::kCPU).probes;
  plan.search.products.kind = ProductKind::forward;
  EXPECT_DOUBLE_EQ(estimate_seconds(plan, kWikiText2, 1, at_rate(1.0)).probes, 16 * 40 * gradient);
  plan.search.products.kind = ProductKind::central;
  EXPECT_DOUBLE_EQ(estimate_seconds(plan, kWikiText2, 1, at_rate(1.0)).probes, 32 * 40 * gradient);
  EXPECT_LT(estimate_memory(plan, kWikiText2, 2, at::kCPU).probes, exact);
}

}  // namespace
}  // namespace lift
