#pragma once
#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "mpi/process_grid.hpp"
#include "mpi/shard_map.hpp"
#include "src/objective/objective.hpp"

namespace lift {

/// The validation loss at many W: what the frozen blocks below the first tuned one make of the sequences is
/// computed once and held.
///
/// The ranks of a group split the sequences as ShardMap(sequences, group's ranks). At construction every rank
/// of grid.world() runs the frozen blocks for its part of all sequences and hands the output to those who
/// need it, so that no sequence goes through them twice, whatever the grid. If the embeddings are tuned there
/// is nothing frozen below, and nothing is held.
///
/// Shapes      held: [sequences of this rank's share, length, width] of the model's type, on its device.
/// Ownership   keeps references to all three arguments.
/// Collective  constructor on grid.world(), mean() on grid.data(); losses() is local.
/// Throws      the constructor AgreedError, whatever fails on any rank.
/// Cost        memory above; at construction one broadcast of every part.
/// Test        tests/src/search/test_line_search.cpp (1, 2, 3, 4 ranks)
class HeldValidation {
 public:
  HeldValidation(const Objective& objective, const SequenceSet& set, const ProcessGrid& grid);

  /// Losses of this rank's share at the model's present W, in order; +∞ in all of them if one is not finite.
  [[nodiscard]] std::vector<double> losses() const;
  /// Mean over all sequences from every rank's share, summed in the order of the sequences.
  [[nodiscard]] double mean(std::span<const double> share) const;

 private:
  void hold_prefixes();

  const Objective& objective_;
  const SequenceSet& set_;
  const ProcessGrid& grid_;
  ShardMap shares_;                      ///< of the sequences, over the ranks of the group
  std::vector<std::int64_t> sequences_;  ///< of this rank's share
  at::Tensor held_;                      ///< undefined if nothing is frozen below
};

}  // namespace lift
