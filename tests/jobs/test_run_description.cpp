#include "jobs/run_description.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/jobs/paper_plan.hpp"

namespace lift {
namespace {

constexpr ComputeRates kRates{.model = 1e14, .training = 1e14};

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(RunDescription, NamesWhatAPlannerAsksFor) {
  EXPECT_THAT(describe(paper_plan(), kWikiText2, 2, kRates),
              AllOf(HasSubstr("n = 16532736 of 124439808 weights"), HasSubstr("41300 steps of 4 sequences"),
                    HasSubstr("16 rows, 16532738 columns"), HasSubstr("at most 8 a rank"),
                    HasSubstr("on 2 ranks like this one (100000 GFLOP/s")));
}

TEST(RunDescription, NamesLowRankPairs) {
  RunPlan plan = paper_plan();
  const RunMemory whole = estimate_memory(plan, kWikiText2, 2, at::kCPU);
  plan.layout = TunedLayout(Gpt2Config{}, {.blocks = {1, 7, 11},
                                           .mlp_only = {1, 11},
                                           .regularizers = {{7, 0}},
                                           .lora = LoraSpec{.rank = 8, .alpha = 16}});
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates),
              AllOf(HasSubstr("n = 221184 in 8 low-rank pairs (rank 8, alpha 16) beside 124439808 frozen"),
                    HasSubstr("p = 2 regularisation groups"), HasSubstr("16 rows, 221186 columns"),
                    HasSubstr("the tuned model, its adapter, the best")));
  const RunMemory pairs = estimate_memory(plan, kWikiText2, 2, at::kCPU);
  EXPECT_EQ(pairs.model, whole.model + 4 * 221184.0) << "they lie beside the model";
  EXPECT_LT(pairs.probes, 0.9 * whole.probes);
  EXPECT_LT(pairs.program, 0.05 * whole.program);
}

TEST(RunDescription, NamesMemoryAndTimeOfEveryPhase) {
  RunPlan plan = paper_plan();
  plan.search.recovery.corrector.epochs = 1;
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates),
              AllOf(HasSubstr("correctors            1, of 1180 steps in all"),
                    HasSubstr(" GiB: libraries 0.14, model 0.46, writing 0.46, and the most of warm-up "),
                    HasSubstr(", linear program "), HasSubstr(": warm-up "), HasSubstr(", self-check "),
                    HasSubstr(", files ")));
}

/// The number after each `name` of a list as "model 0.46".
double number_after(const std::string& text, const std::string& name) {
  const auto at = text.find(name + " ");
  EXPECT_NE(at, std::string::npos) << name;
  return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 1));
}

TEST(RunDescription, ThePartsOfTheMemoryMakeTheWhole) {
  RunPlan plan = paper_plan();
  plan.search.recovery.corrector.epochs = 1;
  const std::string text = describe(plan, kWikiText2, 2, kRates);
  const std::string memory = text.substr(text.find("memory of a rank"));
  double most = 0;
  for (const char* phase : {"warm-up", "correctors", "self-check", "probes", "linear program", "line search"})
    most = std::max(most, number_after(memory, phase));
  double whole = most;
  for (const char* part : {"libraries", "model", "writing"}) whole += number_after(memory, part);
  EXPECT_NEAR(number_after(memory, "about"), whole, 0.021);
}

TEST(RunDescription, CountsTheInstancesThatAreKept) {
  RunPlan plan = paper_plan();
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates),
              HasSubstr("disk                  0.93 GiB: the tuned model"));
  plan.keep = "instance";
  // 19 rows and vectors of 16532738 doubles, 16 probes of 16532736 floats.
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates),
              AllOf(HasSubstr("disk                  4.25 GiB"), HasSubstr(", and 3.33 of --search.keep")));
}

TEST(RunDescription, CountsWhatLiesThereWhileItGoesOn) {
  RunPlan plan = paper_plan();
  plan.checkpoints.keep = 2;
  // 3 checkpoints of 5 vectors of 16532736 floats, and 18 vectors.
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates),
              HasSubstr("disk meanwhile        0.92 GiB of checkpoints, at most 1.11 of a round's results"));
  plan.checkpoints.memo = WorkMemo::Policy::never;
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates), HasSubstr("at most 0.00 of"));
}

TEST(RunDescription, NamesTheProductsOfTheHypergradient) {
  RunPlan plan = paper_plan();
  plan.search.hypergradient = true;
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates),
              HasSubstr("at most 8 a rank; at most 200 for the hypergradient"));
  plan.search.probe_kind = ProbeKind::krylov;
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates),
              HasSubstr("one after the other; at most 200 for the hypergradient"));
}

TEST(RunDescription, NamesTheCurvatureReportWhereThereIsOne) {
  RunPlan plan = paper_plan();
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates), testing::Not(HasSubstr("curvature")));
  plan.curvature.emplace();
  const auto products = HasSubstr("at most 202 Hessian-vector products of 40 training sequences");
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates),
              AllOf(products, HasSubstr("curvature report 5."), HasSubstr(", curvature report ")));
  EXPECT_THAT(describe_curvature(plan, 4718, 2, kRates),
              AllOf(products, HasSubstr("H22 of n = 16532736 weights"), HasSubstr("p = 2"),
                    HasSubstr("the report 5."), testing::Not(HasSubstr("warm-up"))));
}

TEST(RunDescription, HasNoProgramWhereTheDirectionIsNone) {
  RunPlan plan = paper_plan();
  plan.search.direction = DirectionKind::sign;
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates), Not(HasSubstr("nonzeros")));
}

}  // namespace
}  // namespace lift
