#pragma once
#include <cstdint>
#include <vector>

#include "src/search/round.hpp"

namespace lift {

/// Coordinates of one tuned block, key biases among them; −1: the embeddings.
struct BlockRange {
  int block;
  CoordinateRange range;
};
/// In the order of W. Test tests/src/search/test_curvature_report.cpp
std::vector<BlockRange> blocks_of(const TunedLayout& layout);

/// How many coordinates of `range` are in one of `masked`, which do not overlap.
std::int64_t masked_within(const CoordinateRange& range, const std::vector<CoordinateRange>& masked);

/// Coordinates that the loss does not depend on and no λ > 0 holds: key biases, and the positions that no
/// token of a sequence has, or only the last, which predicts nothing.
/// Test  tests/src/search/test_curvature_report.cpp
std::int64_t unheld_coordinates(const Round& round);

}  // namespace lift
