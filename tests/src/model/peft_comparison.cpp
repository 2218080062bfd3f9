#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <sstream>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "mpi/error.hpp"
#include "src/model/adapter.hpp"
#include "src/model/checkpoint.hpp"
#include "src/model/lora_pairs.hpp"
#include "tests/support/random_gpt2.hpp"

// peft_comparison FOLDER MERGED ADAPTER BLOCKS MLP_ONLY TARGETS RANK ALPHA: FOLDER's model with random pairs
// beside the weights that these words name (lists of blocks as 0,2; none for no block), merged into MERGED
// and alone in ADAPTER. peft_comparison.py drives it.

namespace {

using namespace lift;

std::vector<int> blocks_of(const std::string& list) {
  std::vector<int> blocks;
  if (list == "none") return blocks;
  std::istringstream items(list);
  for (std::string item; std::getline(items, item, ',');) blocks.push_back(std::stoi(item));
  return blocks;
}

LoraTargets targets_of(const std::string& word) {
  return word == "mlp" ? LoraTargets::mlp : word == "attention" ? LoraTargets::attention : LoraTargets::all;
}

void run(const std::vector<std::string>& words) {
  Gpt2 model = load_checkpoint(words[0], at::kFloat, at::kCPU, Communicator::world());
  const LoraSpec spec{
      .rank = std::stoi(words[6]), .alpha = std::stod(words[7]), .targets = targets_of(words[5])};
  const TunedLayout layout(
      model.config(),
      {.blocks = blocks_of(words[3]), .mlp_only = blocks_of(words[4]), .regularizers = {}, .lora = spec});
  add_pairs(model, layout, 1);
  std::uint64_t sequence = 0;
  for (const TunedTensor& tensor : layout.tensors())
    model.set(tensor.name, random_tensor(tensor.shape, sequence++, at::kFloat) * 0.3);
  save_adapter(words[2], model, spec, words[0]);
  save_checkpoint(words[1], model, words[0], layout.weights());
}

}  // namespace

int main(int argc, char** argv) {
  const Environment environment(argc, argv);
  if (argc != 9) return static_cast<int>(ExitCode::usage);
  try {
    run({argv + 1, argv + argc});
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(error.code());
  }
}
