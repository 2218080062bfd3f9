#include "src/search/held_validation.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"

namespace lift {

namespace {

std::vector<std::int64_t> shard_of(const ShardMap& map, int part) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(map.size(part)));
  std::iota(indices.begin(), indices.end(), map.begin(part));
  return indices;
}

Buffer host_buffer(at::Tensor& tensor) {
  return {.data = tensor.mutable_data_ptr(),
          .count = static_cast<std::size_t>(tensor.numel()),
          .type = tensor.scalar_type() == at::kDouble ? DataType::f64 : DataType::f32};
}

}  // namespace

HeldValidation::HeldValidation(const Objective& objective, const SequenceSet& set, const ProcessGrid& grid)
    : objective_(objective),
      set_(set),
      grid_(grid),
      shares_(set.size(), grid.data().size()),
      sequences_(shard_of(shares_, grid.data().rank())) {
  if (!objective.tuned().layout().tunes_embeddings()) hold_prefixes();
}

void HeldValidation::hold_prefixes() {
  const Communicator& world = grid_.world();
  const ShardMap parts(set_.size(), world.size());
  const std::int64_t first = shares_.begin(grid_.data().rank());
  const std::int64_t last = shares_.end(grid_.data().rank());
  at::Tensor mine, part;  // part: that of one rank after the other, on the host
  agree(world, [&] {
    mine = objective_.prefix(set_, shard_of(parts, world.rank()));
    if (world.size() == 1) return;
    held_ = at::empty({last - first, mine.size(1), mine.size(2)}, mine.options());
    part = at::empty({parts.size(0), mine.size(1), mine.size(2)}, mine.scalar_type());
  });
  if (world.size() == 1) {
    held_ = mine;
    return;
  }
  for (int rank = 0; rank < world.size(); ++rank) {
    auto present = part.narrow(0, 0, parts.size(rank));
    if (rank == world.rank()) present.copy_(mine);
    broadcast(host_buffer(present), rank, world);
    const std::int64_t begin = std::max(first, parts.begin(rank));
    const std::int64_t end = std::min(last, parts.end(rank));
    if (begin >= end) continue;
    held_.narrow(0, begin - first, end - begin)
        .copy_(present.narrow(0, begin - parts.begin(rank), end - begin));
  }
}

std::vector<double> HeldValidation::losses() const {
  try {
    return objective_.losses_from(held_, set_, sequences_);
  } catch (const Error& error) {
    if (error.code() != ExitCode::numerical) throw;
    return std::vector<double>(sequences_.size(), std::numeric_limits<double>::infinity());
  }
}

double HeldValidation::mean(std::span<const double> share) const {
  std::vector<double> all(static_cast<std::size_t>(set_.size()));
  gather_shards(share, all, shares_, grid_.data());
  return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

}  // namespace lift
