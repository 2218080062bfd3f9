#pragma once
#include <set>
#include <string>
#include <vector>

#include "src/report/kept_run.hpp"

namespace lift {

/// Mean and spread of one number over the runs of a configuration.
struct Spread {
  double mean = 0;       ///< NaN where no run has the number
  double deviation = 0;  ///< sample standard deviation (n − 1); NaN for fewer than two runs
  int count = 0;         ///< of finite values
};
/// Values that are not finite are left out. Test tests/src/report/test_configurations.cpp
[[nodiscard]] Spread spread_of(const std::vector<double>& values);

/// Runs of one configuration with different seeds, at least one.
struct Configuration {
  /// That of its first run, without what is averaged over if it says that (as the points of a sweep do), else
  /// with how many others there are.
  std::string name;
  std::vector<KeptRun> runs;
  [[nodiscard]] const KeptRun& first() const { return runs.front(); }
  /// `number` of each run, a function of KeptRun.
  template <typename Number>
  [[nodiscard]] Spread over(Number number) const {
    std::vector<double> values;
    for (const KeptRun& run : runs) values.push_back(number(run));
    return spread_of(values);
  }
};

/// Options of a run that its results depend on, `averaged` left out: not where it writes to (out, json,
/// cache, search.keep), nor when it may be stopped and what it keeps to go on (max-hours, stop-signals,
/// checkpoint.*).
[[nodiscard]] RunOptions settings_of(const RunOptions& options, const std::set<std::string>& averaged);

/// Puts runs together that differ in `averaged` alone, in the order of their first runs.
///
/// A run without a config.cfg is a configuration of its own, and so is one that repeats another in `averaged`
/// too: the same seed twice is no spread.
///
/// Test  tests/src/report/test_configurations.cpp
[[nodiscard]] std::vector<Configuration> configurations_of(std::vector<KeptRun> runs,
                                                           const std::set<std::string>& averaged);

/// Names in settings_of() whose values are not the same in all configurations that have a config.cfg.
[[nodiscard]] std::vector<std::string> differing_options(const std::vector<Configuration>& configurations,
                                                         const std::set<std::string>& averaged);

}  // namespace lift
