#include "tests/jobs/toy_inputs.hpp"

#include <array>
#include <fstream>
#include <sstream>

#include "mpi/philox.hpp"
#include "src/model/checkpoint.hpp"
#include "src/text/tokenizer.hpp"

namespace lift {
namespace {

constexpr std::uint64_t kSeed = 5;

std::string toy_text(std::uint64_t sequence, int words) {
  constexpr std::array kWords = {"the", "cat", "sat", "on",   "a",   "mat",
                                 "and", "saw", "one", "more", "red", "bird"};
  const Philox philox(kSeed, RandomStream::test);
  std::string text;
  for (int k = 0; k < words; ++k) {
    text += kWords[philox.bits(sequence, static_cast<std::uint64_t>(k)) % kWords.size()];
    text += k % 12 == 11 ? " .\n" : " ";
  }
  return text + "\n";
}

void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

}  // namespace

Gpt2Config toy_config() {
  return {.layers = 2, .width = 16, .heads = 2, .positions = 32, .vocabulary = 280, .inner = 64};
}

void write_toy_inputs(const std::filesystem::path& folder, const Gpt2Config& config) {
  std::filesystem::create_directories(folder / "model");
  std::filesystem::create_directories(folder / "data");
  save_checkpoint(folder / "model", random_gpt2(config, kSeed, at::kFloat), {}, {});
  Tokenizer::train(toy_text(0, 2000), config.vocabulary).save(folder / "model");
  write_text(folder / "data/train.txt", toy_text(1, 1000));
  write_text(folder / "data/valid.txt", toy_text(2, 400));
  write_text(folder / "data/test.txt", toy_text(3, 400));
  std::filesystem::create_directories(folder / "other");
  write_text(folder / "other/valid.txt", toy_text(5, 300));
  write_text(folder / "other/test.txt", toy_text(4, 300));
}

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace lift
