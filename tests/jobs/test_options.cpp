#include "jobs/options.hpp"

#include <gmock/gmock.h>

#include <functional>

#include "jobs/option_values.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using Words = std::vector<std::string>;

const Words kRun = {"--model", "m", "--data", "d", "--out", "o", "--tune.blocks", "1,7,11"};

Options parse_run(Words words, const std::string& config = "") {
  words.insert(words.begin(), kRun.begin(), kRun.end());
  return Options::parse(Job::run, words, [&](const std::filesystem::path&) { return config; });
}

/// The message with which the words are refused, exit code 2; "" if they are not.
std::string refusal(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "";
}
std::string refusal_of_run(const Words& words, const std::string& config = "") {
  return refusal([&] { (void)parse_run(words, config); });
}

TEST(Options, ReadsEveryKind) {
  const Options options = parse_run({"--dry-run", "--warmup.lr", "2e-3", "--seed=7", "--search.batches",
                                     "all", "--tune.mlp-only", "1,11", "--tune.regularizers", "1:1,7:0,11:2",
                                     "--lp.lambda", "linear", "--petsc", "-mat_view ascii"});
  EXPECT_TRUE(options.flag("dry-run"));
  EXPECT_EQ(options.real("warmup.lr"), 2e-3);
  EXPECT_EQ(options.count("seed"), 7);
  EXPECT_EQ(options.count_or_word("search.batches"), std::nullopt);
  EXPECT_THAT(options.integers("tune.blocks"), ElementsAre(1, 7, 11));
  EXPECT_THAT(options.integers("tune.mlp-only"), ElementsAre(1, 11));
  EXPECT_THAT(options.integer_map("tune.regularizers"), ElementsAre(Pair(1, 1), Pair(7, 0), Pair(11, 2)));
  EXPECT_EQ(options.text("lp.lambda"), "linear");
  EXPECT_EQ(options.text("petsc"), "-mat_view ascii");
  EXPECT_EQ(options.path("model"), "m");
  EXPECT_EQ(options.path("search.keep"), "");
  EXPECT_EQ(options.optional_count("limit"), std::nullopt);
  EXPECT_EQ(options.optional_real("lp.lambda-scale"), std::nullopt);
}

TEST(Options, CommandLineComesBeforeFileBeforeDefault) {
  const Options options =
      parse_run({"--config", "my.cfg", "--batch", "7"}, "batch = 3\n\n[warmup]\nlr = 3e-4  # of Adam\n");
  EXPECT_EQ(options.count("batch"), 7);
  EXPECT_EQ(options.real("warmup.lr"), 3e-4);
  EXPECT_EQ(options.real("warmup.lambda"), 1e-4);
  EXPECT_EQ(options.origin("batch"), "command line");
  EXPECT_EQ(options.origin("warmup.lr"), "my.cfg:4");
  EXPECT_EQ(options.origin("warmup.lambda"), "default");
  EXPECT_EQ(options.origin("limit"), "unset");
  EXPECT_TRUE(options.given("warmup.lr"));
  EXPECT_FALSE(options.given("warmup.lambda"));
  EXPECT_THAT(options.as_table(),
              AllOf(HasSubstr("my.cfg:4"), HasSubstr("warmup.lambda"), testing::Not(HasSubstr("version"))));
}

TEST(Options, APresetComesBetweenFileAndDefault) {
  const Options options =
      parse_run({"--preset", "recover", "--search.rounds", "7", "--config", "c"}, "search.probes = 2\n");
  EXPECT_EQ(options.count("search.rounds"), 7);
  EXPECT_EQ(options.count("search.probes"), 2);
  EXPECT_EQ(options.text("regularizer"), "l2-sp");
  EXPECT_EQ(options.origin("regularizer"), "preset recover");
  EXPECT_FALSE(options.given("regularizer"));
  EXPECT_EQ(options.origin("search.max-step"), "default");
}

TEST(Options, APresetReadsBackEvenWhereOneOfItsOptionsIsIdle) {
  const Options options = parse_run({"--preset", "recover", "--search.probe-kind", "adjoint"});
  const std::string config = options.as_config();
  const Options again = Options::parse(Job::run, Words{"--config", "c"}, [&](const auto&) { return config; });
  EXPECT_EQ(again.as_config(), config);
  const auto with_preset = [&] {
    return Options::parse(Job::run, Words{"--config", "c", "--preset", "paper"},
                          [&](const auto&) { return config; });
  };
  EXPECT_THROW(with_preset(), Error) << "a preset that changes nothing";
}

TEST(Options, ConfigReadsBackToTheSameValues) {
  const Options options =
      parse_run({"--lp.radius", "0.25", "--tune.regularizers", "1:2,7:0", "--petsc", "-a b", "--limit", "12",
                 "--search.batches", "all", "--json", "answer of mine.json", "--dry-run"});
  const std::string config = options.as_config();
  const Options again = Options::parse(Job::run, Words{"--config", "c"}, [&](const auto&) { return config; });
  EXPECT_EQ(again.as_config(), config);
  EXPECT_EQ(again.real("lp.radius"), 0.25);
  EXPECT_EQ(again.path("json"), "answer of mine.json");
  EXPECT_FALSE(again.flag("dry-run"));
}

TEST(Options, EmptyListOverridesAFile) {
  const Options options = parse_run({"--config", "c", "--tune.mlp-only", ""}, "tune.mlp-only = 1");
  EXPECT_THAT(options.integers("tune.mlp-only"), ElementsAre());
}

struct Refused {
  Words words;
  const char* message;
};

void expect_refused(const std::vector<Refused>& cases) {
  for (const Refused& refused : cases) {
    EXPECT_THAT(refusal_of_run(refused.words), HasSubstr(refused.message))
        << testing::PrintToString(refused.words);
  }
}

TEST(Options, ShowsWhatWasTypedCutShortAndWithoutControlCharacters) {
  EXPECT_EQ(shown("warmup.lr"), "warmup.lr");
  EXPECT_EQ(shown("größer"), "größer");
  EXPECT_EQ(shown(std::string(3000, 'x')), std::string(200, 'x') + "…");
  EXPECT_LE(shown(std::string(3000, '\x1b')).size(), 210U);
  const std::string refusal = refusal_of_run({"a\x1b[31m\xff"});
  EXPECT_THAT(refusal, HasSubstr(R"(stray word 'a\x1b[31m\xff')"));
}

TEST(Options, WordsThatStandAloneAreKeptInTheirOrder) {
  const Words words = {"b", "--out", "o", "a", "--format", "csv", "--", "c"};
  const Options options = Options::parse(Job::report, words);
  EXPECT_THAT(options.words(), ElementsAre("b", "a", "c"));
  EXPECT_EQ(options.path("out"), "o");
  EXPECT_TRUE(Options::parse(Job::lp, Words{"--input", "a", "--output", "b"}).words().empty());
  const auto refusal = [](Job job, const Words& wrong) {
    try {
      (void)Options::parse(job, wrong);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal(Job::report, {"--out", "o"}), HasSubstr("lift report RUN...: 0 words are given"));
  EXPECT_THAT(refusal(Job::diff, {"a"}), HasSubstr("lift diff A B: one word is given"));
  EXPECT_THAT(refusal(Job::diff, {"a", "b", "c"}), HasSubstr("3 words are given"));
  EXPECT_THAT(refusal(Job::diff, {"a", "b", ""}), HasSubstr("stray word ''"));
}

TEST(Options, RefusesWhatIsWrongOnTheCommandLine) {
  const std::vector<Refused> cases = {
      {{"--bacth", "3"}, "unknown option 'bacth' of lift run; the nearest it has is 'batch'"},
      {{"--batc", "3"}, "unknown option 'batc'"},
      {{"--batch=3", "--bat=3"}, "unknown option 'bat'"},
      {{"-h"}, "unknown option 'h'"},
      {{"--split", "test"}, "'split' is an option of lift evaluate, not of lift run"},
      {{"word"}, "stray word 'word'"},
      {{""}, "stray word ''"},
      {{"--", "word"}, "stray word 'word'"},
      {{"--dry-run", "true"}, "stray word 'true'"},
      {{"--dry-run=yes"}, "'--dry-run' does not take any arguments"},
      {{"--batch", "3", "--batch", "3"}, "--batch: given twice"},
      {{"--batch"}, "'--batch' is missing"},
      {{"--batch="}, "'--batch'"},
      {{"--json", "--batch", "3"}, "--json has no value"},
      {{"--json", "--bacth", "3"}, "--json has no value; '--bacth' stands in its place"},
      {{"--json", ""}, "--json: the path is empty"},
      {{"--json", "a#b"}, "--json: 'a#b' contains a #"},
      {{"--json", "a\nb"}, R"(--json: 'a\nb' contains a # or a line break)"},
      {{"--json", " a"}, "--json: ' a' begins or ends with a blank"},
      {{"--batch", "four"}, "--batch: 'four' is not a whole number; expected a whole number >= 1"},
      {{"--batch", "4.0"}, "'4.0' is not a whole number"},
      {{"--batch", "4 "}, "'4 ' is not a whole number"},
      {{"--batch", ""}, "'' is not a whole number"},
      {{"--batch", "-4"}, "--batch: '-4' is out of range"},
      {{"--seed", "-1"}, "--seed: '-1' is out of range; expected a whole number >= 0"},
      {{"--batch", "0"}, "'0' is out of range"},
      {{"--batch", "2147483648"}, "too large, at most 2147483647"},
      {{"--seed", "9223372036854775808"}, "beyond the range of numbers"},
      {{"--limit", "0"}, "--limit: '0' is out of range"},
      {{"--search.steps", "1"}, "--search.steps: '1' is out of range; expected a whole number >= 2"},
      {{"--search.batches", "some"}, "expected a whole number >= 1 or the word all"},
      {{"--warmup.lr", "nan"}, "--warmup.lr: 'nan' is not finite; expected a number > 0"},
      {{"--warmup.lr", "inf"}, "'inf' is not finite"},
      {{"--warmup.lr", "1e999"}, "beyond the range of numbers"},
      {{"--warmup.lr", "0"}, "'0' is out of range; expected a number > 0"},
      {{"--warmup.lr", "1e-4x"}, "'1e-4x' is not a number"},
      {{"--warmup.lr", "1,5"}, "'1,5' is not a number"},
      {{"--warmup.lambda", "-1e-4"}, "'-1e-4' is out of range; expected a number >= 0"},
      {{"--lp.lambda", "Log"}, "'Log' is not one of them; expected one of log, linear"},
      {{"--tune.mlp-only", "1,,7"}, "'' is not a whole number"},
      {{"--tune.mlp-only", "1,"}, "'' is not a whole number"},
      {{"--tune.mlp-only", "1;7"}, "'1;7' is not a whole number"},
      {{"--tune.mlp-only", "-1"}, "'-1' is out of range"},
      {{"--tune.regularizers", "1"}, "'1' is not a pair KEY:VALUE"},
      {{"--tune.regularizers", "1:2:3"}, "'1:2:3' is not a pair"},
      {{"--tune.regularizers", "1:"}, "'' is not a whole number"},
      {{"--tune.regularizers", "1:1,1:2"}, "'1' stands twice"},
  };
  expect_refused(cases);
}

TEST(Options, RefusesContradictions) {
  const std::vector<Refused> cases = {
      {{"--tune.first-blocks", "2"}, "--tune.blocks and --tune.first-blocks contradict each other"},
      {{"--tune.mlp-only", "2"}, "--tune.mlp-only: block 2 is not tuned; expected one of --tune.blocks"},
      {{"--tune.mlp-only", "1,1"}, "--tune.mlp-only: block 1 stands twice"},
      {{"--tune.regularizers", "2:1"}, "--tune.regularizers: block 2 is not tuned"},
  };
  expect_refused(cases);

  const auto run = [](Words tune) {
    Words words = {"--model", "m", "--data", "d", "--out", "o"};
    words.insert(words.end(), tune.begin(), tune.end());
    return refusal([&] { (void)Options::parse(Job::run, words); });
  };
  EXPECT_THAT(run({}), HasSubstr("nothing to tune"));
  EXPECT_THAT(run({"--tune.blocks", ""}), HasSubstr("nothing to tune"));
  EXPECT_THAT(run({"--tune.blocks", "3,3"}), HasSubstr("--tune.blocks: block 3 stands twice"));
  EXPECT_THAT(run({"--tune.first-blocks", "2", "--tune.mlp-only", "2"}),
              HasSubstr("expected one of --tune.first-blocks"));
  EXPECT_EQ(run({"--tune.first-blocks", "2", "--tune.mlp-only", "1"}), "");
}

TEST(Options, RefusesWhatAnotherChoiceLeavesWithoutMeaning) {
  const std::vector<Refused> cases = {
      {{"--curvature.basis", "9"}, "--curvature.basis has no meaning without --curvature.report on"},
      {{"--direction", "sign", "--search.probes", "4"},
       "--search.probes has no meaning with --direction sign"},
      {{"--direction", "exact", "--search.probe-kind", "krylov"}, "--search.probe-kind has no meaning"},
      {{"--direction", "bilevel", "--search.probes", "3"}, "--search.probes has no meaning"},
      {{"--direction", "bilevel", "--lp.trust-region", "l2"}, "--lp.trust-region has no meaning"},
      {{"--direction", "bilevel", "--lp.radius", "1"}, "--lp.radius has no meaning"},
      {{"--direction", "bilevel", "--lp.lambda", "linear"}, "--direction bilevel moves log lambda"},
      {{"--direction", "wise", "--search.probe-space", "joint"}, "--search.probe-space has no meaning"},
      {{"--direction", "gradient", "--search.keep", "f"}, "--search.keep has no meaning"},
      {{"--direction", "sign", "--lp.trust-region", "l2"}, "--lp.trust-region has no meaning"},
      {{"--direction", "exact", "--lp.trust-region", "none"}, "bounds lambda alone"},
      {{"--direction", "sign", "--search.hvp", "central"}, "--search.hvp has no meaning"},
      {{"--direction", "wise", "--search.curvature", "ggn"}, "--search.curvature has no meaning"},
      {{"--direction", "gradient", "--lp.lambda", "linear"}, "--lp.lambda has no meaning"},
      {{"--direction", "sign", "--lp.lambda-scale", "1"}, "--lp.lambda-scale has no meaning"},
      {{"--direction", "wise", "--lp.radius", "1"}, "--lp.radius has no meaning with --direction wise"},
      {{"--direction", "exact", "--lp.radius-unit", "norm"}, "--lp.radius-unit has no meaning"},
      {{"--lp.trust-region", "none", "--lp.radius", "5"}, "--lp.radius has no meaning"},
      {{"--lp.trust-region", "l2", "--lp.time-limit", "5"}, "--lp.time-limit has no meaning without the box"},
      {{"--lp.trust-region", "two-balls", "--lp.method", "mehrotra"},
       "--lp.method has no meaning without the box"},
      {{"--lp.trust-region", "box-l2", "--lp.relax", "0.1"}, "--lp.relax has no meaning without the box"},
      {{"--search.solve-tol", "1e-2"}, "--search.solve-tol has no meaning without an implicit solve"},
      {{"--search.max-hvps", "40"}, "--search.max-hvps has no meaning without an implicit solve"},
      {{"--direction", "exact", "--search.max-hvps", "9"}, "--search.max-hvps 9: expected at least 10, 8 of"},
      {{"--direction", "exact", "--search.max-hvps", "1", "--search.damping", "1"}, "expected at least 2"},
      {{"--search.probe-kind", "adjoint", "--search.max-hvps", "8"}, "expected at least 9"},
      {{"--search.corrector-steps", "4"}, "--search.corrector-steps has no meaning with fewer than two"},
      {{"--search.corrector-lr", "1e-3"}, "--search.corrector-lr has no meaning without a corrector"},
      {{"--recover.overshoot", "2"}, "--recover.overshoot has no meaning"},
      {{"--search.min-gain", "1e-3"}, "--search.min-gain has no meaning with fewer than two rounds"},
      {{"--search.rounds", "0", "--search.keep", "f"}, "--search.keep has no meaning without a round"},
      {{"--search.line", "model", "--search.max-step", "2"}, "--search.max-step has no meaning"},
      {{"--search.line", "model", "--search.ratio", "on"}, "--search.ratio has no meaning"},
      {{"--warmup.epochs", "0", "--warmup.schedule", "cosine"}, "--warmup.schedule has no meaning"},
      {{"--search.fd-step", "1e-2"}, "--search.fd-step has no meaning with --search.hvp exact"},
      {{"--search.curvature", "ggn", "--search.hvp", "central"}, "is not made by --search.hvp central"},
      {{"--search.curvature", "ggn", "--tune.embeddings", "1"}, "needs a frozen head"},
      {{"--tune.lora-alpha", "4"}, "--tune.lora-alpha has no meaning without --tune.lora"},
      {{"--tune.lora-targets", "mlp"}, "--tune.lora-targets has no meaning without --tune.lora"},
      {{"--tune.lora", "4", "--tune.embeddings", "1"}, "--tune.embeddings tunes the embeddings"},
      {{"--tune.lora", "4", "--start", "s"}, "--tune.lora begins at --model"},
      {{"--tune.lora", "4", "--tune.mlp-only", "1", "--tune.lora-targets", "attention"},
       "leaves nothing to tune of block 1"},
      {{"--tune.lora", "0"}, "expected a whole number >= 1"},
      {{"--tune.lora", "4", "--tune.lora-alpha", "0"}, "expected a number > 0"},
      {{"--tune.lora", "4", "--tune.lora-targets", "head"}, "expected one of all, attention, mlp"},
      {{"--tune.embeddings", "3"}, "at most 2 is allowed; expected a whole number >= 0 and <= 2"},
      {{"--search.holdout", "0.95"}, "at most 0.9 is allowed"},
      {{"--search.keep", "f", "--json", "f"}, "--search.keep and --json are both f"},
  };
  expect_refused(cases);
}

TEST(Options, RefusesInAFileToo) {
  const auto in_file = [](const std::string& config) { return refusal_of_run({"--config", "c"}, config); };
  EXPECT_THAT(in_file("direction = sign\nsearch.probes = 32"),
              HasSubstr("c:2: --search.probes has no meaning with --direction sign"));
  EXPECT_EQ(refusal_of_run({"--config", "c", "--direction", "sign"}, "search.probes = 32"), "")
      << "the file was for another direction";
  EXPECT_EQ(in_file("direction = sign\nsearch.probes = 16"), "") << "the default";
  EXPECT_EQ(in_file("preset = recover\ndirection = sign\nsearch.probes = 4"), "") << "the preset's";
}

TEST(Options, EpochsToBeKeptAreIdleOnlyWithoutAWarmUp) {
  EXPECT_THAT(refusal_of_run({"--config", "c", "--warmup.epochs", "12"}, "warmup.keep = 5,10,20"),
              HasSubstr("--warmup.keep: epoch 20 is beyond --warmup.epochs 12"));
}

TEST(Options, RefusesContradictionsOfOtherJobs) {
  const Words pretrain = {"--data", "d", "--out", "o", "--tokenizer", "t"};
  const auto with = [&](Words more) {
    more.insert(more.begin(), pretrain.begin(), pretrain.end());
    return refusal([&] { (void)Options::parse(Job::pretrain, more); });
  };
  EXPECT_THAT(with({"--width", "10", "--heads", "4"}),
              HasSubstr("--width 10 is not a multiple of --heads 4"));
  EXPECT_THAT(with({"--length", "65", "--positions", "64"}),
              HasSubstr("--length 65 is beyond --positions 64"));
  EXPECT_EQ(with({}), "");
  const Words report = {"--model", "m", "--data", "d", "--out", "o"};
  const auto of_report = [&](Words more) {
    more.insert(more.begin(), report.begin(), report.end());
    return refusal([&] { (void)Options::parse(Job::curvature, more); });
  };
  EXPECT_THAT(of_report({}), HasSubstr("nothing to tune"));
  EXPECT_THAT(of_report({"--tune.blocks", "1", "--search.fd-step", "1e-3"}),
              HasSubstr("--search.fd-step has no meaning with --search.hvp exact"));
  EXPECT_THAT(of_report({"--tune.blocks", "1", "--precision", "bf16"}), HasSubstr("no training step"));
  EXPECT_THAT(of_report({"--tune.blocks", "1", "--curvature.max-hvps", "39"}), HasSubstr("out of range"));
  EXPECT_EQ(of_report({"--tune.blocks", "1"}), "");
  const Words lp = {"--input", "a", "--output", "a"};
  EXPECT_THAT(refusal([&] { (void)Options::parse(Job::lp, lp); }),
              HasSubstr("--input and --output are both a"));
  const Words answer = {"--input", "a", "--output", "./b", "--json", "b"};
  EXPECT_THAT(refusal([&] { (void)Options::parse(Job::lp, answer); }),
              HasSubstr("--output and --json are both b"));
}

TEST(Options, RefusesAMissingRequiredOption) {
  const Words words = {"--model", "m"};
  EXPECT_THAT(refusal([&] { (void)Options::parse(Job::evaluate, words); }),
              HasSubstr("lift evaluate needs --data"));
}

TEST(Options, RefusesWhatIsWrongInAFile) {
  const auto in_file = [](const std::string& config) {
    return refusal_of_run({"--config", "my.cfg"}, config);
  };
  EXPECT_THAT(in_file("# one\nbatch = 3\nnonsense\n"), HasSubstr("my.cfg:3: 'nonsense' is neither"));
  EXPECT_THAT(in_file("[warmup]\nlr = 1\n\nepoch = 3\n"),
              AllOf(HasSubstr("my.cfg:4: "), HasSubstr("'warmup.epoch'"), HasSubstr("'warmup.epochs'")));
  EXPECT_THAT(in_file("split = test"), HasSubstr("my.cfg:1: split: 'split' is an option of lift evaluate"));
  EXPECT_THAT(in_file("batch = 3\r\nbatch = 3\r\n"),
              HasSubstr("my.cfg:2: batch: given twice (my.cfg:1 and my.cfg:2)"));
  EXPECT_THAT(in_file("warmup.lr = 3\n[warmup]\nlr = 3\n"), HasSubstr("my.cfg:3: warmup.lr: given twice"));
  EXPECT_THAT(in_file("batch = x"), HasSubstr("my.cfg:1: batch: 'x' is not a whole number"));
  EXPECT_THAT(in_file("batch ="), HasSubstr("my.cfg:1: batch: '' is not a whole number"));
  EXPECT_THAT(in_file("config = other.cfg"), HasSubstr("belongs on the command line"));
  EXPECT_THAT(in_file("dry-run = true"), HasSubstr("belongs on the command line"));
  EXPECT_THAT(in_file("= 3"), HasSubstr("my.cfg:1: "));
  EXPECT_THAT(in_file("--batch = 3"), HasSubstr("unknown option '--batch'"));
  EXPECT_EQ(in_file("\xEF\xBB\xBF"), R"(my.cfg:1: '\ufeff' is neither [section] nor name = value)");
}

TEST(Options, ConfigFileThatCannotBeReadIsAnInputError) {
  for (const char* path : {"/nonexistent/lift.cfg", "/tmp"}) {
    try {
      (void)Options::parse(Job::lp, Words{"--input", "a", "--output", "b", "--config", path});
      ADD_FAILURE() << "accepted " << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::input);
      EXPECT_THAT(error.what(), HasSubstr(path));
    }
  }
}

TEST(Options, AskingForAnotherKindOrNameIsInternal) {
  const Options options = parse_run({});
  for (const auto& ask : std::vector<std::function<void()>>{
           [&] { (void)options.count("nothing"); }, [&] { (void)options.count("warmup.lr"); },
           [&] { (void)options.text("split"); }, [&] { (void)options.count("limit"); }}) {
    try {
      ask();
      ADD_FAILURE() << "answered";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::internal);
    }
  }
}

TEST(Options, NotesWhatWasRead) {
  const Options options = Options::parse(Job::lp, Words{"--input", "a", "--output", "b", "--petsc", "-x"});
  EXPECT_THAT(options.unread(), ElementsAre("input", "output", "json", "lp.method", "lp.relax",
                                            "lp.crossover", "lp.time-limit", "petsc"));
  (void)options.path("input");
  (void)options.real("lp.time-limit");
  EXPECT_THAT(options.unread(),
              ElementsAre("output", "json", "lp.method", "lp.relax", "lp.crossover", "petsc"));
}

}  // namespace
}  // namespace lift
