#include "tests/support/random_gpt2.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <span>

#include "mpi/philox.hpp"

namespace lift {

namespace {

constexpr std::uint64_t kSeed = 11;

}  // namespace

at::Tensor random_tensor(at::IntArrayRef shape, std::uint64_t sequence, at::ScalarType type) {
  auto values = at::empty(shape, at::kDouble);
  Philox(kSeed, RandomStream::test)
      .normals(sequence, 0, std::span(values.data_ptr<double>(), static_cast<std::size_t>(values.numel())));
  return values.to(type);
}

Gpt2 generic_gpt2(const Gpt2Config& config, double of_matrices, double of_vectors, at::ScalarType type) {
  constexpr std::uint64_t kFirstSequence = 1000;  // far from those that tests draw themselves
  auto model = random_gpt2(config, kSeed, type);
  std::uint64_t sequence = kFirstSequence;
  for (const auto& spec : tensor_specs(config)) {
    const double deviation = spec.shape.size() == 1 ? of_vectors : of_matrices;
    model.set(spec.name, model.tensor(spec.name) + random_tensor(spec.shape, sequence++, type) * deviation);
  }
  return model;
}

}  // namespace lift
