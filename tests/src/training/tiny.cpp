#include "tests/src/training/tiny.hpp"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <string_view>

#include "mpi/collectives.hpp"
#include "mpi/philox.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {

namespace {

constexpr std::uint64_t kSeed = 5;
constexpr int kLength = 10;
constexpr std::uint64_t kFollowers = 3;

/// A walk over the tokens: after token x comes one of kFollowers tokens that depend on x.
SequenceSet walk(std::uint64_t sequence, std::int64_t count) {
  const Philox philox(kSeed, RandomStream::test);
  const auto vocabulary = static_cast<std::uint64_t>(tiny_config().vocabulary);
  std::vector<Token> tokens;
  std::uint64_t token = 1;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count * kLength); ++i) {
    token = (5 * token + 3 * (philox.bits(sequence, i) % kFollowers) + 1) % vocabulary;
    tokens.push_back(static_cast<Token>(token));
  }
  return {std::move(tokens), kLength};
}

}  // namespace

Gpt2Config tiny_config() {
  Gpt2Config config;
  config.layers = 3;
  config.width = 8;
  config.heads = 2;
  config.positions = 16;
  config.vocabulary = 17;
  config.inner = 16;
  return config;
}

TuningSpec tiny_tuning() {
  return {.blocks = {1, 2}, .mlp_only = {1}, .regularizers = {{2, 2}}};
}

Tiny::Tiny(at::ScalarType type, const TuningSpec& tuning)
    : model(generic_gpt2(tiny_config(), 0.3, 0.1, type)),
      tuned(model, TunedLayout(tiny_config(), tuning)),
      train(walk(1, 12)),
      valid(walk(2, 9)),
      test(walk(3, 5)) {}

std::map<std::string, at::Tensor> Tiny::frozen() const {
  std::map<std::string, at::Tensor> result;
  for (const auto& spec : tensor_specs(tiny_config())) {
    const auto names = tuned.layout().names();
    if (std::ranges::count(names, spec.name) == 0) result[spec.name] = model.tensor(spec.name).clone();
  }
  return result;
}

bool same_on_all_ranks(const at::Tensor& values, const Communicator& comm) {
  const auto host = values.cpu().contiguous();
  const std::string mine(static_cast<const char*>(host.const_data_ptr()), host.nbytes());
  const auto all = gather_texts(mine, comm);
  return std::ranges::all_of(all, [&](const std::string& other) { return other == mine; });
}

double relative_distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item().toDouble();
}

}  // namespace lift
