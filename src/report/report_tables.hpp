#pragma once
#include <set>
#include <string>
#include <vector>

#include "src/report/configurations.hpp"
#include "src/report/table.hpp"

namespace lift {

// Tables of a report beside those of the paper's form; one without rows says that there is nothing to tell.
// Test  tests/src/report/test_report_tables.cpp

/// Which run belongs to which configuration: seed, ranks, device, work in forward passes, seconds, commit;
/// perplexity of test before and after, and that of early stopping.
[[nodiscard]] Table members_table(const std::vector<Configuration>& configurations);

/// Options that differ between the configurations, one a column.
[[nodiscard]] Table options_table(const std::vector<Configuration>& configurations,
                                  const std::set<std::string>& averaged);

/// λ of each group before and after the search of each configuration, and their ratio.
[[nodiscard]] Table lambda_table(const std::vector<Configuration>& configurations);

/// What the probes of each round show of H22.
[[nodiscard]] Table probe_curvature_table(const KeptRun& run);

/// Seconds by phase, a row a run, the largest over its ranks.
[[nodiscard]] Table seconds_table(const std::vector<Configuration>& configurations);

/// What each rank of a run did.
[[nodiscard]] Table work_table(const KeptRun& run);

}  // namespace lift
