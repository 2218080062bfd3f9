// What the program refuses in its inputs: on every rank count one line, the code, and nothing left behind.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/model/safetensors.hpp"
#include "src/text/tokenizer.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/src/text/bin_files.hpp"
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

/// Writes the header of a safetensors file anew, `change` having changed the line of one tensor.
void change_header(const fs::path& file, const std::string& tensor,
                   const std::function<void(nlohmann::json& line, const nlohmann::json& all)>& change) {
  const std::string bytes = text_of(file);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  auto header = nlohmann::json::parse(bytes.substr(sizeof length, length));
  const auto before = header;
  change(header.at("transformer." + tensor), before);
  const std::string data = bytes.substr(sizeof length + length), text = header.dump();
  length = text.size();
  std::string start(sizeof length, '\0');
  std::memcpy(start.data(), &length, sizeof length);
  std::ofstream(file, std::ios::binary) << start << text << data;
}

/// Makes the checkpoint the first of two shards, to the second of which the index gives wpe.weight.
void keep_one_shard_of_two(const fs::path& model) {
  const std::string first = "model-00001-of-00002.safetensors", second = "model-00002-of-00002.safetensors";
  const SafetensorsFile whole(model / "model.safetensors");
  nlohmann::json index;
  for (const auto& [name, entry] : whole.entries())
    index["weight_map"][name] = name.ends_with("wpe.weight") ? second : first;
  std::ofstream(model / "model.safetensors.index.json") << index;
  fs::rename(model / "model.safetensors", model / first);
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

TEST_F(Refusals, WeightsWhoseHeaderLies) {
  const std::string weights = model() / "model.safetensors";
  const auto lie = [&](const std::string& key, const nlohmann::json& value) {
    return [&weights, key, value] {
      change_header(weights, "ln_f.bias", [&](auto& line, const auto&) { line[key] = value; });
    };
  };
  const auto overlap = [&] {
    change_header(weights, "h.0.ln_1.bias", [](auto& line, const auto& all) {
      line["data_offsets"] = all.at("transformer.h.0.ln_1.weight").at("data_offsets");
    });
  };
  const std::uint64_t beyond = std::uint64_t{1} << 40U;
  for (const std::string& job : {kRun, kEvaluate}) {
    refuses(overlap, ExitCode::input, {weights, "h.0.ln_1.", "expected", "it overlaps another"}, job);
    refuses(lie("data_offsets", {beyond, beyond + 64}), ExitCode::input,
            {weights, "ln_f.bias", "data_offsets end at byte 1099511627840, but only"}, job);
    refuses(lie("data_offsets", {64, 0}), ExitCode::input, {weights, "ln_f.bias", "expected [begin, end]"},
            job);
    refuses(lie("shape", {8}), ExitCode::input, {weights, "ln_f.bias", "span 64 bytes, expected 32"}, job);
    refuses(lie("shape", {std::uint64_t{1} << 62U, 4}), ExitCode::input,
            {weights, "ln_f.bias", "overflows 64 bits"}, job);
    refuses(lie("dtype", "I32"), ExitCode::input,
            {weights, "ln_f.bias", "has type I32, expected F32, F16, BF16 or F64"}, job);
    refuses(lie("dtype", "F33"), ExitCode::input,
            {weights, "ln_f.bias", "dtype is \"F33\", expected a type such as \"F32\""}, job);
  }
}

TEST_F(Refusals, OtherArchitectures) {
  const std::string config = model() / "config.json";
  const auto change = [&](const std::string& from, const std::string& to) {
    return [&config, from, to] { replace_in(config, from, to); };
  };
  for (const std::string& job : {kRun, kEvaluate}) {
    refuses(change("\"model_type\": \"gpt2\"", "\"model_type\": \"llama\""), ExitCode::input,
            {config, "model_type is \"llama\", expected gpt2"}, job);
    refuses(change("GPT2LMHeadModel", "LlamaForCausalLM"), ExitCode::input,
            {config, "architectures is [\"LlamaForCausalLM\"], expected [\"GPT2LMHeadModel\"]"}, job);
    refuses(change("\"scale_attn_by_inverse_layer_idx\": false", "\"scale_attn_by_inverse_layer_idx\": true"),
            ExitCode::input, {config, "scale_attn_by_inverse_layer_idx is true, expected false"}, job);
  }
}

TEST_F(Refusals, ShardsThatAreNotWhole) {
  const std::string first = model() / "model-00001-of-00002.safetensors",
                    second = model() / "model-00002-of-00002.safetensors";
  const auto put_in_place_of_second = [&] {
    keep_one_shard_of_two(model());
    fs::copy_file(first, second);
  };
  const auto index = [&](const char* text) {
    return [this, text] {
      keep_one_shard_of_two(model());
      std::ofstream(model() / "model.safetensors.index.json") << text;
    };
  };
  for (const std::string& job : {kRun, kEvaluate}) {
    refuses([&] { keep_one_shard_of_two(model()); }, ExitCode::input, {second, "cannot be read"}, job);
    refuses(put_in_place_of_second, ExitCode::input,
            {first, "holds tensor 'transformer.wpe.weight'", "does not place there"}, job);
    refuses(index(R"({"weight_map": {"wte.weight": "../elsewhere.safetensors"}})"), ExitCode::input,
            {"index.json", "../elsewhere.safetensors", "expected a file name in the same folder"}, job);
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

TEST_F(Refusals, SplitsThatAreNotWhatTheirNamesSay) {
  const auto instead = [&](const std::string& name, const std::string& bytes) {
    return [this, name, bytes] {
      fs::remove(data() / "valid.txt");
      std::ofstream(data() / name, std::ios::binary) << bytes;
    };
  };
  std::vector<int> tokens(32, 7);
  tokens[5] = 300;
  const std::string first_line = "{\"text\": \"the cat\"}\n",
                    expected = "expected one JSON object with a string \"text\"";
  for (const std::string& job : {kRun, kEvaluate}) {
    const auto refused = [&](const std::string& name, const std::string& bytes, const std::string& part) {
      refuses(instead(name, bytes), ExitCode::input, {(data() / name).string(), part}, job);
    };
    for (const auto& [name, bytes] :
         {std::pair("valid.bin", raw_tokens(tokens)), {"toy_val_0.bin", llmc_tokens(tokens)}})
      refused(name, bytes, "token 5 (counted from 0) is 300, expected 0 to 279");
    refused("valid.bin", std::string(33, '\0'), "has 33 bytes, expected an even number");
    refused("toy_valid.bin", llmc_header(20240520, 1, 64) + raw_tokens(tokens), "expected 2 a token");
    refused("valid.jsonl", first_line + "{\"text\": 3}\n",
            "line 2 has a number as its \"text\", " + expected);
    refused("valid.jsonl", first_line + "{\"text\": \"the", "line 2 is not valid JSON at its byte");
    refused("valid.jsonl", first_line + "{\"words\": \"the\"}\n", "line 2 has no key \"text\", " + expected);
  }
}

TEST_F(Refusals, OptionsOfPetscThatNothingUses) {
  const std::string small =
      "run --length 16 --tune.blocks 1 --limit 2 --train-limit 2 --warmup.epochs 0 "
      "--search.rounds 0 ";
  refuses_typed(small + "--petsc=stray", {"\"stray\" stands where an option was expected"});
  const auto ending = [&](const std::string& option, const std::string& to) {
    return run_program(fmt::format("{} --model {} --data {} --cache none --out {} --petsc={}", small,
                                   model().string(), data().string(), (folder_ / to).string(), option),
                       world_);
  };
  EXPECT_EQ(ending("-no_signal_handler", "used").code, 0) << "the option is one that PETSc reads";
  const ProgramRun unused = ending("-lift_misspelt", "unused");
  EXPECT_EQ(unused.code, static_cast<int>(ExitCode::usage));
  EXPECT_EQ(unused.err,
            world_.is_root() ? "lift: error: --petsc: nothing used the option '-lift_misspelt'\n" : "");
}

}  // namespace
}  // namespace lift
