#pragma once
#include <string>

#include "jobs/run_plan.hpp"

namespace lift {

/// Sequences of the corpus, which the plan's counts depend on.
struct CorpusSize {
  std::int64_t train = 0;
  std::int64_t valid = 0;
  std::int64_t test = 0;
};

/// Seconds of each phase on the busiest rank, as sequence_cost() counts them at `rate` operations a second of
/// one rank.
struct RunSeconds {
  double warmup = 0;
  double gradient = 0;  ///< with the check of the second derivatives
  double probes = 0;
  double line_search = 0;
  double corrector = 0;  ///< all of them, and the interpolation before the first
  double evaluate = 0;
  [[nodiscard]] double total() const {
    return warmup + gradient + probes + line_search + corrector + evaluate;
  }
};

/// Limits  the linear program, files and communication are left out: they are small beside the rest.
/// Test    tests/jobs/test_run_description.cpp
RunSeconds estimate_seconds(const RunPlan& plan, const CorpusSize& size, int ranks, double rate);

/// The plan for a reader: what is tuned, the LP's size, evaluations counted, memory of a rank, disk space,
/// and the time at `rate` floating-point operations a second of a rank.
std::string describe(const RunPlan& plan, const CorpusSize& size, int ranks, double rate);

}  // namespace lift
