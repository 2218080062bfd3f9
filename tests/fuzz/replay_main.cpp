#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.hpp"

// Runs a target on every input of its corpus and on mutations of them, the same ones every time, where
// libFuzzer is not at hand.
//
// usage: fuzz_NAME CORPUS [MUTATIONS]
//
// The input at work lies in the file that is named at the start, and stays there if the process dies.

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  std::vector<std::string> inputs;
  for (const auto& file : files) inputs.push_back(read(file));
  return inputs;
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& inputs) : inputs_(inputs) {}
  std::string next() {
    std::string input = pick();
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) edit(input);
    return input;
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }
  const std::string& pick() { return inputs_[below(inputs_.size())]; }

  void edit(std::string& input) {
    const auto at = below(input.size());
    const auto length = 1 + below(std::min<std::size_t>(input.size() - at, 16));
    switch (below(5)) {
      case 0:
        if (!input.empty()) input[at] ^= static_cast<char>(1U << below(8));
        break;
      case 1:
        input.erase(at, length);
        break;
      case 2:
        input.insert(at, input.substr(at, length));
        break;
      case 3:
        input.insert(at, 1, static_cast<char>(below(256)));
        break;
      default: {
        const auto& other = pick();
        input = input.substr(0, at) + other.substr(below(other.size()));
      }
    }
  }

  const std::vector<std::string>& inputs_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (words.size() < 2) {
    std::fprintf(stderr, "usage: %s CORPUS [MUTATIONS]\n", words[0].c_str());
    return EXIT_FAILURE;
  }
  const auto inputs = read_corpus(words[1]);
  lift::require(!inputs.empty(), "an empty corpus");
  const auto at_work = lift::fuzz_folder() / "input";
  std::printf("at work: %s\n", at_work.c_str());
  std::fflush(stdout);
  const auto run = [&](const std::string& input) {
    lift::put("input", input);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  };
  for (const auto& input : inputs) run(input);
  Mutator mutator(inputs);
  const long mutations = words.size() > 2 ? std::stol(words[2]) : 0;
  for (long k = 0; k < mutations; ++k) run(mutator.next());
  std::printf("%zu inputs and %ld mutations\n", inputs.size(), mutations);
}
