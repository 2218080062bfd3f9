#include "jobs/lift_main.hpp"

#include <gmock/gmock.h>

#include "jobs/option_table.hpp"
#include "src/model/safetensors.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::HasSubstr;

class LiftMain : public testing::Test {
 protected:
  void refuses(const std::string& line, ExitCode code, const std::string& part) {
    expect_refusal(line, code, {part}, world_);
  }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
};

TEST_F(LiftMain, AnswersQuestionsOnRankZero) {
  for (const char* line : {"--help", "--version", "run --help", "evaluate --bad --help", "lp --version"}) {
    SCOPED_TRACE(line);
    const ProgramRun ending = run_program(line, world_);
    EXPECT_EQ(ending.code, 0);
    EXPECT_EQ(ending.out.empty(), !world_.is_root());
    EXPECT_EQ(ending.err, "");
  }
}

TEST_F(LiftMain, RefusesWhatIsNoJob) {
  refuses("", ExitCode::usage, "no job is named");
  refuses("evalaute --model m", ExitCode::usage, "unknown job 'evalaute'; the nearest is 'evaluate'");
  refuses("evalaute --help", ExitCode::usage, "unknown job 'evalaute'");
  refuses("--model m", ExitCode::usage, "unknown job '--model'");
}

TEST_F(LiftMain, SaysAnErrorOfTheWordsOnce) {
  refuses("lp --imput a", ExitCode::usage,
          "unknown option 'imput' of lift lp; the nearest it has is 'input'");
  refuses("lp --input a --output b --config " + (folder_ / "none.cfg").string(), ExitCode::input, "none.cfg");
  refuses("lp --input a --output b --json " + (folder_ / "none/answer.json").string(), ExitCode::input,
          "--json");
  refuses("lp --input a --output b --json " + folder_.path().string(), ExitCode::usage,
          "is a folder; expected a file");
}

TEST_F(LiftMain, SaysAnErrorOfTheInputOnce) {
  refuses("lp --input /nonexistent.safetensors --output " + (folder_ / "d").string(), ExitCode::input,
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
  refuses(lp + "stray", ExitCode::usage, "stray");
  const ProgramRun ending = run_program(lp + "-lift_misspelt", world_);
  EXPECT_EQ(ending.code, static_cast<int>(ExitCode::usage));
  EXPECT_THAT(ending.err,
              HasSubstr(world_.is_root() ? "--petsc: nothing used the option '-lift_misspelt'" : ""));
}

}  // namespace
}  // namespace lift
