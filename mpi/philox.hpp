#pragma once
#include <array>
#include <cstdint>
#include <span>

namespace lift {

/// What a stream of random numbers is for; streams of one seed are independent of each other.
enum class RandomStream : std::uint32_t {
  batch_order = 1,
  probes = 2,
  weights = 3,
  self_check = 4,
  corpus = 5,
  lora = 6,
  trials = 7,
  test = 99
};

/// Philox4x32-10: 128 random bits that are a pure function of key and counter (Salmon, Moraes, Dror and Shaw
/// 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11).
///
/// Test  tests/mpi/test_philox.cpp against the known answers of the Random123 distribution.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 2> key,
                                    std::array<std::uint32_t, 4> counter) noexcept;

/// Random numbers addressed by (seed, stream, sequence, position): any of them is reached in O(1), on any
/// rank.
///
/// Method  the key is Philox of the seed at the counter (stream, 0, 0, 0); a block's counter is (sequence,
///         position / 2), its highest bit set for normals, so that they never share bits with uniforms.
///         Normals by Box–Muller in double, on the host, so that the bits do not depend on the device.
/// Limits  position < 2^63; normals within ±8.6, where 53-bit uniforms end.
/// Cost    one Philox block for two numbers; a sequence of normals about 50 ns each [measured].
/// Test    tests/mpi/test_philox.cpp
class Philox {
 public:
  Philox(std::uint64_t seed, RandomStream stream) noexcept;
  /// Uniform 64 bits.
  [[nodiscard]] std::uint64_t bits(std::uint64_t sequence, std::uint64_t position) const noexcept;
  /// Uniform in [0, 1) with 53 bits.
  [[nodiscard]] double uniform(std::uint64_t sequence, std::uint64_t position) const noexcept;
  /// out[k] = standard normal number `first + k` of `sequence`.
  void normals(std::uint64_t sequence, std::uint64_t first, std::span<double> out) const noexcept;
  void normals(std::uint64_t sequence, std::uint64_t first, std::span<float> out) const noexcept;

 private:
  std::array<std::uint32_t, 2> key_;
};

/// A random permutation of 0 … size−1 whose every entry is reached in O(1).
///
/// Method  Feistel network over the next even power of two, its rounds keyed by `philox` at `sequence`, with
///         cycle walking (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"). Twelve rounds:
///         with four, where an index goes is visibly biased for sizes up to 64; from eight on it is not
///         [measured].
/// Cost    fewer than four walks on average.
/// Test    tests/mpi/test_philox.cpp: a bijection for every size from 1 to 500, and unbiased.
class Permutation {
 public:
  Permutation(const Philox& philox, std::uint64_t sequence, std::uint64_t size) noexcept;
  /// Where `index` < size goes.
  [[nodiscard]] std::uint64_t operator()(std::uint64_t index) const noexcept;

 private:
  [[nodiscard]] std::uint64_t encipher(std::uint64_t index) const noexcept;
  std::uint64_t size_;
  std::uint32_t half_bits_;
  std::array<std::uint64_t, 12> round_keys_;
};

}  // namespace lift
