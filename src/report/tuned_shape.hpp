#pragma once
#include <optional>
#include <string>
#include <vector>

#include "src/report/kept_run.hpp"

namespace lift {

/// What a run tunes, as its options say it.
struct TunedShape {
  int blocks = 0;                   ///< N_TB
  int mlp_only = 0;                 ///< of them, those of which only the MLP is tuned
  std::vector<std::string> groups;  ///< [p], "block 7", "block 7, group 2", "embeddings"; in the order of λ
};

/// Nothing without options, or where they name no blocks in a form that is known.
/// Test  tests/src/report/test_kept_run.cpp
[[nodiscard]] std::optional<TunedShape> tuned_shape(const std::optional<RunOptions>& options);

/// Names of λ's entries: those of the shape where it has as many, else "group 1", …
[[nodiscard]] std::vector<std::string> group_names(const KeptRun& run, std::size_t p);

}  // namespace lift
