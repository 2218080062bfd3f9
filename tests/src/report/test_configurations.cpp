#include "src/report/configurations.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/src/report/run_folders.hpp"
#include "tests/src/report/samples.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;

const std::set<std::string> kSeed = {"seed"};

KeptRun run_of(const std::string& name, RunOptions options) {
  return testing::kept(name, testing::paper_run(), options);
}

/// Names of the runs of each configuration, between bars.
std::string parts(const std::vector<Configuration>& all) {
  std::string text;
  for (const Configuration& one : all) {
    text += "|";
    for (const KeptRun& run : one.runs) text += run.name;
  }
  return text;
}

TEST(Spread, IsMeanAndSampleDeviationOfWhatIsFinite) {
  const Spread spread = spread_of({1, NAN, 2, 6, INFINITY});
  EXPECT_EQ(spread.count, 3);
  EXPECT_DOUBLE_EQ(spread.mean, 3);
  EXPECT_DOUBLE_EQ(spread.deviation, std::sqrt(7.0));  // (4 + 1 + 9) / 2
  EXPECT_EQ(spread_of({5}).mean, 5);
  EXPECT_TRUE(std::isnan(spread_of({5}).deviation)) << "one run has no spread, not one of 0";
  EXPECT_TRUE(std::isnan(spread_of({}).mean));
}

TEST(Configurations, RunsThatDifferInTheSeedAloneAreOne) {
  const auto all = configurations_of({run_of("a", {{"warmup.lr", "1"}, {"seed", "0"}, {"out", "x"}}),
                                      run_of("b", {{"warmup.lr", "2"}, {"seed", "1"}, {"out", "y"}}),
                                      run_of("c", {{"warmup.lr", "1"}, {"seed", "1"}, {"out", "z"}})},
                                     kSeed);
  EXPECT_EQ(parts(all), "|ac|b");
  EXPECT_EQ(all[0].name, "a (+1)");
  EXPECT_EQ(all[1].name, "b");
  EXPECT_THAT(differing_options(all, kSeed), ElementsAre("warmup.lr"));
}

TEST(Configurations, AreNamedWithoutWhatIsAveragedOver) {
  const auto all = configurations_of({run_of("lp,seed=0,warmup.lr=1", {{"warmup.lr", "1"}, {"seed", "0"}}),
                                      run_of("lp,seed=1,warmup.lr=1", {{"warmup.lr", "1"}, {"seed", "1"}}),
                                      run_of("seed=0", {{"warmup.lr", "2"}, {"seed", "0"}}),
                                      run_of("seed=1", {{"warmup.lr", "2"}, {"seed", "1"}}),
                                      run_of("lp,seed=2,warmup.lr=3", {{"warmup.lr", "3"}, {"seed", "2"}})},
                                     kSeed);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].name, "lp,warmup.lr=1");
  EXPECT_EQ(all[1].name, "seed=0 (+1)") << "nothing else is in it";
  EXPECT_EQ(all[2].name, "lp,seed=2,warmup.lr=3") << "one run is what it is";
  const auto alike = configurations_of({run_of("a,seed=0", {{"warmup.lr", "1"}, {"seed", "0"}}),
                                        run_of("a,seed=1", {{"warmup.lr", "1"}, {"seed", "1"}}),
                                        run_of("a", {{"warmup.lr", "2"}, {"seed", "0"}})},
                                       kSeed);
  EXPECT_EQ(alike[0].name, "a,seed=0 (+1)") << "another is called a";
  EXPECT_EQ(alike[1].name, "a");
}

TEST(Configurations, TheSameSeedAgainIsNoSpread) {
  const RunOptions options = {{"warmup.lr", "1"}, {"seed", "0"}}, other = {{"warmup.lr", "1"}, {"seed", "1"}};
  EXPECT_EQ(parts(configurations_of(
                {run_of("a", options), run_of("b", options), run_of("c", other), run_of("d", other)}, kSeed)),
            "|ac|bd");
}

TEST(Configurations, AnOptionThatOneLacksIsADifference) {
  const auto all =
      configurations_of({run_of("a", {{"p", "1"}}), run_of("b", {{"p", "1"}, {"q", "2"}})}, kSeed);
  EXPECT_EQ(parts(all), "|a|b");
  EXPECT_THAT(differing_options(all, kSeed), ElementsAre("q"));
}

TEST(Configurations, WhereAndHowLongARunMayGoOnIsNoDifference) {
  const auto all = configurations_of(
      {run_of("a", {{"seed", "0"}, {"out", "x"}, {"max-hours", "1"}, {"checkpoint.minutes", "5"}}),
       run_of("b", {{"seed", "1"}, {"out", "y"}, {"cache", "z"}, {"checkpoint.keep", "3"}})},
      kSeed);
  EXPECT_EQ(parts(all), "|ab");
  EXPECT_TRUE(differing_options(all, kSeed).empty());
}

TEST(Configurations, WithoutOptionsARunStandsAlone) {
  EXPECT_EQ(parts(configurations_of({run_of("a", {}), run_of("b", {})}, kSeed)), "|a|b");
}

TEST(Configurations, OtherOptionsMayBeAveragedOverToo) {
  const RunOptions a = {{"start", "s0"}, {"seed", "0"}}, b = {{"start", "s1"}, {"seed", "1"}};
  EXPECT_EQ(parts(configurations_of({run_of("a", a), run_of("b", b)}, kSeed)), "|a|b");
  EXPECT_EQ(parts(configurations_of({run_of("a", a), run_of("b", b)}, {"seed", "start"})), "|ab");
}

}  // namespace
}  // namespace lift
