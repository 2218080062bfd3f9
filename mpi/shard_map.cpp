#include "mpi/shard_map.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mpi/error.hpp"

namespace lift {

ShardMap::ShardMap(std::int64_t total, int parts) : total_(total), parts_(parts) {
  if (total < 0 || parts < 1) {
    throw Error(
        ExitCode::internal,
        fmt::format("cannot split {} indices into {} shards: expected at least 0 and 1", total, parts));
  }
}

std::int64_t ShardMap::begin(int part) const noexcept {
  return part * (total_ / parts_) + std::min<std::int64_t>(part, total_ % parts_);
}

int ShardMap::owner(std::int64_t index) const noexcept {
  const std::int64_t small = total_ / parts_;
  const std::int64_t larger_shards = total_ % parts_;
  const std::int64_t in_larger = larger_shards * (small + 1);
  return static_cast<int>(index < in_larger ? index / (small + 1)
                                            : larger_shards + (index - in_larger) / small);
}

}  // namespace lift
