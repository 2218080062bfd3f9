#include "src/search/holdout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "mpi/error.hpp"

namespace lift {
namespace {

SequenceSet part(const SequenceSet& set, std::int64_t first, std::int64_t last) {
  std::vector<Token> tokens;
  tokens.reserve(static_cast<std::size_t>((last - first) * set.length()));
  for (std::int64_t i = first; i < last; ++i) tokens.insert(tokens.end(), set[i].begin(), set[i].end());
  return {std::move(tokens), set.length()};
}

}  // namespace

std::int64_t held_out(std::int64_t sequences, double fraction) noexcept {
  if (fraction == 0) return 0;
  const auto kept = std::llround(fraction * static_cast<double>(sequences));
  return std::clamp<std::int64_t>(kept, 1, std::max<std::int64_t>(sequences - 1, 1));
}

Holdout split_holdout(const SequenceSet& valid, double fraction) {
  if (valid.size() < 2) {
    throw Error(ExitCode::usage,
                fmt::format("--search.holdout {}: {} validation sequence, expected at least 2", fraction,
                            valid.size()));
  }
  const std::int64_t cut = valid.size() - held_out(valid.size(), fraction);
  return {.shaping = part(valid, 0, cut), .selection = part(valid, cut, valid.size())};
}

}  // namespace lift
