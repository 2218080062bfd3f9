#pragma once
#include <span>
#include <vector>

#include "mpi/shard_map.hpp"
#include "src/search/round.hpp"

namespace lift {

/// H21 = ∂²F/∂W∂λ on this rank's shard of the n coordinates: column i is 2 (W_i − c_i) on group i, in log
/// space times λ_i, and 0 on key biases.
///
/// Shapes  one vector of the shard's length is held, for all p columns, which do not overlap.
/// Test    tests/src/search/test_direction.cpp, test_local_model.cpp
class CrossShard {
 public:
  CrossShard(const Round& round, const ShardMap& layout);
  /// out = H21 x, x [p].
  void apply(std::span<const double> x, std::span<double> out) const;
  /// x = this shard's part of H12 in, [p].
  void apply_transposed(std::span<const double> in, std::span<double> x) const;
  /// out_k += x_i in_k on group i, x [p].
  void add_by_group(std::span<const double> x, std::span<const double> in, std::span<double> out) const;
  /// x_i += this shard's part of Σ a_k b_k over group i, x [p].
  void add_products(std::span<const double> a, std::span<const double> b, std::span<double> x) const;

 private:
  /// Coordinates [begin, end) of the shard, counted from its first, that belong to group `group`.
  struct Run {
    std::size_t begin, end;
    std::size_t group;
  };
  std::vector<double> columns_;
  std::vector<Run> runs_;
};

}  // namespace lift
