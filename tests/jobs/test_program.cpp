// The program as it is used: `mpiexec -n RANKS lift …`, its exit code, what it says and what it leaves
// behind.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

struct Ending {
  int code = -1;  ///< 124: a hang
  std::string out;
  std::vector<std::string> said;  ///< lines of stderr that are the program's, not the launcher's
};

class Program : public testing::Test {
 protected:
  Program() { write_toy_inputs(folder_.path()); }

  /// Runs `lift WORDS`, in which MODEL, DATA, OUT and JSON stand for the test's own paths.
  [[nodiscard]] Ending run(std::string words) const {
    for (const auto& [name, path] :
         {std::pair("MODEL", model()), {"DATA", data()}, {"OUT", out()}, {"JSON", json()}}) {
      const std::size_t at = words.find(name);
      if (at != std::string::npos) words.replace(at, std::string_view(name).size(), path);
    }
    const std::string stdout_file = folder_ / "stdout";
    const std::string stderr_file = folder_ / "stderr";
    const std::string command = fmt::format("timeout 60 {} {} {} {} > {} 2> {}", LIFT_MPIEXEC, ranks(),
                                            LIFT_PROGRAM, words, stdout_file, stderr_file);
    const int status = std::system(command.c_str());
    Ending ending;
    if (WIFEXITED(status)) ending.code = WEXITSTATUS(status);
    ending.out = text_of(stdout_file);
    std::istringstream lines(text_of(stderr_file));
    for (std::string line; std::getline(lines, line);) {
      if (line.find("lift:") != std::string::npos) ending.said.push_back(line);
    }
    return ending;
  }

  /// One clear line with all of `parts`, the exit code, and nothing left behind.
  void expect_refusal(const std::string& words, int code, const std::vector<std::string>& parts) const {
    SCOPED_TRACE(words);
    const Ending ending = run(words);
    EXPECT_EQ(ending.code, code);
    ASSERT_EQ(ending.said.size(), 1U) << text_of(folder_ / "stderr");
    EXPECT_THAT(ending.said[0], StartsWith("lift: error: "));
    for (const std::string& part : parts) EXPECT_THAT(ending.said[0], HasSubstr(part));
    EXPECT_EQ(ending.out, "");
    EXPECT_FALSE(fs::exists(out()));
    EXPECT_FALSE(fs::exists(json()));
  }

  [[nodiscard]] fs::path model() const { return folder_ / "model"; }
  [[nodiscard]] fs::path data() const { return folder_ / "data"; }
  [[nodiscard]] fs::path out() const { return folder_ / "out"; }
  [[nodiscard]] fs::path json() const { return folder_ / "answer.json"; }

  static std::string ranks() {
    const char* set = std::getenv("LIFT_RANKS");
    return set == nullptr ? "1" : set;
  }

  inline static const std::string kRun =
      "run --model MODEL --data DATA --out OUT --json JSON --cache none --length 16 --tune.blocks 0,1";
  inline static const std::string kEvaluate =
      "evaluate --model MODEL --data DATA --json JSON --cache none --length 16";

  OwnFolder folder_;
};

TEST_F(Program, AnswersQuestions) {
  for (const char* words : {"--version", "run --help"}) {
    SCOPED_TRACE(words);
    const Ending ending = run(words);
    EXPECT_EQ(ending.code, 0);
    EXPECT_THAT(ending.out, StartsWith("lift"));
    EXPECT_TRUE(ending.said.empty());
  }
}

TEST_F(Program, RefusesWhatIsTypedWrong) {
  expect_refusal("", 2, {"no job is named"});
  expect_refusal(kRun + " --warmup.epoch 3", 2, {"'warmup.epoch'", "'warmup.epochs'"});
}

TEST_F(Program, RefusesWhatDoesNotFitTheModel) {
  expect_refusal("run --model MODEL --data DATA --out OUT --cache none --length 16 --tune.blocks 0,2", 2,
                 {"--tune.blocks", "2"});
}

TEST_F(Program, RefusesInputsThatAreNotWhole) {
  fs::remove(data() / "test.txt");
  expect_refusal(kRun, 3, {"test.txt"});
  fs::resize_file(model() / "model.safetensors", fs::file_size(model() / "model.safetensors") - 4);
  expect_refusal(kRun, 3, {"model.safetensors"});
  fs::remove_all(model());
  expect_refusal(kEvaluate, 3, {model().string()});
}

TEST_F(Program, EndsWithFourWhereALossIsNotFiniteAndKeepsTheLastGoodWeights) {
  const Ending ending = run(kRun + " --warmup.lr 1e30 --warmup.clip 0");
  EXPECT_EQ(ending.code, 4);
  ASSERT_EQ(ending.said.size(), 1U) << text_of(folder_ / "stderr");
  EXPECT_THAT(ending.said[0], HasSubstr("last-good"));
  EXPECT_TRUE(fs::exists(out() / "checkpoints/last-good/model.safetensors"));
  EXPECT_FALSE(fs::exists(json()));
}

TEST_F(Program, EndsWithFiveWhereNothingCanBeWritten) {
  const Ending ending =
      run("run --model MODEL --data DATA --out /proc/lift --json JSON --cache none --length 16 --tune.blocks "
          "0,1");
  EXPECT_EQ(ending.code, 5);
  ASSERT_EQ(ending.said.size(), 1U) << text_of(folder_ / "stderr");
  EXPECT_THAT(ending.said[0], HasSubstr("/proc/lift"));
  EXPECT_FALSE(fs::exists(json()));
}

TEST_F(Program, LeavesAnotherRunsFolderAsItIs) {
  fs::create_directory(out());
  std::ofstream(out() / "result.json") << "{}";
  const Ending ending = run(kRun);
  EXPECT_EQ(ending.code, 2);
  ASSERT_EQ(ending.said.size(), 1U);
  EXPECT_THAT(ending.said[0], HasSubstr(out().string()));
  EXPECT_EQ(text_of(out() / "result.json"), "{}");
  EXPECT_EQ(std::distance(fs::directory_iterator(out()), {}), 1);
}

TEST_F(Program, EvaluatesAndPrintsOneLine) {
  const Ending ending = run(kEvaluate + " --split test");
  EXPECT_EQ(ending.code, 0);
  EXPECT_TRUE(ending.said.empty());
  EXPECT_THAT(ending.out, StartsWith("test: loss 5."));
  EXPECT_EQ(std::count(ending.out.begin(), ending.out.end(), '\n'), 1);
  EXPECT_TRUE(fs::exists(json()));
}

}  // namespace
}  // namespace lift
