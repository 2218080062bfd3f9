// What is without effect: left out of a file's options, or noted.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <vector>

#include "jobs/options.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

TEST(Options, WhatTheCommandLineLeavesIdleIsNotWrittenAgain) {
  const std::string file =
      "search.probes = 32\nsearch.max-step = 3\nwarmup.schedule = cosine\nwarmup.keep = 1,2\n";
  const auto reader = [](const std::string& text) {
    return [text](const std::filesystem::path&) { return text; };
  };
  const Words words = {"--model",       "m",     "--data",          "d", "--out",       "o",
                       "--tune.blocks", "1",     "--config",        "c", "--direction", "sign",
                       "--search.line", "model", "--warmup.epochs", "0"};
  const Options options = Options::parse(Job::run, words, reader(file));
  EXPECT_EQ(options.count("search.probes"), 16) << "the default";
  EXPECT_TRUE(options.integers("warmup.keep").empty());
  const std::string written = options.as_config();
  const Words again = {"--config", "c"};
  EXPECT_EQ(Options::parse(Job::run, again, reader(written)).as_config(), written);
}

/// What is idle may be all that gave another option of the file its meaning, or be refused by itself.
TEST(Options, WhatIsIdleBecauseOfWhatIsIdleIsLeftOutToo) {
  const auto read_back = [](const std::string& file, const Words& typed) {
    Words words = {"--model", "m", "--data", "d", "--out", "o", "--tune.blocks", "1", "--config", "c"};
    words.insert(words.end(), typed.begin(), typed.end());
    const auto reader = [](const std::string& text) {
      return [text](const std::filesystem::path&) { return text; };
    };
    const std::string written = Options::parse(Job::run, words, reader(file)).as_config();
    const Words again = {"--config", "c"};
    EXPECT_EQ(Options::parse(Job::run, again, reader(written)).as_config(), written) << file;
    return written;
  };
  const Words sign = {"--direction", "sign"};
  EXPECT_THAT(read_back("search.hvp = forward\nsearch.fd-step = 0.1", sign),
              Not(HasSubstr("search.fd-step")));
  EXPECT_THAT(read_back("search.probe-kind = adjoint\nsearch.damping = 3", sign),
              Not(HasSubstr("search.damping")));
  EXPECT_THAT(read_back("search.hypergradient = on\nsearch.damping = 3", {"--search.hypergradient", "off"}),
              Not(HasSubstr("search.damping")));
  EXPECT_THAT(read_back("curvature.report = on\ncurvature.basis = 9", {"--curvature.report", "off"}),
              HasSubstr("curvature.basis = 30"));
  EXPECT_THAT(read_back("curvature.report = on\nsearch.hvp = central\nsearch.fd-step = 0.1", sign),
              HasSubstr("search.fd-step = 0.1"));
  EXPECT_THAT(read_back("search.curvature = identity", sign), HasSubstr("search.curvature = hessian"));
  EXPECT_THAT(read_back("search.probe-kind = adjoint\nsearch.max-hvps = 5", sign),
              HasSubstr("search.max-hvps = 200"));
  EXPECT_THAT(read_back("search.rounds = 3\nsearch.corrector-steps = epoch\nsearch.corrector-lr = 1e-3",
                        {"--search.rounds", "1"}),
              Not(HasSubstr("search.corrector-lr")));
}

TEST(Options, SaysWhatAPhaseThatIsLeftOutLeavesWithoutEffect) {
  const auto notes = [](Words more) {
    const Words run = {"--model", "m", "--data", "d", "--out", "o", "--tune.blocks", "1"};
    more.insert(more.begin(), run.begin(), run.end());
    return Options::parse(Job::run, more).notes();
  };
  EXPECT_THAT(notes({}), ElementsAre());
  EXPECT_THAT(
      notes({"--search.rounds", "0", "--direction", "exact", "--search.damping", "3", "--search.steps", "9"}),
      ElementsAre("without effect with --search.rounds 0: --direction, --search.damping, --search.steps"));
  EXPECT_THAT(notes({"--search.rounds", "0", "--search.watch", "3", "--lp.relax", "0.1", "--lp.crossover",
                     "on", "--search.sequences", "9", "--search.holdout", "0.5"}),
              ElementsAre(HasSubstr("rounds 0: --search.watch, --lp.relax, --lp.crossover"),
                          HasSubstr("without a stage of the search: --search.sequences, --search.holdout")));
  EXPECT_THAT(notes({"--search.rounds", "0", "--search.holdout", "0.5", "--recover.interpolate", "on"}),
              ElementsAre());
  EXPECT_THAT(notes({"--search.rounds", "0", "--search.hvp-batches", "3"}),
              ElementsAre(HasSubstr("rounds 0: --search.hvp-batches")));
  EXPECT_THAT(notes({"--search.rounds", "0", "--search.hvp-batches", "3", "--regularizer", "l2-sp"}),
              ElementsAre())
      << "its lambda is balanced on them";
  EXPECT_THAT(notes({"--search.rounds", "0", "--search.hvp-batches", "3", "--search.hvp", "central",
                     "--curvature.report", "on"}),
              ElementsAre())
      << "the report is made of them";
  EXPECT_THAT(
      notes({"--warmup.epochs", "0", "--warmup.lr", "1", "--warmup.clip", "2", "--warmup.lambda", "1",
             "--search.lambda", "1"}),
      ElementsAre(HasSubstr("--warmup.lambda"), HasSubstr("a corrector: --warmup.lr, --warmup.clip")));
  EXPECT_THAT(notes({"--warmup.epochs", "0", "--warmup.lr", "1", "--preset", "recover"}), ElementsAre())
      << "the corrector's rate follows from it";
}

TEST(Options, APrecisionThatNoStepOfARivalTakesIsRefused) {
  const auto refusal = [](const char* method, const char* epochs) -> std::string {
    const Words words = {"--model",       "m",   "--data",   "d",    "--out",           "o",
                         "--tune.blocks", "1",   "--method", method, "--warmup.epochs", epochs,
                         "--precision",   "bf16"};
    try {
      (void)Options::parse(Job::run, words);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refusal("f2sa", "0"), HasSubstr("--precision has no meaning as bf16 with --method f2sa"));
  EXPECT_THAT(refusal("tpgm-once", "0"), HasSubstr("its steps are in float32"));
  EXPECT_EQ(refusal("f2sa", "1"), "") << "that of the warm-up";
  EXPECT_EQ(refusal("tpgm", "0"), "") << "its training's";
  EXPECT_THAT(refusal("wise", "0"), HasSubstr("no training step"));
}

}  // namespace
}  // namespace lift
