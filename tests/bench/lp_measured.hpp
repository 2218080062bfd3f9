#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "solvers/box_lp.hpp"
#include "solvers/probe_matrix.hpp"
#include "tests/bench/lp_instance.hpp"
#include "tests/solvers/highs_peer.hpp"

namespace lift {

/// The repeats of one method of LiFT on one instance.
struct LiftRun {
  BoxLpSummary best;       ///< of the fastest repeat
  double cpu_seconds = 0;  ///< the least of a repeat, largest over ranks
  std::int64_t bytes = 0;  ///< the most that a repeat added to resident memory, summed over ranks
};

/// What became of one run of HiGHS.
struct HighsRun {
  enum class Ending { not_run, solved, unsolved, out_of_time, does_not_fit, failed };
  Ending ending = Ending::not_run;
  test::HighsAnswer answer;  ///< where it is solved or unsolved
  double seconds = 0;        ///< where it is out of time: those of Highs_run when it was ended
  double cpu_seconds = 0;    ///< of its process in Highs_run
  std::int64_t bytes = 0;    ///< the most its process had resident, model and all
  std::string note;          ///< why it was not run, or what failed
};

/// One instance with all that was measured on it.
struct LpCell {
  LpFamily family;
  std::int64_t coordinates = 0;
  int rows = 0;
  double sweep = std::numeric_limits<double>::infinity();  ///< seconds of one plain pass over A
  double sweep_cpu = std::numeric_limits<double>::infinity();
  double cost = 0;  ///< Σ_k |g_k| u_k
  std::map<LpMethod, LiftRun> lift = {};
  std::map<std::string, HighsRun> highs = {};  ///< by the name of its setting

  [[nodiscard]] std::int64_t entries() const { return coordinates * rows; }
};

/// Lowers cell.sweep and sweep_cpu to what one plain pass over A takes, the product A v: the best of five,
/// row by row or by tiles of coordinates, whichever is faster; the slowest rank's.
void time_plain_sweep(const ProbeMatrix& a, std::span<const double> v, LpCell& cell);

/// Solves `repeats` times. Memory is VmHWM of /proc/self/status, set back to VmRSS before each solve by
/// writing 5 to /proc/self/clear_refs, less that VmRSS.
///
/// Collective  on problem.a.comm(); the result is the same on every rank.
LiftRun measure_lift(const BoxLpProblem& problem, LpMethod method, int repeats, std::span<double> d);

/// The first field of /proc/loadavg: processes that ran or waited in the last minute.
std::string load_average();

}  // namespace lift
