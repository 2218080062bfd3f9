#pragma once
#include <optional>

#include "src/report/figure.hpp"
#include "src/report/run_result.hpp"

namespace lift {

/// Perplexity of train, valid and test over the warm-up epochs; at the right the model after LiFT; early
/// stopping is marked, and its test perplexity as a level to compare with. Nothing without epochs.
[[nodiscard]] std::optional<Figure> perplexity_figure(const RunResult& result);

}  // namespace lift
