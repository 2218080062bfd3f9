#include "jobs/run_description.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/objective/sequence_cost.hpp"

namespace lift {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// GPT-2 Small on WikiText-2 with the paper's blocks.
RunPlan paper_plan() {
  RunPlan plan{.model = "model",
               .out = "out",
               .keep = {},
               .config = {},
               .layout = TunedLayout(
                   Gpt2Config{},
                   {.blocks = {1, 7, 11}, .mlp_only = {1, 11}, .regularizers = {{1, 1}, {7, 0}, {11, 1}}}),
               .corpus = {},
               .warmup = {.epochs = 35},
               .search = {},
               .micro_batch = 4};
  plan.corpus.length = 512;
  return plan;
}

constexpr CorpusSize kWikiText2{.train = 4718, .valid = 487, .test = 558};

TEST(RunSecondsTest, CountWhatOneRankDoes) {
  const RunPlan plan = paper_plan();
  const SequenceCost one = sequence_cost(plan.config, plan.layout, 512, at::kFloat);
  const double gradient = one.prefix + one.gradient, loss = one.prefix + one.loss;
  const RunSeconds seconds = estimate_seconds(plan, kWikiText2, 1, 1.0);
  EXPECT_DOUBLE_EQ(seconds.warmup, 35.0 * 1180 * 4 * gradient + 36.0 * (487 + 558) * loss);
  EXPECT_DOUBLE_EQ(seconds.gradient, 80 * gradient + 4 * (4 * gradient + 2 * one.hvp));
  EXPECT_DOUBLE_EQ(seconds.probes, 4 * 40 * gradient + 16 * 40 * one.hvp);
  EXPECT_DOUBLE_EQ(seconds.evaluate,
                   (2 * (487 + 558) + 2 * 487) * loss + (487 + 558) * (9 * one.loss + one.prefix));
  EXPECT_EQ(seconds.corrector, 0.0);
  EXPECT_DOUBLE_EQ(seconds.total(), seconds.warmup + seconds.gradient + seconds.probes + seconds.line_search +
                                        seconds.evaluate);
}

TEST(RunSecondsTest, CountRecoveryHoldoutAndProductsThatFollowFromEachOther) {
  RunPlan plan = paper_plan();
  const SequenceCost one = sequence_cost(plan.config, plan.layout, 512, at::kFloat);
  const double gradient = one.prefix + one.gradient;
  plan.holdout = 0.5;
  plan.search.batches = 0;
  plan.search.probe_kind = ProbeKind::krylov;
  plan.search.probes = 4;
  plan.search.line_kind = LineKind::model;
  plan.search.line.steps = 9;
  plan.search.rounds = 2;
  plan.search.recovery.corrector.epochs = 1;
  plan.search.corrector.steps = 10;
  const RunSeconds seconds = estimate_seconds(plan, kWikiText2, 1, 1.0);
  EXPECT_DOUBLE_EQ(seconds.gradient, 2 * (243 + 40) * gradient + 4 * (4 * gradient + 2 * one.hvp));
  EXPECT_DOUBLE_EQ(seconds.probes, 2 * 4 * 40 * (gradient + one.hvp));
  EXPECT_DOUBLE_EQ(seconds.line_search, 2 * (9 * 244 * one.loss + 244 * one.prefix));
  EXPECT_DOUBLE_EQ(seconds.corrector, (1180 + 10) * 4 * gradient);
  EXPECT_EQ(estimate_seconds(plan, kWikiText2, 4, 1.0).probes, seconds.probes / 4);
}

TEST(RunSecondsTest, DivideOverRanksAndByTheRate) {
  const RunPlan plan = paper_plan();
  const RunSeconds one = estimate_seconds(plan, kWikiText2, 1, 1e12);
  const RunSeconds four = estimate_seconds(plan, kWikiText2, 4, 1e12);
  EXPECT_NEAR(four.total(), one.total() / 4, 0.01 * one.total());
  EXPECT_DOUBLE_EQ(estimate_seconds(plan, kWikiText2, 1, 2e12).total(), one.total() / 2);
  // 24 ranks on 16 probes: eight groups of one rank keep all 40 sequences of a product to themselves.
  EXPECT_DOUBLE_EQ(estimate_seconds(plan, kWikiText2, 24, 1e12).probes,
                   estimate_seconds(plan, kWikiText2, 16, 1e12).probes);
}

TEST(RunDescription, NamesWhatAPlannerAsksFor) {
  EXPECT_THAT(describe(paper_plan(), kWikiText2, 2, 1e14),
              AllOf(HasSubstr("n = 16532736 of 124439808 weights"), HasSubstr("41300 steps of 4 sequences"),
                    HasSubstr("16 rows, 16532738 columns"), HasSubstr("at most 8 a rank"),
                    HasSubstr("on 2 ranks like this one (100000 GFLOP/s")));
}

}  // namespace
}  // namespace lift
