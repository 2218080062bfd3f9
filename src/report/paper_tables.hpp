#pragma once
#include <vector>

#include "src/report/configurations.hpp"
#include "src/report/table.hpp"

namespace lift {

/// Whether W0 of a configuration is overfitted: its warm-up, or one that it went on from, has an epoch of
/// lower validation loss than its last. Where no warm-up is known the answer is yes, as nothing speaks
/// against it.
[[nodiscard]] bool overfitted(const Configuration& configuration);

/// How much the search lowers the test perplexity of a run, in per cent of that of W0; NaN where unknown,
/// or without a search.
[[nodiscard]] double test_reduction(const KeptRun& run);
/// The same of early stopping in its place.
[[nodiscard]] double early_stopping_reduction(const KeptRun& run);

/// Three rows a configuration, in the form of the paper's Table 2 (and 3): N_WE, N_TB, N_R and N_FULL/MLP,
/// sequences, perplexity/loss of training, validation and test without and with the search, early stopping
/// beside them, the reduction of the test perplexity by both.
///
/// Of several runs each number is the mean ± the sample standard deviation (n − 1); reductions are taken run
/// by run. N_TB and N_FULL/MLP need config.cfg.
///
/// Test  tests/src/report/test_paper_tables.cpp: the paper's own rows
[[nodiscard]] Table paper_table(const std::vector<Configuration>& configurations);

/// "32.60 ± 0.12", without a spread where there is none; fields in CSV: mean and standard deviation.
[[nodiscard]] Cell spread_cell(const Spread& spread, int decimals);

}  // namespace lift
