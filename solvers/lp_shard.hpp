#pragma once
#include <cstdint>
#include <span>

#include "mpi/communicator.hpp"

namespace lift {

/// Coordinates that a pass over a shard works on at a time: what a tile of all rows has stays in cache.
inline constexpr std::int64_t kTile = 256;

/// One rank's part of A, rows × size, as plain memory that somebody else owns: row after row, either of all
/// its coordinates or, where it is in blocks, of `width` coordinates each.
class LpRows {
 public:
  LpRows(std::span<const double> whole, std::int64_t width) noexcept : whole_(whole.data()), width_(width) {}
  /// `width` is a multiple of kTile; the last block has room for as many coordinates.
  LpRows(std::span<const double* const> blocks, std::int64_t width) noexcept
      : blocks_(blocks.data()), width_(width) {}

  /// Entry (i, k); behind it follow those of the row as far as k's tile goes.
  [[nodiscard]] const double* at(int i, std::int64_t k) const noexcept {
    if (whole_ != nullptr) return whole_ + i * width_ + k;
    return blocks_[k / width_] + i * width_ + k % width_;
  }

 private:
  const double* whole_ = nullptr;
  const double* const* blocks_ = nullptr;
  std::int64_t width_;
};

/// One rank's shard of the program  min gᵀd  subject to  |A d| ≤ τ,  |d_k| ≤ u_k,  as plain memory that
/// somebody else owns.
///
/// Shapes  a: rows × size; g, u: size, which may differ from rank to rank; tau: rows, the same on every rank,
///         or empty where A d = 0.
struct LpShard {
  LpRows a;
  std::span<const double> g;
  std::span<const double> u;
  std::span<const double> tau = {};
  int rows = 0;
  std::int64_t coordinates = 0;  ///< p + n, over all ranks
  std::int64_t begin = 0;        ///< index of this rank's first coordinate among them
  const Communicator& comm;

  [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(g.size()); }
};

}  // namespace lift
