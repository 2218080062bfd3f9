#include "src/search/curvature_coordinates.hpp"

#include <algorithm>

namespace lift {

std::vector<BlockRange> blocks_of(const TunedLayout& layout) {
  std::vector<BlockRange> blocks;
  for (const TunedTensor& tensor : layout.tensors()) {
    if (blocks.empty() || blocks.back().block != tensor.block)
      blocks.push_back({tensor.block, {tensor.offset, tensor.offset}});
    blocks.back().range.end = tensor.offset + tensor.size;
  }
  return blocks;
}

std::int64_t masked_within(const CoordinateRange& range, const std::vector<CoordinateRange>& masked) {
  std::int64_t count = 0;
  for (const CoordinateRange& m : masked) {
    const auto begin = std::max(range.begin, m.begin), end = std::min(range.end, m.end);
    count += std::max<std::int64_t>(0, end - begin);
  }
  return count;
}

std::int64_t unheld_coordinates(const Round& round) {
  std::int64_t count = 0;
  for (const TunedTensor& tensor : round.tuned().layout().tensors()) {
    const bool held = tensor.group >= 0 && round.state.lambda[static_cast<std::size_t>(tensor.group)] > 0;
    if (held) continue;
    count += masked_within({tensor.offset, tensor.offset + tensor.size}, round.masked);
    if (tensor.name != "wpe.weight") continue;
    const std::int64_t used = std::min<std::int64_t>(tensor.shape[0], round.state.train.length() - 1);
    count += (tensor.shape[0] - used) * tensor.shape[1];
  }
  return count;
}

}  // namespace lift
