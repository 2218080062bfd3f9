#pragma once
#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "mpi/communicator.hpp"
#include "mpi/shard_map.hpp"

namespace lift {

/// `value` of rank 0 on every rank: what ranks of different threads or processors computed each for itself
/// may differ in its last bits, and what is decided by it must not. Collective on `comm`.
double from_root(double value, const Communicator& comm);

/// Entries [begin, end) of a flat tensor as float64 on the host.
std::vector<double> to_host(const at::Tensor& flat, std::int64_t begin, std::int64_t end);

/// This rank's shard of a flat tensor of layout.total() coordinates. Local.
std::vector<double> shard_of(const at::Tensor& flat, const ShardMap& layout, int rank);

/// The whole vector of which every rank has a shard. Collective on `comm`.
std::vector<double> gathered(std::span<const double> shard, const ShardMap& layout, const Communicator& comm);

/// The same as a tensor of the type and device of `like`. Collective on `comm`.
/// Test  tests/src/search/test_curvature.cpp (1, 2, 3, 4 ranks)
at::Tensor whole_tensor(std::span<const double> shard, const ShardMap& layout, const at::Tensor& like,
                        const Communicator& comm);

/// `values` as a tensor of the type and device of `like`. Local.
at::Tensor tensor_of(std::span<const double> values, const at::Tensor& like);

}  // namespace lift
