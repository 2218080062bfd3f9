#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "mpi/philox.hpp"
#include "src/model/tuning.hpp"

namespace lift {

/// Coordinates [begin, end) of W.
struct CoordinateRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// Where W holds key biases: the middle third of every tuned attn.c_attn.bias.
///
/// Softmax is shift-invariant, so the losses do not depend on them: exact null directions of ∇²L, in which
/// g, probes and rows hold nothing but rounding noise.
/// Test  tests/src/search/test_probes.cpp
std::vector<CoordinateRange> key_biases(const TunedLayout& layout);

/// Sets the given coordinates of a flat [n] vector to zero.
void mask(at::Tensor& vector, const std::vector<CoordinateRange>& ranges);

/// A standard normal vector divided by its norm: a pure function of the generator and `sequence`.
///
/// Method  drawn on the host, summed one coordinate after the other and divided in float64, then rounded to
///         `type`: neither device nor number of threads shows in the bits.
/// Shapes  [n] of `type` on `device`; 8n bytes on the host while it is made.
/// Test    tests/src/search/test_probes.cpp
at::Tensor random_unit_vector(const Philox& philox, std::uint64_t sequence, std::int64_t n,
                              at::ScalarType type, at::Device device);

/// Probe i of a round: a normalised standard normal vector, a pure function of (seed, round, i).
///
/// Method  random_unit_vector with Philox's stream `probes`, counter = (round, probe, coordinate).
/// Shapes  [n] of `type` on `device`.
/// Test    tests/src/search/test_probes.cpp
at::Tensor random_probe(std::uint64_t seed, int round, int probe, std::int64_t n, at::ScalarType type,
                        at::Device device);

/// A probe v = (v_λ, v_W), scaled so that ‖v_W‖ = 1.
struct Probe {
  std::vector<double> lambda;  ///< v_λ, empty where probes lie in W alone
  at::Tensor w;                ///< v_W [n]
};

/// The random probe that makes row i of A: random_probe() with key biases masked, and normalised again; with
/// p > 0 also p normals over √n, which is what they are of a normal vector over (λ, W), up to a part in √n.
///
/// Test    tests/src/search/test_probes.cpp; --search.keep writes v_W, tests/jobs/test_run_job.cpp
Probe masked_probe(std::uint64_t seed, int round, int probe, const TunedLayout& layout, at::ScalarType type,
                   at::Device device, int p = 0);

/// out[k] = entry first + k of the normal vector that v_W of masked_probe() is a multiple of.
///
/// Test    tests/src/search/test_probes.cpp
void normal_entries(std::uint64_t seed, int round, int probe, const std::vector<CoordinateRange>& masked,
                    std::int64_t first, std::span<double> out);

/// What a choice of sequences is for; choices of one round are independent of each other.
enum class Sample : std::uint32_t { gradient = 1, hessian = 2, self_check = 3 };

/// `count` of the sequences 0 … total − 1, ascending, without repetition; all of them if count ≥ total.
///
/// Method  the first `count` entries of a random permutation that is a pure function of (seed, round,
///         purpose): the first sequences of a split would all be of its first few articles.
/// Test    tests/src/search/test_probes.cpp
std::vector<std::int64_t> sample_sequences(std::uint64_t seed, int round, Sample purpose, std::int64_t total,
                                           std::int64_t count);

}  // namespace lift
