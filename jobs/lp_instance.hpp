#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "mpi/communicator.hpp"
#include "solvers/box_lp.hpp"

namespace lift {

/// One rank's part of an LP that stands in a safetensors file.
struct LpInstance {
  ProbeMatrix a;
  std::vector<double> g;  ///< this rank's shard, as a.layout()
  std::vector<double> u;
};

/// Reads the tensors A [m, p+n], g and u [p+n], float64 or float32, each rank its own coordinates.
///
/// Collective  on `comm`, which must outlive the instance.
/// Throws      AgreedError(input) naming file and tensor: missing, another type or shape, an entry that is
///             not finite, u < 0.
/// Cost        one pass over a rank's part of the file; memory for its shard alone.
/// Test        tests/jobs/test_lp_job.cpp
LpInstance read_instance(const std::filesystem::path& path, const Communicator& comm);

/// Writes d, one float64 tensor; every rank gives its shard, rank 0 writes.
/// Collective on `comm`. Throws AgreedError(write).
void write_direction(const std::filesystem::path& path, std::span<const double> d, const ShardMap& layout,
                     const Communicator& comm);

}  // namespace lift
