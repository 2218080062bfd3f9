// Options of the data, the warm-up and the search's samples: how many sequences are worked on, and how.
#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>
#include <sstream>

#include "tests/jobs/run_options.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// `key` of each step of the warm-up, from the metrics of a run.
std::vector<double> of_steps(const fs::path& run, const char* key) {
  std::vector<double> values;
  std::istringstream lines(text_of(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const auto step = nlohmann::json::parse(line);
    if (step.at("kind") == "step") values.push_back(step.at(key).get<double>());
  }
  return values;
}

/// Whatever a folder holds; it need not be there.
std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  return files;
}

/// Sets a variable of the environment until the end of the block.
class Variable {
 public:
  Variable(const char* name, const fs::path& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST_F(RunOptions, ABatchIsOfSoManySequences) {
  const auto four = result("");
  EXPECT_THAT(of_steps(path(out()), "step"), SizeIs(3)) << "of 12 training sequences";
  const auto six = result("--batch 6");
  EXPECT_THAT(of_steps(path(out()), "step"), SizeIs(2));
  EXPECT_NE(six.epochs[1].valid, four.epochs[1].valid);
  EXPECT_EQ(total(six).gradients - total(four).gradients, 4 * (6 - 4))
      << "of g, of the training loss beside it, and two of the self-check";
  EXPECT_EQ(4 * total(six).hvp_sequences, 6 * total(four).hvp_sequences);
}

TEST_F(RunOptions, TheLengthIsWhatTheSplitsAreCutInto) {
  const std::string untouched = "--limit 100000 --warmup.epochs 0 --search.rounds 0 ";
  const auto usual = result(untouched), half = result(untouched + "--length 8");
  for (const auto split : {&Evaluation::valid, &Evaluation::test}) {
    const SplitLoss &whole = *(usual.before.*split), &parts = *(half.before.*split);
    EXPECT_GT(whole.sequences, 20);
    EXPECT_EQ(parts.sequences / 2, whole.sequences) << "and what was left over may be one more";
    EXPECT_NE(parts.loss, whole.loss);
  }
}

TEST_F(RunOptions, TheScheduleIsOfTheLearningRate) {
  const auto warmed_up = [&](const std::string& schedule) {
    const auto found = result("--search.rounds 0 --warmup.epochs 2 --warmup.schedule " + schedule);
    return std::pair(of_steps(path(out()), "learning_rate"), found.epochs.at(2).valid);
  };
  const auto [constant, loss] = warmed_up("constant");
  const auto [linear, linear_loss] = warmed_up("linear");
  const auto [cosine, cosine_loss] = warmed_up("cosine");
  ASSERT_THAT(constant, SizeIs(6));
  EXPECT_THAT(constant, Each(1e-2));
  for (std::size_t k = 0; k < 6; ++k) {
    const double done = static_cast<double>(k) / 6;
    EXPECT_NEAR(linear.at(k), 1e-2 * (1 - done), 1e-15);
    EXPECT_NEAR(cosine.at(k), 0.5e-2 * (1 + std::cos(std::numbers::pi * done)), 1e-15);
  }
  EXPECT_NE(linear_loss, loss);
  EXPECT_NE(cosine_loss, loss);
  EXPECT_NE(cosine_loss, linear_loss);
}

/// Adam takes as long a step whatever the gradient's length, until that is far below its ε.
TEST_F(RunOptions, TheClipIsOfTheGradientsLength) {
  const auto warmed_up = [&](const std::string& clip) {
    return result("--deterministic --search.rounds 0 --warmup.clip " + clip).epochs;
  };
  const auto none = warmed_up("0");
  const auto lengths = of_steps(path(out()), "gradient_norm");
  EXPECT_THAT(lengths, Each(testing::Gt(1e-3)));
  EXPECT_EQ(warmed_up("1e9").at(1).valid, none.at(1).valid);
  const auto held = warmed_up("1e-13");
  EXPECT_THAT(of_steps(path(out()), "gradient_norm").at(0), DoubleNear(lengths.at(0), 1e-6))
      << "what is told is the length before";
  EXPECT_GT(std::abs(none.at(1).valid - none.at(0).valid), 1e-2);
  EXPECT_NEAR(held.at(1).valid, held.at(0).valid, 1e-5);
}

TEST_F(RunOptions, BatchesMakeTheGradientOfTheSearch) {
  const auto one = result("--deterministic --search.batches 1"),
             two = result("--deterministic --search.batches 2"),
             all = result("--deterministic --search.batches all");
  EXPECT_EQ(total(two).gradients - total(one).gradients, 4);
  EXPECT_EQ(total(two).hvp_sequences, total(one).hvp_sequences);
  EXPECT_NE(two.rounds[0].lp->objective, one.rounds[0].lp->objective);
  EXPECT_EQ(total(all).gradients, total(two).gradients) << "the split has eight sequences";
  EXPECT_EQ(all.rounds[0].lp->objective, two.rounds[0].lp->objective);
}

TEST_F(RunOptions, BatchesMakeTheProductsOfTheSearch) {
  const auto one = result("--search.hvp-batches 1"), two = result("--search.hvp-batches 2");
  EXPECT_EQ(total(two).hvp_sequences - total(one).hvp_sequences, 3 * 4) << "three probes";
  EXPECT_EQ(total(two).gradients - total(one).gradients, 4) << "the training gradient beside them";
  EXPECT_NE(two.rounds[0].lp->objective, one.rounds[0].lp->objective);
}

/// Of what is read, no more than is evaluated: there is no training split beside it.
TEST_F(RunOptions, AnotherCorpusIsEvaluatedAndChangesNothingElse) {
  const std::string plainly = "--deterministic --warmup.epochs 2 --warmup.lr 3e-2 ";
  const auto alone = result(plainly);
  const auto weights = text_of(path(out()) / "model/model.safetensors");
  const auto beside = result(plainly + "--ood " + path("other").string());
  const std::string there = out();
  EXPECT_EQ(text_of(path(out()) / "model/model.safetensors"), weights);
  EXPECT_FALSE(alone.before.ood || alone.after.ood || alone.early_stopping->ood);
  EXPECT_DOUBLE_EQ(beside.warmup_units, alone.warmup_units);
  EXPECT_DOUBLE_EQ(beside.search_units, alone.search_units);
  EXPECT_EQ(beside.before.ood.value().sequences, 8) << "--limit";
  EXPECT_NE(beside.before.ood->loss, beside.before.test->loss);
  for (const auto& [model, loss] :
       {std::pair("model", beside.after.ood), {"checkpoints/best", beside.early_stopping->ood}}) {
    const auto again =
        result(fmt::format("--deterministic --warmup.epochs 0 --search.rounds 0 --start {} --ood {}",
                           (path(there) / model).string(), path("other").string()));
    EXPECT_NEAR(again.before.ood->loss, loss.value().loss, 1e-6) << model;
  }
}

/// The upper level is of another corpus: LiFT's, and a rival's.
TEST_F(RunOptions, TheSearchWorksOnTheValidationSplitItIsGiven) {
  const std::string plainly = "--deterministic --limit 6 ",
                    beside = plainly + "--valid-data " + path("other").string();
  const auto own = result(plainly), others = result(beside);
  EXPECT_EQ(own.search_sequences, 0);
  EXPECT_EQ(others.search_sequences, 6);
  EXPECT_DOUBLE_EQ(others.before.valid->loss, own.before.valid->loss) << "what is evaluated is left as it is";
  EXPECT_NE(others.rounds[0].line_search.front().second, own.rounds[0].line_search.front().second);
  EXPECT_NE(others.after.test->loss, own.after.test->loss);
  const auto all = result(beside + " --search.sequences 9");
  EXPECT_EQ(all.search_sequences, 9) << "of all of it, beyond --limit";
  const std::string f2sa = "--method f2sa --method.steps 2 ";
  EXPECT_NE(result(f2sa + beside, "--tune.blocks 0,1 ").after.test->loss,
            result(f2sa + plainly, "--tune.blocks 0,1 ").after.test->loss);
  const JobRun missing = run("--tune.blocks 0,1 --valid-data " + path("model").string());
  EXPECT_EQ(missing.code, ExitCode::input);
}

TEST_F(RunOptions, AnotherCorpusWithoutATestSplitIsRefused) {
  const JobRun ending = run("--tune.blocks 0,1 --ood " + path("model").string());
  EXPECT_EQ(ending.code, ExitCode::input);
  EXPECT_THAT(ending.error, testing::HasSubstr(path("model").string()));
  EXPECT_THAT(files_in(path(out())), IsEmpty());
}

TEST_F(RunOptions, TokensAreKeptInTheCacheAskedFor) {
  const Variable home("XDG_CACHE_HOME", path("home"));
  const std::string little = "--deterministic --tune.blocks 0,1 --search.rounds 0 --warmup.epochs 0 ";
  const auto loss_of = [&](const JobRun& ending) {
    EXPECT_EQ(ending.code, ExitCode::done) << ending.error;
    return read_result(path(out()) / "result.json").before.valid->loss;
  };
  const double loss = loss_of(run(little + "--cache none"));
  EXPECT_THAT(files_in(path("home/lift")), IsEmpty());
  const std::string cached = little + "--cache " + path("cache").string();
  EXPECT_EQ(loss_of(run(cached)), loss);
  EXPECT_THAT(files_in(path("home/lift")), IsEmpty());
  const auto entries = files_in(path("cache"));
  EXPECT_THAT(entries, SizeIs(3)) << "one a split";
  world_.barrier();
  if (world_.is_root()) {
    for (const fs::path& entry : entries) fs::resize_file(entry, 40);
  }
  world_.barrier();
  const JobRun again = run(cached);
  EXPECT_EQ(loss_of(again), loss);
  EXPECT_EQ(again.warnings.find("damaged token cache entry") != std::string::npos, world_.is_root())
      << "what is there is read: " << again.warnings;
}

}  // namespace
}  // namespace lift
