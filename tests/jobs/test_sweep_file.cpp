#include "jobs/sweep_file.hpp"

#include <gmock/gmock.h>

#include "mpi/error.hpp"

namespace lift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> names(const std::vector<SweepEntry>& entries) {
  std::vector<std::string> names;
  for (const SweepEntry& entry : entries) names.push_back(entry.name);
  return names;
}

std::string refusal(const std::string& content) {
  try {
    (void)read_sweep("s.cfg", content);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "";
}

TEST(SweepFile, AlternativesAreTakenInAllCombinationsTheLastChangingFirst) {
  const auto entries = read_sweep("s.cfg",
                                  "model = m  # of all\n"
                                  "seed = 0 | 1\n"
                                  "[warmup]\n"
                                  "epochs = 10|15 |20\n"
                                  "lr = 1e-3\n");
  EXPECT_THAT(names(entries),
              ElementsAre("seed=0,warmup.epochs=10", "seed=0,warmup.epochs=15", "seed=0,warmup.epochs=20",
                          "seed=1,warmup.epochs=10", "seed=1,warmup.epochs=15", "seed=1,warmup.epochs=20"));
  EXPECT_THAT(entries[4].words, ElementsAre("--seed=1", "--warmup.epochs=15"));
  for (const SweepEntry& entry : entries)
    EXPECT_EQ(entry.config, "model = m  # of all\n\n[warmup]\n\nlr = 1e-3\n") << "lines stay where they were";
}

TEST(SweepFile, SectionsArePointsWithOptionsOfTheirOwn) {
  const auto entries = read_sweep("s.cfg",
                                  "model = m\n"
                                  "warmup.epochs = 1 | 2\n"
                                  "[lp]\n"
                                  "radius = 1\n"
                                  "[point plain]\n"
                                  "[point small]\n"
                                  "tune.blocks = 1,7\n"
                                  "warmup.epochs = 5\n"
                                  "[ point  wide ]\n"
                                  "tune.blocks = 1 | 2\n");
  EXPECT_THAT(names(entries),
              ElementsAre("plain,warmup.epochs=1", "plain,warmup.epochs=2", "small",
                          "wide,warmup.epochs=1,tune.blocks=1", "wide,warmup.epochs=1,tune.blocks=2",
                          "wide,warmup.epochs=2,tune.blocks=1", "wide,warmup.epochs=2,tune.blocks=2"));
  EXPECT_THAT(entries[2].words, ElementsAre("--tune.blocks=1,7", "--warmup.epochs=5"));
  EXPECT_THAT(entries[2].config, AllOf(HasSubstr("[lp]\nradius = 1\n"), Not(HasSubstr("point"))));
}

TEST(SweepFile, OneConfigurationIsASweepToo) {
  EXPECT_THAT(names(read_sweep("s.cfg", "model = m\n")), ElementsAre("point"));
}

TEST(SweepFile, WhatAPathOrAShellWouldReadIsNotInAName) {
  const auto entries = read_sweep("s.cfg", "model = a/b c | a/b/c | $HOME\n");
  ASSERT_EQ(entries.size(), 3U);
  for (const SweepEntry& entry : entries)
    EXPECT_EQ(entry.name.find_first_of("/ $|\\'\""), std::string::npos) << entry.name;
  EXPECT_EQ(entries[0].words.front(), "--model=a/b c");
  EXPECT_THAT(entries[0].name, HasSubstr("model=a_b_c-"));
  const auto long_one = read_sweep("s.cfg", "model = " + std::string(400, 'x') + " | y\n");
  EXPECT_LT(long_one[0].name.size(), 200U);
}

TEST(SweepFile, WhatAPointSetsItselfIsNotCommonToIt) {
  const auto entries =
      read_sweep("s.cfg",
                 "deterministic = true\nmodel = m\n[point a]\ndeterministic = false\n[point b]\n"
                 "model = x | y\n");
  EXPECT_EQ(entries[0].config.find("deterministic"), std::string::npos);
  EXPECT_EQ(entries[1].config, "deterministic = true\n\n\n\n\n\n");
}

TEST(SweepFile, FlagsMayBeAlternatives) {
  const auto entries = read_sweep("s.cfg", "deterministic = true | false\n");
  EXPECT_THAT(entries[0].words, ElementsAre("--deterministic"));
  EXPECT_THAT(entries[1].words, ElementsAre());
}

TEST(SweepFile, RefusesWhatIsWrongNamingTheLine) {
  EXPECT_THAT(refusal("seed = 1\nseed = 2\n"), AllOf(HasSubstr("s.cfg:2"), HasSubstr("given twice")));
  EXPECT_THAT(refusal("seed = 1 | 2 | 1\n"), HasSubstr("the alternative '1' stands twice"));
  EXPECT_THAT(refusal("a\nout = here\n"), HasSubstr("s.cfg:1: 'a' is neither"));
  EXPECT_THAT(refusal("\nout = here\n"),
              HasSubstr("s.cfg:2: out: 'out' belongs to the command line of lift sweep"));
  EXPECT_THAT(refusal("[point a]\nmax-hours = 3\n"), HasSubstr("belongs to the command line"));
  EXPECT_THAT(refusal("search.keep = f\n"), HasSubstr("would be one file for all runs"));
  EXPECT_THAT(refusal("[point a]\n[point b]\n[point a]\n"), HasSubstr("s.cfg:3: [point a] stands twice"));
  EXPECT_THAT(refusal("[point a]\n[lp]\nradius = 1\n"),
              HasSubstr("s.cfg:2: [lp]: what all points share stands before the first [point a]"));
  EXPECT_THAT(refusal("[point a/b]\n"), HasSubstr("NAME of letters, digits, - and _"));
  EXPECT_THAT(refusal("[point]\n"), HasSubstr("expected [point NAME]"));
  EXPECT_THAT(refusal("point a.seed = 3\n"), HasSubstr("expected a section [point a]"));
  std::string many;
  for (const char* name : {"seed", "batch", "length", "limit", "train-limit"}) {
    many += std::string(name) + " = 1";
    for (int k = 2; k <= 10; ++k) many += " | " + std::to_string(k);
    many += "\n";
  }
  EXPECT_THAT(refusal(many), HasSubstr("more than 10000 points"));
}

TEST(SweepFile, OptionsOfAnEntryAreThoseOfARunThatGoesOn) {
  const auto entries = read_sweep("s.cfg",
                                  "model = m\ndata = d\ntune.blocks = 1\nlp.radius = 2\n"
                                  "[point a]\ndirection = lp | wise\n[point b]\nwarmup.epochs = -1\n"
                                  "[point c]\nwarmup.epoch = 1\n");
  const Options lp = options_of(entries[0], "s.cfg", "out/a");
  EXPECT_EQ(lp.path("out"), "out/a");
  EXPECT_TRUE(lp.flag("resume"));
  EXPECT_EQ(lp.origin("lp.radius"), "s.cfg:4");
  EXPECT_EQ(options_of(entries[1], "s.cfg", "out/a").origin("lp.radius"), "default")
      << "what a point's own choice leaves without meaning is left out of what is common";
  const auto trouble = [&](std::size_t k) {
    try {
      (void)options_of(entries[k], "s.cfg", "out/x");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(trouble(2), HasSubstr("--warmup.epochs"));
  EXPECT_THAT(trouble(3), HasSubstr("warmup.epochs"));
}

}  // namespace
}  // namespace lift
