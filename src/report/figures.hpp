#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/report/figure.hpp"
#include "src/report/run_result.hpp"

namespace lift {

/// Writes the figures of a run into `folder`, each as data (.dat), gnuplot script (.gp) and picture (.svg),
/// so that `gnuplot NAME.gp` in the folder draws it again: `perplexity` over the warm-up epochs with early
/// stopping and the model after LiFT, and `line_search`, the validation loss over t (the paper's Figure 3).
/// With a curvature report also `spectral_density`. A figure without data (no epochs, no search) is left out.
///
/// Returns     one warning for the log if gnuplot is missing or failed, else none; scripts and data stay.
/// Collective  never; rank 0 only.
/// Throws      Error(write) naming the file.
/// Test        tests/src/report/test_figures.cpp
[[nodiscard]] std::vector<std::string> write_figures(const RunResult& result,
                                                     const std::filesystem::path& folder);

/// The same of any figures.
[[nodiscard]] std::vector<std::string> draw_figures(std::span<const std::optional<Figure>> figures,
                                                    const std::filesystem::path& folder);

}  // namespace lift
