#include "jobs/lift_main.hpp"

#include <gmock/gmock.h>

#include "jobs/option_table.hpp"
#include "src/model/safetensors.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Ending {
  int code = 0;
  std::string out;
  std::string err;
};

class LiftMain : public testing::Test {
 protected:
  Ending run(const std::string& line) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const std::vector<std::string> words = words_of(line);
    Ending ending;
    ending.code = lift_main(words, world_);
    ending.out = testing::internal::GetCapturedStdout();
    ending.err = testing::internal::GetCapturedStderr();
    return ending;
  }
  /// The code, and one line on rank 0 alone.
  void expect_error(const std::string& line, int code, const std::string& part) {
    SCOPED_TRACE(line);
    const Ending ending = run(line);
    EXPECT_EQ(ending.code, code);
    EXPECT_EQ(ending.out, "");
    if (!world_.is_root()) {
      EXPECT_EQ(ending.err, "");
      return;
    }
    EXPECT_THAT(ending.err, StartsWith("lift: error: "));
    EXPECT_EQ(ending.err.find('\n'), ending.err.size() - 1);
    EXPECT_THAT(ending.err, HasSubstr(part));
  }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
};

TEST_F(LiftMain, AnswersQuestionsOnRankZero) {
  for (const char* line : {"--help", "--version", "run --help", "evaluate --bad --help", "lp --version"}) {
    SCOPED_TRACE(line);
    const Ending ending = run(line);
    EXPECT_EQ(ending.code, 0);
    EXPECT_EQ(ending.out.empty(), !world_.is_root());
    EXPECT_EQ(ending.err, "");
  }
}

TEST_F(LiftMain, RefusesWhatIsNoJob) {
  expect_error("", 2, "no job is named");
  expect_error("evalaute --model m", 2, "unknown job 'evalaute'; the nearest is 'evaluate'");
  expect_error("evalaute --help", 2, "unknown job 'evalaute'");
  expect_error("--model m", 2, "unknown job '--model'");
}

TEST_F(LiftMain, SaysAnErrorOfTheWordsOnce) {
  expect_error("lp --imput a", 2, "unknown option 'imput' of lift lp; the nearest it has is 'input'");
  expect_error("lp --input a --output b --config " + (folder_ / "none.cfg").string(), 3, "none.cfg");
  expect_error("lp --input a --output b --json " + (folder_ / "none/answer.json").string(), 3, "--json");
  expect_error("lp --input a --output b --json " + folder_.path().string(), 2,
               "is a folder; expected a file");
}

TEST_F(LiftMain, SaysAnErrorOfTheInputOnce) {
  expect_error("lp --input /nonexistent.safetensors --output " + (folder_ / "d").string(), 3,
               "/nonexistent.safetensors");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "d"));
}

TEST_F(LiftMain, RefusesPetscOptionsThatDoNotParseOrThatNothingUsed) {
  const std::filesystem::path input = folder_ / "lp.safetensors";
  const std::vector<double> ones = {1, 1};
  if (world_.is_root()) {
    const auto bytes = std::as_bytes(std::span(ones));
    write_safetensors(input, {{"A", StoredType::f64, {1, 2}, bytes},
                              {"g", StoredType::f64, {2}, bytes},
                              {"u", StoredType::f64, {2}, bytes}});
  }
  world_.barrier();
  const std::string lp =
      "lp --input " + input.string() + " --output " + (folder_ / "d").string() + " --petsc=";
  expect_error(lp + "stray", 2, "stray");
  const Ending ending = run(lp + "-lift_misspelt");
  EXPECT_EQ(ending.code, 2);
  EXPECT_THAT(ending.err,
              HasSubstr(world_.is_root() ? "--petsc: nothing used the option '-lift_misspelt'" : ""));
}

}  // namespace
}  // namespace lift
