// What the program refuses in its inputs: on every rank count one line, the code, and nothing left behind.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "src/text/tokenizer.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

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

class Refusals : public testing::Test {
 protected:
  /// Both jobs that read model and data refuse `words`; the inputs, changed by `change` on rank 0, are new
  /// each time.
  void refuses(const std::function<void()>& change, ExitCode code, const std::vector<std::string>& parts,
               const std::string& words = kRun) {
    if (world_.is_root()) {
      fs::remove_all(model());
      fs::remove_all(data());
      write_toy_inputs(folder_.path());
      change();
    }
    world_.barrier();
    const std::string paths =
        " --model " + model().string() + " --data " + data().string() + " --cache none ";
    const std::string to = words.starts_with("run") ? "--out " + (folder_ / "out").string() : "";
    expect_refusal(words + paths + to, code, parts, world_);
    EXPECT_FALSE(fs::exists(folder_ / "out"));
  }
  void refuses_typed(const std::string& words, const std::vector<std::string>& parts) {
    refuses([] {}, ExitCode::usage, parts, words);
  }

  [[nodiscard]] fs::path model() const { return folder_ / "model"; }
  [[nodiscard]] fs::path data() const { return folder_ / "data"; }

  inline static const std::string kRun = "run --length 16 --tune.blocks 0,1";
  inline static const std::string kEvaluate = "evaluate --length 16";

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
};

TEST_F(Refusals, WhatDoesNotFitTheModel) {
  refuses_typed("run --length 16 --tune.blocks 0,2", {"--tune.blocks", "2"});
  refuses_typed("run --length 16 --tune.first-blocks 3", {"--tune.first-blocks", "2"});
  refuses_typed("run --length 16 --tune.blocks 1 --tune.regularizers 1:99", {"--tune.regularizers", "99"});
  refuses_typed("run --length 33 --tune.blocks 1", {"--length 33", "32"});
  refuses_typed("evaluate --length 33", {"--length 33", "32"});
}

TEST_F(Refusals, ModelsThatAreNotWhole) {
  const std::string weights = model() / "model.safetensors";
  const std::string config = model() / "config.json";
  const std::string not_a_number("\0\0\xC0\x7F", 4);
  const auto truncate = [&](std::uintmax_t bytes) {
    fs::resize_file(weights, fs::file_size(weights) - bytes);
  };
  for (const std::string& job : {kRun, kEvaluate}) {
    refuses([&] { fs::remove_all(model()); }, ExitCode::input, {model().string()}, job);
    refuses([&] { truncate(4); }, ExitCode::input, {weights}, job);
    refuses([&] { fs::resize_file(weights, 5); }, ExitCode::input, {weights}, job);
    refuses([&] { overwrite(weights, 0, std::string(8, '\x7F')); }, ExitCode::input, {weights}, job);
    refuses([&] { overwrite(weights, -4, not_a_number); }, ExitCode::input, {weights, "finite"}, job);
    refuses([&] { fs::rename(weights, model() / "pytorch_model.bin"); }, ExitCode::input,
            {"pytorch_model.bin"}, job);
    refuses([&] { replace_in(config, "\"n_embd\": 16", "\"n_embd\": 32"); }, ExitCode::input,
            {weights, "shape"}, job);
    refuses([&] { replace_in(config, "\"n_head\": 2", "\"n_head\": 3"); }, ExitCode::input,
            {config, "n_head"}, job);
    refuses([&] { replace_in(config, "gelu_new", "relu"); }, ExitCode::input, {config, "relu"}, job);
  }
}

TEST_F(Refusals, TokenizersThatAreNotTheModels) {
  for (const std::string& job : {kRun, kEvaluate}) {
    refuses([&] { fs::remove(model() / "merges.txt"); }, ExitCode::input, {"merges.txt"}, job);
    refuses([&] { Tokenizer::train("another text, of some other words", 262).save(model()); },
            ExitCode::input, {"vocab.json", "262", "280"}, job);
  }
}

TEST_F(Refusals, SplitsThatAreMissingOrTooShort) {
  const auto shorten = [&](const char* split) { std::ofstream(data() / split) << "the cat\n"; };
  for (const std::string& job : {kRun, kEvaluate}) {
    refuses([&] { fs::remove_all(data()); }, ExitCode::input, {data().string()}, job);
    refuses([&] { fs::remove(data() / "valid.txt"); }, ExitCode::input, {"valid.txt"}, job);
    refuses([&] { shorten("valid.txt"); }, ExitCode::input, {"valid.txt", "16"}, job);
  }
  refuses([&] { fs::remove(data() / "test.txt"); }, ExitCode::input, {"test.txt"});
  refuses([&] { fs::resize_file(data() / "train.txt", 0); }, ExitCode::input, {"train.txt"});
}

}  // namespace
}  // namespace lift
