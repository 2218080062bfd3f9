#pragma once
#include <cstdint>

#include "src/text/corpus.hpp"

namespace lift {

/// The validation sequences in two parts that share none: what shapes d must not choose t* by its own noise.
struct Holdout {
  SequenceSet shaping;    ///< makes g
  SequenceSet selection;  ///< chooses t* and the best iterate
};

/// How many of `sequences` are kept for selection: `fraction` of them, rounded, but neither none nor all; 0
/// where the fraction is 0.
[[nodiscard]] std::int64_t held_out(std::int64_t sequences, double fraction) noexcept;

/// Keeps the last `fraction` of the sequences, rounded, for selection: both parts are of whole articles but
/// for the one cut in two.
///
/// Shapes  0 < fraction < 1; each part has at least one sequence.
/// Throws  Error(usage) naming --search.holdout where there are fewer than two sequences.
/// Test    tests/src/search/test_holdout.cpp
Holdout split_holdout(const SequenceSet& valid, double fraction);

}  // namespace lift
