#pragma once
#include <cstdint>

namespace lift {

/// Splits indices 0 … total−1 into `parts` contiguous shards whose sizes differ by at most one, larger first.
///
/// The same rule as PETSc's default row distribution, so that a PETSc Vec of `total` entries has these
/// shards. Example, total = 10 and parts = 4:  [0, 3) [3, 6) [6, 8) [8, 10).
///
/// Throws  Error(internal) if total < 0 or parts < 1.
/// Test    tests/mpi/test_shard_map.cpp
class ShardMap {
 public:
  ShardMap(std::int64_t total, int parts);
  [[nodiscard]] std::int64_t total() const noexcept { return total_; }
  [[nodiscard]] int parts() const noexcept { return parts_; }
  [[nodiscard]] std::int64_t begin(int part) const noexcept;
  [[nodiscard]] std::int64_t end(int part) const noexcept { return begin(part + 1); }
  [[nodiscard]] std::int64_t size(int part) const noexcept { return end(part) - begin(part); }
  /// The shard that holds `index`.
  [[nodiscard]] int owner(std::int64_t index) const noexcept;

 private:
  std::int64_t total_;
  int parts_;
};

}  // namespace lift
