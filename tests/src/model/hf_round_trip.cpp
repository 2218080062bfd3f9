#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "mpi/error.hpp"
#include "src/model/checkpoint.hpp"
#include "src/objective/sequence_loss.hpp"

// hf_round_trip FOLDER TOKEN...: the loss of the tokens under the model in FOLDER.
// hf_round_trip FOLDER --save TARGET TENSOR...: FOLDER's model as TARGET, with 0.25 added to each TENSOR.
// hf_round_trip.py drives it.

namespace {

using namespace lift;

double loss(const Gpt2& model, const std::vector<std::string>& words) {
  std::vector<std::int64_t> ids;
  for (const std::string& word : words) ids.push_back(std::strtoll(word.c_str(), nullptr, 10));
  const at::Tensor tokens = at::tensor(ids).unsqueeze(0);
  return sequence_losses(model, tokens, Attention::fused).mean().item().toDouble();
}

void save(Gpt2 model, const std::string& source, const std::vector<std::string>& words) {
  const std::vector<std::string> changed(words.begin() + 1, words.end());
  for (const std::string& name : changed) model.set(name, model.tensor(name).add(0.25));
  save_checkpoint(words.front(), model, source, changed);
}

void run(const std::string& folder, std::vector<std::string> words) {
  const c10::NoGradGuard no_gradients;
  const bool saves = words.front() == "--save";
  Gpt2 model = load_checkpoint(folder, saves ? at::kFloat : at::kDouble, at::kCPU, Communicator::world());
  if (saves) {
    words.erase(words.begin());
    save(std::move(model), folder, words);
  } else {
    fmt::print("{:.17g}\n", loss(model, words));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Environment environment(argc, argv);
  if (argc < 3) return static_cast<int>(ExitCode::usage);
  try {
    run(argv[1], {argv + 2, argv + argc});
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(error.code());
  }
}
