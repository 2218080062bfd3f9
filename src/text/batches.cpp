#include "src/text/batches.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mpi/error.hpp"

namespace lift {

BatchOrder::BatchOrder(std::uint64_t seed, std::int64_t sequences, int batch)
    : philox_(seed, RandomStream::batch_order), sequences_(sequences), batch_(batch) {
  if (sequences < 1 || batch < 1) {
    throw Error(ExitCode::usage, fmt::format("{} sequences in batches of {}: expected at least one of each",
                                             sequences, batch));
  }
}

std::int64_t BatchOrder::batches_per_epoch() const noexcept {
  return (sequences_ + batch_ - 1) / batch_;
}

std::vector<std::int64_t> BatchOrder::batch(std::int64_t epoch, std::int64_t index) const {
  if (epoch < 0 || index < 0 || index >= batches_per_epoch()) {
    throw Error(ExitCode::internal, fmt::format("batch {} of epoch {}: expected 0 to {} of an epoch ≥ 0",
                                                index, epoch, batches_per_epoch() - 1));
  }
  const Permutation order(philox_, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(sequences_));
  const std::int64_t begin = index * batch_;
  const std::int64_t end = std::min(begin + batch_, sequences_);
  std::vector<std::int64_t> members;
  for (std::int64_t k = begin; k < end; ++k) members.push_back(static_cast<std::int64_t>(order(k)));
  return members;
}

}  // namespace lift
