#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/report/configurations.hpp"
#include "src/report/figure.hpp"

namespace lift {

// Figures of a report beside those that a run draws itself (figures.hpp); nothing where there is no data.
// Test  tests/src/report/test_report_figures.cpp

/// `lambda`: λ of each regularisation group, named by its block, from before the first round to after the
/// last, on a logarithmic axis; groups whose λ is 0 throughout are left out.
[[nodiscard]] std::optional<Figure> lambda_figure(const KeptRun& run);

/// `stages`: what each part of the search contributes: perplexity of validation and test at the end of each
/// stage, with bars of a standard deviation where there are several runs, early stopping's test as a level.
[[nodiscard]] std::optional<Figure> stages_figure(const Configuration& configuration);

/// `reduction`: the reduction of the test perplexity by the search over warm-up epochs (the paper's Figure
/// 6), and that by early stopping, one pair of curves for configurations that differ in warmup.epochs (or the
/// epoch of their start) alone; nothing unless there are two lengths. Without a config.cfg it is not known
/// what a run has in common with others.
[[nodiscard]] std::optional<Figure> reduction_figure(const std::vector<Configuration>& configurations,
                                                     const std::set<std::string>& averaged);

/// `methods`: test perplexity after each method, the least on top, with bars of a standard deviation where
/// there are several runs, and where they began as a level, if all began alike; beside it that of another
/// corpus, where there was one. Nothing where there is no rival.
[[nodiscard]] std::optional<Figure> methods_figure(const std::vector<Configuration>& configurations);

/// `timeline`: the phases of each rank over time; nothing where the run recorded none.
[[nodiscard]] std::optional<Figure> timeline_figure(const KeptRun& run);

/// `seconds`: seconds by phase, the largest over ranks.
[[nodiscard]] std::optional<Figure> seconds_figure(const RunResult& result);

/// `ritz_values`: H22 as the probes of each round show it, values vᵀHv over the rounds.
[[nodiscard]] std::optional<Figure> ritz_figure(const RunResult& result);

}  // namespace lift
