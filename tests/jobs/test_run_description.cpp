#include "jobs/run_description.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(RunDescription, NamesMemoryAndTimeOfEveryPhase) {
  RunPlan plan = paper_plan();
  plan.search.recovery.corrector.epochs = 1;
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates),
              AllOf(HasSubstr("correctors            1, of 1180 steps in all"),
                    HasSubstr(" GiB: libraries 0.14, model 0.46, writing 0.46, and the most of warm-up "),
                    HasSubstr(", linear program "), HasSubstr(": warm-up "), HasSubstr(", self-check "),
                    HasSubstr(", files ")));
}

TEST(RunDescription, HasNoProgramWhereTheDirectionIsNone) {
  RunPlan plan = paper_plan();
  plan.search.direction = DirectionKind::sign;
  EXPECT_THAT(describe(plan, kWikiText2, 2, kRates), Not(HasSubstr("nonzeros")));
}

}  // namespace
}  // namespace lift
