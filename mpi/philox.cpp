#include "mpi/philox.hpp"

#include <cmath>
#include <numbers>

namespace lift {

namespace {

constexpr int kRounds = 10;
constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
constexpr std::uint64_t kNormalBlocks = std::uint64_t{1} << 63;

std::uint32_t low(std::uint64_t bits) noexcept {
  return static_cast<std::uint32_t>(bits);
}
std::uint32_t high(std::uint64_t bits) noexcept {
  return static_cast<std::uint32_t>(bits >> 32);
}

/// The two 64-bit numbers of one block.
std::array<std::uint64_t, 2> block_bits(std::array<std::uint32_t, 2> key, std::uint64_t sequence,
                                        std::uint64_t block) noexcept {
  const auto words = philox(key, {low(sequence), high(sequence), low(block), high(block)});
  return {words[0] | std::uint64_t{words[1]} << 32, words[2] | std::uint64_t{words[3]} << 32};
}

/// Box–Muller; the radius takes its uniform from (0, 1], where the logarithm is finite.
std::array<double, 2> normal_pair(std::array<std::uint32_t, 2> key, std::uint64_t sequence,
                                  std::uint64_t pair) noexcept {
  const auto [first, second] = block_bits(key, sequence, pair | kNormalBlocks);
  const double radius = std::sqrt(-2.0 * std::log(static_cast<double>((first >> 11) + 1) * 0x1p-53));
  const double angle = 2.0 * std::numbers::pi * static_cast<double>(second >> 11) * 0x1p-53;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

template <typename Real>
void fill_normals(std::array<std::uint32_t, 2> key, std::uint64_t sequence, std::uint64_t first,
                  std::span<Real> out) noexcept {
  std::size_t k = 0;
  if (first % 2 == 1 && !out.empty()) {
    out[k++] = static_cast<Real>(normal_pair(key, sequence, first / 2)[1]);
  }
  for (; k < out.size(); k += 2) {
    const auto pair = normal_pair(key, sequence, (first + k) / 2);
    out[k] = static_cast<Real>(pair[0]);
    if (k + 1 < out.size()) out[k + 1] = static_cast<Real>(pair[1]);
  }
}

/// The finaliser of MurmurHash3: every input bit reaches every output bit.
std::uint64_t mix(std::uint64_t bits) noexcept {
  bits = (bits ^ bits >> 33) * 0xFF51AFD7ED558CCD;
  bits = (bits ^ bits >> 33) * 0xC4CEB9FE1A85EC53;
  return bits ^ bits >> 33;
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 2> key,
                                    std::array<std::uint32_t, 4> counter) noexcept {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {high(product1) ^ counter[1] ^ key[0], low(product1),  //
               high(product0) ^ counter[3] ^ key[1], low(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

Philox::Philox(std::uint64_t seed, RandomStream stream) noexcept {
  const auto words = philox({low(seed), high(seed)}, {static_cast<std::uint32_t>(stream), 0, 0, 0});
  key_ = {words[0], words[1]};
}

std::uint64_t Philox::bits(std::uint64_t sequence, std::uint64_t position) const noexcept {
  return block_bits(key_, sequence, position / 2)[position % 2];
}

double Philox::uniform(std::uint64_t sequence, std::uint64_t position) const noexcept {
  return static_cast<double>(bits(sequence, position) >> 11) * 0x1p-53;
}

void Philox::normals(std::uint64_t sequence, std::uint64_t first, std::span<double> out) const noexcept {
  fill_normals(key_, sequence, first, out);
}

void Philox::normals(std::uint64_t sequence, std::uint64_t first, std::span<float> out) const noexcept {
  fill_normals(key_, sequence, first, out);
}

Permutation::Permutation(const Philox& philox, std::uint64_t sequence, std::uint64_t size) noexcept
    : size_(size), half_bits_(1) {
  while (half_bits_ < 32 && (std::uint64_t{1} << 2 * half_bits_) < size) ++half_bits_;
  for (std::size_t round = 0; round < round_keys_.size(); ++round) {
    round_keys_[round] = philox.bits(sequence, round);
  }
}

std::uint64_t Permutation::operator()(std::uint64_t index) const noexcept {
  do {
    index = encipher(index);
  } while (index >= size_);
  return index;
}

std::uint64_t Permutation::encipher(std::uint64_t index) const noexcept {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = index >> half_bits_;
  std::uint64_t right = index & mask;
  for (const std::uint64_t key : round_keys_) {
    const std::uint64_t mixed = left ^ (mix(right + key) & mask);
    left = right;
    right = mixed;
  }
  return left << half_bits_ | right;
}

}  // namespace lift
