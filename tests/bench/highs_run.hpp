#pragma once
#include <cstdint>
#include <string>

#include "tests/bench/lp_measured.hpp"

namespace lift {

/// How HiGHS is run, in words and in its own options.
struct HighsSetting {
  std::string name, solver;
  bool presolve;
};

struct HighsLimits {
  double seconds = 600;    ///< of one Highs_run
  std::int64_t bytes = 0;  ///< resident memory of its process
};

/// Solves one instance with HiGHS in a process of its own, which is ended where it goes on after its limits:
/// HiGHS looks at its clock only between some of its steps.
///
/// Method  fork; the child makes the instance, calls no MPI, and sends its answer through a pipe.
/// Limits  not collective; other ranks, if any, must wait without the processor.
HighsRun run_highs(const LpFamily& family, std::int64_t coordinates, int rows, const HighsSetting& setting,
                   const HighsLimits& limits);

}  // namespace lift
