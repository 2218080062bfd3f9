#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lift {

/// Probe i of a round: a normalised standard normal vector, a pure function of (seed, round, i).
///
/// Method  Philox on the host, counter = (round, probe, coordinate), divided by its float64 norm.
/// Shapes  [n] of `type` on `device`.
/// Test    tests/src/search/test_probes.cpp
at::Tensor random_probe(std::uint64_t seed, int round, int probe, std::int64_t n, at::ScalarType type,
                        at::Device device);

}  // namespace lift
