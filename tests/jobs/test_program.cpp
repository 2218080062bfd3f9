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
#include <functional>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "src/text/tokenizer.hpp"
#include "tests/jobs/toy_inputs.hpp"

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
  Program() {
    std::string pattern = fs::temp_directory_path() / "lift-program-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
    write_toy_inputs(folder_);
  }
  ~Program() override { fs::remove_all(folder_); }

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

  /// expect_refusal with the toy inputs changed by `change`, which are whole again afterwards.
  void expect_refusal_after(const std::function<void()>& change, int code,
                            const std::vector<std::string>& parts, const std::string& words = kRun) const {
    change();
    expect_refusal(words, code, parts);
    fs::remove_all(model());
    fs::remove_all(data());
    write_toy_inputs(folder_);
  }

  [[nodiscard]] fs::path model() const { return folder_ / "model"; }
  [[nodiscard]] fs::path data() const { return folder_ / "data"; }
  [[nodiscard]] fs::path weights() const { return model() / "model.safetensors"; }
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

 private:
  fs::path folder_;
};

/// Writes `bytes` over those of a file from `offset` on.
void overwrite(const fs::path& file, std::streamoff offset, const std::string& bytes) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(offset, offset < 0 ? std::ios::end : std::ios::beg);
  stream << bytes;
}

void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
  std::string text = text_of(file);
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from << " in " << file;
  std::ofstream(file) << text.replace(at, from.size(), to);
}

TEST_F(Program, AnswersQuestions) {
  for (const char* words : {"--help", "--version", "run --help", "evaluate --help", "pretrain --help",
                            "lp --help", "example --help"}) {
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
  expect_refusal(kRun + " --search.steps 1", 2, {"--search.steps", "'1'", ">= 2"});
  expect_refusal(kRun + " --config /nonexistent.cfg", 3, {"/nonexistent.cfg"});
  expect_refusal("evaluate --data DATA", 2, {"needs --model"});
}

TEST_F(Program, RefusesWhatDoesNotFitTheModel) {
  const std::string base = "run --model MODEL --data DATA --out OUT --cache none --length 16 ";
  expect_refusal(base + "--tune.blocks 0,2", 2, {"--tune.blocks", "2"});
  expect_refusal(base + "--tune.first-blocks 3", 2, {"--tune.first-blocks", "2"});
  expect_refusal(base + "--tune.blocks 1 --tune.regularizers 1:99", 2, {"--tune.regularizers", "99"});
  expect_refusal("evaluate --model MODEL --data DATA --cache none --length 33", 2, {"--length 33", "32"});
}

TEST_F(Program, RefusesModelsThatAreNotWhole) {
  const std::string file = weights();
  const std::string not_a_number("\0\0\xC0\x7F", 4);
  expect_refusal_after([&] { fs::remove_all(model()); }, 3, {model().string()});
  expect_refusal_after([&] { fs::remove_all(model()); }, 3, {model().string()}, kEvaluate);
  expect_refusal_after([&] { fs::resize_file(file, fs::file_size(file) - 4); }, 3, {file});
  expect_refusal_after([&] { fs::resize_file(file, 5); }, 3, {file}, kEvaluate);
  expect_refusal_after([&] { overwrite(file, 0, std::string(8, '\x7F')); }, 3, {file});
  expect_refusal_after([&] { overwrite(file, -4, not_a_number); }, 3, {file, "finite"});
  expect_refusal_after([&] { replace_in(model() / "config.json", "\"n_embd\": 16", "\"n_embd\": 32"); }, 3,
                       {file, "shape"});
  expect_refusal_after([&] { replace_in(model() / "config.json", "\"n_head\": 2", "\"n_head\": 3"); }, 3,
                       {"config.json", "n_head"});
  expect_refusal_after([&] { replace_in(model() / "config.json", "gelu_new", "relu"); }, 3,
                       {"config.json", "relu"});
  expect_refusal_after([&] { fs::rename(file, model() / "pytorch_model.bin"); }, 3, {"pytorch_model.bin"});
  expect_refusal_after([&] { fs::remove(model() / "merges.txt"); }, 3, {"merges.txt"}, kEvaluate);
  expect_refusal_after([&] { Tokenizer::train("another text, of some other words", 262).save(model()); }, 3,
                       {"262", "280"});
}

TEST_F(Program, RefusesSplitsThatAreMissingOrTooShort) {
  const auto shorten = [&](const char* split) { std::ofstream(data() / split) << "the cat\n"; };
  expect_refusal_after([&] { fs::remove_all(data()); }, 3, {data().string()});
  expect_refusal_after([&] { fs::remove(data() / "test.txt"); }, 3, {"test.txt"});
  expect_refusal_after([&] { fs::remove(data() / "valid.txt"); }, 3, {"valid.txt"}, kEvaluate);
  expect_refusal_after([&] { shorten("valid.txt"); }, 3, {"valid.txt", "16"});
  expect_refusal_after([&] { fs::resize_file(data() / "train.txt", 0); }, 3, {"train.txt"});
  expect_refusal_after([&] { shorten("valid.txt"); }, 3, {"valid.txt", "16"}, kEvaluate);
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
