#include "src/search/probes.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string_view>

#include "src/training/vectors.hpp"

namespace lift {
namespace {

/// Training counts its epochs from 0 in the same stream; choices of sequences stay far above.
constexpr std::uint64_t kSamples = std::uint64_t{1} << 63;

/// Pairs of normals that a thread draws at least, some milliseconds.
constexpr std::int64_t kPairsOfATask = 1 << 15;

/// One 64-bit sequence number for a pair of 32-bit ones.
std::uint64_t paired(std::uint32_t high, std::uint32_t low) {
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

std::uint64_t probe_sequence(int round, int probe) {
  return paired(static_cast<std::uint32_t>(round), static_cast<std::uint32_t>(probe));
}

}  // namespace

std::vector<CoordinateRange> key_biases(const TunedLayout& layout) {
  std::vector<CoordinateRange> ranges;
  for (const auto& tensor : layout.tensors()) {
    if (!std::string_view(tensor.name).ends_with(".attn.c_attn.bias")) continue;
    const std::int64_t width = tensor.size / 3;  // query, key and value biases, one after the other
    ranges.push_back({tensor.offset + width, tensor.offset + 2 * width});
  }
  return ranges;
}

void mask(at::Tensor& vector, const std::vector<CoordinateRange>& ranges) {
  for (const auto& range : ranges) vector.narrow(0, range.begin, range.end - range.begin).zero_();
}

at::Tensor random_unit_vector(const Philox& philox, std::uint64_t sequence, std::int64_t n,
                              at::ScalarType type, at::Device device) {
  auto vector = at::empty({n}, at::kDouble);
  const std::span<double> values(vector.mutable_data_ptr<double>(), static_cast<std::size_t>(n));
  // Each number is a function of its position: the threads do not show. Pairs stay together.
  at::parallel_for(0, (n + 1) / 2, kPairsOfATask, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t begin = 2 * first, end = std::min(2 * last, n);
    philox.normals(sequence, static_cast<std::uint64_t>(begin),
                   values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  });
  const double norm = std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0));
  return vector.div_(norm).to(device, type);
}

at::Tensor random_probe(std::uint64_t seed, int round, int probe, std::int64_t n, at::ScalarType type,
                        at::Device device) {
  return random_unit_vector(Philox(seed, RandomStream::probes), probe_sequence(round, probe), n, type,
                            device);
}

Probe masked_probe(std::uint64_t seed, int round, int probe, const TunedLayout& layout, at::ScalarType type,
                   at::Device device, int p) {
  const std::int64_t n = layout.n();
  auto v = random_probe(seed, round, probe, n, type, device);
  mask(v, key_biases(layout));
  std::vector<double> lambda(static_cast<std::size_t>(p));
  Philox(seed, RandomStream::probes)
      .normals(probe_sequence(round, probe), static_cast<std::uint64_t>(n), std::span<double>(lambda));
  for (double& x : lambda) x /= std::sqrt(static_cast<double>(n));
  return {std::move(lambda), v.div_(norm64(v))};
}

void normal_entries(std::uint64_t seed, int round, int probe, const std::vector<CoordinateRange>& masked,
                    std::int64_t first, std::span<double> out) {
  Philox(seed, RandomStream::probes)
      .normals(probe_sequence(round, probe), static_cast<std::uint64_t>(first), out);
  for (const CoordinateRange& range : masked) {
    const std::int64_t begin = std::max(range.begin - first, std::int64_t{0});
    const std::int64_t end = std::min(range.end - first, std::ssize(out));
    for (std::int64_t k = begin; k < end; ++k) out[static_cast<std::size_t>(k)] = 0;
  }
}

std::vector<std::int64_t> sample_sequences(std::uint64_t seed, int round, Sample purpose, std::int64_t total,
                                           std::int64_t count) {
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(std::min(count, total)));
  std::iota(chosen.begin(), chosen.end(), std::int64_t{0});
  if (count >= total) return chosen;
  const auto sequence =
      kSamples | paired(static_cast<std::uint32_t>(round), static_cast<std::uint32_t>(purpose));
  const Permutation permutation(Philox(seed, RandomStream::batch_order), sequence,
                                static_cast<std::uint64_t>(total));
  for (auto& index : chosen)
    index = static_cast<std::int64_t>(permutation(static_cast<std::uint64_t>(index)));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace lift
