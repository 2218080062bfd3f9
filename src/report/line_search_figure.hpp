#pragma once
#include <optional>

#include "src/report/figure.hpp"
#include "src/report/run_result.hpp"

namespace lift {

/// Validation loss over t, one curve a round, t* marked, the loss at t = 0 as a level, perplexity on the
/// right. Nothing without a line search.
[[nodiscard]] std::optional<Figure> line_search_figure(const RunResult& result);

}  // namespace lift
