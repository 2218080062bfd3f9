#include "tests/src/objective/toy.hpp"

#include <vector>

#include "mpi/philox.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {

namespace {

constexpr std::uint64_t kSeed = 11;
constexpr int kLength = 9;
constexpr std::int64_t kSequences = 7;

SequenceSet random_sequences(int vocabulary) {
  const Philox philox(kSeed, RandomStream::test);
  std::vector<Token> tokens;
  for (std::uint64_t i = 0; i < kSequences * kLength; ++i)
    tokens.push_back(static_cast<Token>(philox.bits(1, i) % static_cast<std::uint64_t>(vocabulary)));
  return {std::move(tokens), kLength};
}

}  // namespace

Gpt2Config toy_config() {
  Gpt2Config config;
  config.layers = 3;
  config.width = 8;
  config.heads = 2;
  config.positions = 12;
  config.vocabulary = 11;
  config.inner = 32;
  return config;
}

TuningSpec toy_tuning() {
  return {.blocks = {1, 2}, .mlp_only = {1}, .regularizers = {{2, 2}}};
}

Toy::Toy(at::ScalarType type, std::optional<TunedLayout> layout)
    : model(generic_gpt2(toy_config(), 0.4, 0.2, type)),
      tuned(model, layout ? *layout : TunedLayout(toy_config(), toy_tuning())),
      set(random_sequences(toy_config().vocabulary)) {}

}  // namespace lift
