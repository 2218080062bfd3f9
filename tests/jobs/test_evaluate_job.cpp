#include "jobs/evaluate_job.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "src/text/tokenizer.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class EvaluateJob : public testing::Test {
 protected:
  EvaluateJob() {
    if (world_.is_root()) write_toy_inputs(folder_.path());
    world_.barrier();
  }
  JobRun evaluate(const std::string& more, int length = 16) {
    const std::string words = " --model " + (folder_ / "model").string() + " --data " +
                              (folder_ / "data").string() + " --cache none --length " +
                              std::to_string(length) + " --json " + json().string() + " " + more;
    JobRun run = run_in_process(Job::evaluate, evaluate_job, words_of(words), world_);
    world_.barrier();
    return run;
  }
  [[nodiscard]] std::filesystem::path json() const { return folder_ / "answer.json"; }
  /// Changes the inputs on rank 0.
  void change(const std::function<void()>& action) {
    if (world_.is_root()) action();
    world_.barrier();
  }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
};

TEST_F(EvaluateJob, AnswersWithExactlyTheFiveKeys) {
  const JobRun run = evaluate("--split test --limit 20 --precision fp64");
  ASSERT_EQ(run.code, ExitCode::done) << run.error;
  EXPECT_THAT(run.unread, ElementsAre());
  const auto answer = nlohmann::ordered_json::parse(text_of(json()));
  std::vector<std::string> keys;
  for (const auto& [key, value] : answer.items()) keys.push_back(key);
  EXPECT_THAT(keys, ElementsAre("loss", "ppl", "sequences", "tokens", "seconds"));
  EXPECT_EQ(answer["sequences"], 20);
  EXPECT_EQ(answer["tokens"], 20 * 15);
  EXPECT_DOUBLE_EQ(answer["ppl"], std::exp(answer["loss"].get<double>()));
  EXPECT_NEAR(answer["loss"], std::log(toy_config().vocabulary), 0.1);  // random weights: nearly uniform
  EXPECT_GT(answer["seconds"], 0);
  if (world_.is_root()) {
    EXPECT_THAT(run.out, AllOf(HasSubstr("test: loss "), HasSubstr("20 sequences")));
  }
}

TEST_F(EvaluateJob, MicroBatchesAndRanksChangeNothingInFloat64) {
  const auto loss = [&](const std::string& words) {
    const JobRun run = evaluate("--precision fp64 " + words);
    EXPECT_EQ(run.code, ExitCode::done) << run.error;
    return nlohmann::json::parse(text_of(json()))["loss"].get<double>();
  };
  const double whole = loss("--micro-batch 64");
  EXPECT_NEAR(loss("--micro-batch 1"), whole, 1e-12 * whole);
  const Communicator self = Communicator::self();
  const std::filesystem::path mine = folder_ / ("alone" + std::to_string(world_.rank()) + ".json");
  const std::string words = "--precision fp64 --cache none --length 16 --model " +
                            (folder_ / "model").string() + " --data " + (folder_ / "data").string() +
                            " --json " + mine.string();
  EXPECT_EQ(run_in_process(Job::evaluate, evaluate_job, words_of(words), self).code, ExitCode::done);
  EXPECT_NEAR(nlohmann::json::parse(text_of(mine))["loss"].get<double>(), whole, 1e-12 * whole);
}

TEST_F(EvaluateJob, TheLimitIsOfWhateverSplitIsEvaluated) {
  for (const char* split : {"train", "valid", "test"}) {
    const JobRun run = evaluate(fmt::format("--split {} --limit 3", split));
    ASSERT_EQ(run.code, ExitCode::done) << run.error;
    EXPECT_EQ(nlohmann::json::parse(text_of(json()))["sequences"], 3) << split;
    world_.barrier();
  }
}

TEST_F(EvaluateJob, PrecisionIsThatOfTheWholeEvaluation) {
  const auto loss = [&](const std::string& precision) {
    const JobRun run = evaluate("--precision " + precision);
    EXPECT_EQ(run.code, ExitCode::done) << run.error;
    return nlohmann::json::parse(text_of(json()))["loss"].get<double>();
  };
  const double exact = loss("fp32"), rounded = loss("bf16");
  EXPECT_NE(rounded, exact);
  EXPECT_NEAR(rounded, exact, 1e-2);
}

TEST_F(EvaluateJob, RefusesALengthBeyondThePositions) {
  const JobRun run = evaluate("", 33);
  EXPECT_EQ(run.code, ExitCode::usage);
  EXPECT_THAT(run.error, AllOf(HasSubstr("--length 33"), HasSubstr("32 positions")));
}

TEST_F(EvaluateJob, MeetsTheReferenceOnRealText) {
  const std::filesystem::path shared = shared_folder();
  if (!std::filesystem::exists(shared / "models/reference.json")) GTEST_SKIP() << "no models in " << shared;
  const std::string words = "--limit 2 --model " + (shared / "models/gpt2-stand-in").string() + " --data " +
                            (shared / "data/wikitext-2-raw").string() + " --cache none --json " +
                            json().string();
  const JobRun run = run_in_process(Job::evaluate, evaluate_job, words_of(words), world_);
  ASSERT_EQ(run.code, ExitCode::done) << run.error;
  world_.barrier();
  const auto each = nlohmann::json::parse(text_of(shared / "models/reference.json"))["valid_loss_each"];
  const double expected = (each[0].get<double>() + each[1].get<double>()) / 2;
  EXPECT_NEAR(nlohmann::json::parse(text_of(json()))["loss"], expected, 1e-6 * expected);
}

TEST_F(EvaluateJob, RefusesAVocabularyOfAnotherSize) {
  change([&] {
    std::filesystem::remove(folder_ / "model/vocab.json");
    Tokenizer::train("some other text, with some other words in it: nothing else.", 270)
        .save(folder_ / "model");
  });
  const JobRun run = evaluate("");
  EXPECT_EQ(run.code, ExitCode::input);
  EXPECT_THAT(run.error, AllOf(HasSubstr("vocab.json"), HasSubstr("270"), HasSubstr("280")));
  EXPECT_FALSE(std::filesystem::exists(json()));
}

}  // namespace
}  // namespace lift
