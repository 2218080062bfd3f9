#pragma once
#include <optional>

#include "src/report/figure.hpp"
#include "src/report/run_result.hpp"

namespace lift {

/// Training, validation and test loss over t along the direction of the first round (the paper's Figure 3),
/// each as its change since t = 0 so that one axis holds all three; t* marked. Nothing unless other splits
/// than the validation split were evaluated along d.
///
/// Test  tests/src/report/test_figures.cpp
[[nodiscard]] std::optional<Figure> splits_figure(const RunResult& result);

}  // namespace lift
