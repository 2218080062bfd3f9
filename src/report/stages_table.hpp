#pragma once
#include <string>
#include <vector>

#include "src/report/configurations.hpp"
#include "src/report/table.hpp"

namespace lift {

/// One stage of a search over the runs of a configuration.
struct StageSummary {
  std::string name;
  Spread t;             ///< step of its line search
  Spread selection;     ///< loss of the selection split, nats/token
  Spread valid, test;   ///< perplexity at its end
  Spread against_stop;  ///< of test perplexity against early stopping, per cent of the latter, run by run
  int kept = 0;         ///< runs whose model it is
};

/// W0, the stages in the order of the runs, early stopping last; empty where no run has stages.
/// Test  tests/src/report/test_report_tables.cpp
[[nodiscard]] std::vector<StageSummary> stage_summaries(const Configuration& configuration);

/// The same as a table: what each part of a search contributes, as the change of the test perplexity against
/// the row before, and what it comes to beside early stopping. Without rows where there are no stages.
[[nodiscard]] Table stages_table(const Configuration& configuration);

}  // namespace lift
