#pragma once
#include <cstdint>
#include <span>

#include "mpi/communicator.hpp"

namespace lift {

/// One rank's shard of the program  min gᵀd  subject to  |A d| ≤ τ,  |d_k| ≤ u_k,  as plain memory that
/// somebody else owns.
///
/// Shapes  a: rows × size, one row after the other; g, u: size, which may differ from rank to rank; tau:
///         rows, the same on every rank, or empty where A d = 0.
struct LpShard {
  std::span<const double> a;
  std::span<const double> g;
  std::span<const double> u;
  std::span<const double> tau = {};
  int rows = 0;
  std::int64_t coordinates = 0;  ///< p + n, over all ranks
  std::int64_t begin = 0;        ///< index of this rank's first coordinate among them
  const Communicator& comm;

  [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(g.size()); }
  /// This rank's part of row i of A.
  [[nodiscard]] const double* row(int i) const noexcept { return a.data() + i * size(); }
};

}  // namespace lift
