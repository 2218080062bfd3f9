#pragma once
#include <cstdint>
#include <vector>

#include "mpi/philox.hpp"

namespace lift {

/// The order in which training visits its sequences: a pure function of (seed, epoch, index).
///
/// Each epoch is a fresh permutation of the sequences, cut into global batches; a last short batch is kept.
///
/// Test  tests/src/text/test_batches.cpp
class BatchOrder {
 public:
  /// Throws Error(usage) unless sequences ≥ 1 and batch ≥ 1.
  BatchOrder(std::uint64_t seed, std::int64_t sequences, int batch);
  [[nodiscard]] std::int64_t batches_per_epoch() const noexcept;
  /// Sequences of global batch `index` of `epoch` (both from 0), in O(batch). Throws Error(internal) on
  /// a batch that the epoch does not have.
  [[nodiscard]] std::vector<std::int64_t> batch(std::int64_t epoch, std::int64_t index) const;

 private:
  Philox philox_;
  std::int64_t sequences_;
  int batch_;
};

}  // namespace lift
