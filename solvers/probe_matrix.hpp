#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mpi/communicator.hpp"
#include "mpi/shard_map.hpp"

namespace lift {

/// The matrix A of m stacked probe rows over p + n coordinates, stored transposed as a distributed PETSc
/// dense matrix, (p+n) × m, so that PETSc's row distribution splits coordinates and every rank holds all m
/// entries of its own.
///
/// Rows arrive one a rank at a time and are dealt out by coordinates at once, so that no rank ever holds more
/// than the row it has just made beside its shard.
///
/// Types       float64, column-major: entry (k, i) of a rank's shard at local()[i * layout().size(rank) + k].
/// Ownership   move-only; `comm` must outlive it.
/// Collective  constructor, destructor and `insert` on `comm`; the rest is local.
/// Throws      Error(internal) on a wrong size or when PETSc fails.
/// Limits      64-bit indices throughout; n = 124 M with m = 16 is in range.
/// Test        tests/solvers/test_probe_matrix.cpp (1, 2, 4 ranks)
class ProbeMatrix {
 public:
  ProbeMatrix(std::int64_t coordinates, int rows, const Communicator& comm);
  ProbeMatrix(ProbeMatrix&&) noexcept;
  ProbeMatrix& operator=(ProbeMatrix&&) noexcept;
  ~ProbeMatrix();

  /// Every rank hands over one whole row (`row` its index, `values` its p + n entries), or none (`row` = −1
  /// and an empty span); returns when all rows of this call stand in the shards.
  void insert(int row, std::span<const double> values);
  void insert(int row, std::span<const float> values);

  [[nodiscard]] std::int64_t coordinates() const noexcept { return layout_.total(); }
  [[nodiscard]] int rows() const noexcept { return rows_; }
  [[nodiscard]] const ShardMap& layout() const noexcept { return layout_; }
  [[nodiscard]] const Communicator& comm() const noexcept { return *comm_; }
  /// This rank's coordinates [layout().begin(rank), layout().end(rank)), see Types.
  [[nodiscard]] std::span<const double> local() const;
  [[nodiscard]] std::span<double> local();

 private:
  struct Storage;  ///< the PETSc Mat
  std::unique_ptr<Storage> storage_;
  const Communicator* comm_;
  ShardMap layout_;
  int rows_;
};

}  // namespace lift
