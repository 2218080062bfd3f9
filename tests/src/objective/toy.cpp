#include "tests/src/objective/toy.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <span>
#include <vector>

#include "mpi/philox.hpp"

namespace lift {

namespace {

constexpr std::uint64_t kSeed = 11;
constexpr int kLength = 9;
constexpr std::int64_t kSequences = 7;

Gpt2 generic_gpt2(const Gpt2Config& config, at::ScalarType type) {
  auto model = random_gpt2(config, kSeed, type);
  std::uint64_t sequence = 1000;
  for (const auto& spec : tensor_specs(config)) {
    const double deviation = spec.shape.size() == 1 ? 0.2 : 0.4;
    model.set(spec.name, model.tensor(spec.name) + random_tensor(spec.shape, sequence++, type) * deviation);
  }
  return model;
}

SequenceSet random_sequences(int vocabulary) {
  const Philox philox(kSeed, RandomStream::test);
  std::vector<Token> tokens;
  for (std::uint64_t i = 0; i < kSequences * kLength; ++i)
    tokens.push_back(static_cast<Token>(philox.bits(1, i) % static_cast<std::uint64_t>(vocabulary)));
  return {std::move(tokens), kLength};
}

}  // namespace

at::Tensor random_tensor(at::IntArrayRef shape, std::uint64_t sequence, at::ScalarType type) {
  auto values = at::empty(shape, at::kDouble);
  Philox(kSeed, RandomStream::test)
      .normals(sequence, 0, std::span(values.data_ptr<double>(), static_cast<std::size_t>(values.numel())));
  return values.to(type);
}

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
    : model(generic_gpt2(toy_config(), type)),
      tuned(model, layout ? *layout : TunedLayout(toy_config(), toy_tuning())),
      set(random_sequences(toy_config().vocabulary)) {}

}  // namespace lift
