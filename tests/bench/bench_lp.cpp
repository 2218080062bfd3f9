// The box LP over a grid of sizes on the ranks it is started with, beside HiGHS on one of them.
//
// usage: mpirun -n RANKS bench_lp [--coordinates 2000000 ...] [--rows 16 ...] [--highs-seconds 120] ...
//
// LiFT comes first, the smallest A first; then HiGHS, one --highs after the other, each in the order of
// --rows and --coordinates. One that ran out of its time on a family is not run again on that family with as
// many coordinates and rows or more; one that would not fit memory, as its smaller runs tell, is not run; one
// for which too little is left of --minutes has what is left.
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "solvers/box_lp.hpp"
#include "solvers/session.hpp"
#include "tests/bench/highs_run.hpp"
#include "tests/bench/lp_instance.hpp"
#include "tests/bench/lp_measured.hpp"
#include "tests/bench/lp_summary.hpp"
#include "tests/solvers/highs_peer.hpp"

namespace {

using Ending = lift::HighsRun::Ending;

using Clock = std::chrono::steady_clock;

/// Without presolve, which is slower on these programs than what it saves, and as HiGHS has it by itself.
const std::vector<lift::HighsSetting> kSettings{{"simplex", "simplex", false},
                                                {"ipm", "ipm", false},
                                                {"simplex with presolve", "simplex", true},
                                                {"pdlp", "pdlp", false}};

/// Of what is left of --minutes: with less a run of HiGHS is not begun.
constexpr double kLeastSeconds = 20;

const lift::HighsSetting& setting_of(const std::string& name) {
  const auto found = std::ranges::find(kSettings, name, &lift::HighsSetting::name);
  if (found == kSettings.end())
    throw lift::Error(lift::ExitCode::usage, fmt::format("--highs {}: expected simplex, ipm, ...", name));
  return *found;
}

struct Arguments {
  std::vector<std::string> highs{"simplex", "ipm", "simplex with presolve", "pdlp"};  ///< of kSettings
  std::vector<std::int64_t> coordinates{2'000'000};
  std::vector<int> rows{16};
  double highs_seconds = 120;
  double minutes = 1e9;
  double highs_gib = 14;
  double mehrotra_entries = 1e18;
  int repeats = 1;
};

/// False if only the help was asked for.
bool parse(int argc, char** argv, Arguments& arguments) {
  namespace options = boost::program_options;
  options::options_description known("bench_lp");
  known.add_options()("help", "this text");
  known.add_options()("coordinates", options::value(&arguments.coordinates)->multitoken(), "p + n");
  known.add_options()("rows", options::value(&arguments.rows)->multitoken(), "m");
  known.add_options()("highs", options::value(&arguments.highs)->multitoken(),
                      "simplex, ipm, \"simplex with presolve\", pdlp");
  known.add_options()("highs-seconds", options::value(&arguments.highs_seconds),
                      "time limit of each HiGHS run, 0 to leave it out");
  known.add_options()("minutes", options::value(&arguments.minutes),
                      "from the start of the benchmark to the end of HiGHS's runs");
  known.add_options()("highs-gib", options::value(&arguments.highs_gib), "memory of HiGHS's process");
  known.add_options()("mehrotra-entries", options::value(&arguments.mehrotra_entries),
                      "of A, above which LiFT's mehrotra is left out");
  known.add_options()("repeats", options::value(&arguments.repeats), "of LiFT's solve");
  options::variables_map given;
  options::store(options::parse_command_line(argc, argv, known), given);
  options::notify(given);
  for (const std::string& name : arguments.highs) static_cast<void>(setting_of(name));
  if (given.contains("help")) std::cout << known;
  return !given.contains("help");
}

void print_row(const lift::LpCell& cell, const std::string& solver, double seconds, const std::string& rest) {
  fmt::print("{:<13}{:>10}{:>4}  {:<28}{:>9.3f} s {:>9.1f} sweeps  load {}  {}\n", cell.family.name,
             cell.coordinates, cell.rows, solver, seconds, seconds / cell.sweep, lift::load_average(), rest);
  std::fflush(stdout);
}

std::string describe(const lift::LiftRun& run, const lift::LpCell& cell) {
  const auto& [certificate, reduction] = std::tie(run.best.certificate, run.best.reduction);
  std::string text = fmt::format(
      "cpu {:.3f} s {:.1f} sweeps {} objective {:.12e} gap {:.1e} residual {:.1e} steps {} passes {} memory "
      "{:.2f} vectors",
      run.cpu_seconds, run.cpu_seconds / cell.sweep_cpu, lift::to_string(run.best.status),
      certificate.objective, certificate.gap, certificate.residual, run.best.iterations, run.best.sweeps,
      lift::in_vectors(run.bytes, cell));
  if (reduction.pilot > 0) {
    text += fmt::format(" (reduced program {:.2f}), pilot {}, in doubt {}, rounds {}",
                        lift::in_vectors(lift::reduced_bytes(cell, reduction), cell), reduction.pilot,
                        reduction.reduced, reduction.rounds);
  }
  return text;
}

void run_lift(lift::LpCell& cell, const Arguments& arguments, const lift::Communicator& world) {
  lift::ProbeMatrix a(cell.coordinates, cell.rows, world);
  const auto size = static_cast<std::size_t>(a.layout().size(world.rank()));
  std::vector<double> g(size), u(size), d(size);
  cell.family.fill(a.layout().begin(world.rank()), cell.rows, a.local(), g, u);
  double cost = 0;
  for (std::size_t k = 0; k < size; ++k) cost += std::fabs(g[k]) * u[k];
  cell.cost = lift::sum_over_ranks(cost, world);
  lift::time_plain_sweep(a, g, cell);
  for (const auto method : {lift::LpMethod::preprocessing, lift::LpMethod::mehrotra}) {
    const bool whole = method == lift::LpMethod::mehrotra;
    if (whole && static_cast<double>(cell.entries()) > arguments.mehrotra_entries) continue;
    const auto run = lift::measure_lift({a, g, u}, method, arguments.repeats, d);
    lift::time_plain_sweep(a, g, cell);
    cell.lift[method] = run;
    if (world.is_root())
      print_row(cell, fmt::format("LiFT {}", lift::to_string(method)), run.best.seconds, describe(run, cell));
  }
}

/// The runs of HiGHS, each judged by those before it.
class HighsRuns {
 public:
  HighsRuns(const Arguments& arguments, std::vector<lift::LpCell>& cells, Clock::time_point started)
      : arguments_(arguments), cells_(cells), started_(started) {}

  void run() {
    for (const std::string& name : arguments_.highs) {
      for (lift::LpCell* cell : in_order()) run(*cell, setting_of(name));
    }
  }

 private:
  [[nodiscard]] std::vector<lift::LpCell*> in_order() {
    const auto place = [](const auto& list, auto value) {
      return std::ranges::find(list, value) - list.begin();
    };
    const auto rank = [&](const lift::LpCell* cell) {
      return std::pair(place(arguments_.rows, cell->rows), place(arguments_.coordinates, cell->coordinates));
    };
    std::vector<lift::LpCell*> order;
    for (lift::LpCell& cell : cells_) order.push_back(&cell);
    std::ranges::stable_sort(order, {}, rank);
    return order;
  }

  void run(lift::LpCell& cell, const lift::HighsSetting& setting) {
    lift::HighsRun& run = cell.highs[setting.name];
    run = foreseen(cell, setting.name);
    if (run.note.empty()) {
      const double seconds = std::min(arguments_.highs_seconds, seconds_left(cell));
      const lift::HighsLimits limits{.seconds = seconds,
                                     .bytes = static_cast<std::int64_t>(arguments_.highs_gib * (1 << 30))};
      run = lift::run_highs(cell.family, cell.coordinates, cell.rows, setting, limits);
      if (run.ending == Ending::out_of_time && seconds < arguments_.highs_seconds) {
        run.ending = Ending::not_run;
        run.note = fmt::format("no answer in the {:.0f} s that were left", seconds);
      }
    }
    print_row(cell, "HiGHS " + setting.name, run.seconds,
              fmt::format("{}; memory {:.2f} GiB", lift::outcome(run, cell),
                          static_cast<double>(run.bytes) / (1 << 30)));
  }

  /// A run that need not be made, with its note, or one without.
  [[nodiscard]] lift::HighsRun foreseen(const lift::LpCell& cell, const std::string& name) const {
    lift::HighsRun run;
    double most = 0;
    for (const lift::LpCell& other : cells_) {
      const auto found = other.highs.find(name);
      if (&other == &cell || found == other.highs.end()) continue;
      const lift::HighsRun& before = found->second;
      most = std::max(most, static_cast<double>(before.bytes) / size(other));
      if (before.ending != Ending::out_of_time || !before.note.empty()) continue;
      if (other.family.name != cell.family.name || other.rows > cell.rows ||
          other.coordinates > cell.coordinates)
        continue;
      run = before;
      run.bytes = 0;
      run.note = fmt::format("> {:.0f} s at n = {}, m = {}", std::floor(before.seconds), other.coordinates,
                             other.rows);
      return run;
    }
    const double gib = most * size(cell) / (1 << 30);
    if (gib > arguments_.highs_gib) {
      run.ending = Ending::does_not_fit;
      run.note = fmt::format("some {:.0f} GiB", gib);
    } else if (seconds_left(cell) < kLeastSeconds) {
      run.note = "not run";
    }
    return run;
  }

  /// What HiGHS's memory is taken to be proportional to: the entries of A, and four more a coordinate.
  [[nodiscard]] static double size(const lift::LpCell& cell) {
    return static_cast<double>(cell.coordinates) * (cell.rows + 4);
  }

  /// Making the instance and the model takes some 2e-7 s an entry.
  [[nodiscard]] double seconds_left(const lift::LpCell& cell) const {
    const double passed = std::chrono::duration<double>(Clock::now() - started_).count();
    return 60 * arguments_.minutes - passed - 10 - 2e-7 * static_cast<double>(cell.entries());
  }

  const Arguments& arguments_;
  std::vector<lift::LpCell>& cells_;
  Clock::time_point started_;
};

std::vector<lift::LpCell> grid(const Arguments& arguments) {
  std::vector<lift::LpCell> cells;
  for (const int rows : arguments.rows) {
    for (const std::int64_t coordinates : arguments.coordinates) {
      for (const auto& family : {lift::LpFamily{"Gaussian", false}, lift::LpFamily{"heavy-tailed", true}})
        cells.push_back({.family = family, .coordinates = coordinates, .rows = rows});
    }
  }
  std::ranges::stable_sort(cells, {}, &lift::LpCell::entries);
  return cells;
}

void run(const Arguments& arguments, const lift::Communicator& world) {
  const auto started = Clock::now();
  const lift::SolverSession session(world);
  if (world.is_root()) fmt::print("box LP on {} ranks; a sweep is one plain pass over A\n", world.size());
  std::vector<lift::LpCell> cells = grid(arguments);
  for (lift::LpCell& cell : cells) run_lift(cell, arguments, world);
  if (world.is_root()) {
    if (lift::test::has_highs() && arguments.highs_seconds > 0) HighsRuns(arguments, cells, started).run();
    fmt::print("{}", lift::summary(cells, arguments.highs_seconds));
  }
  world.barrier();
}

}  // namespace

int main(int argc, char** argv) {
  const lift::Environment environment(argc, argv);
  const auto world = lift::Communicator::world();
  try {
    Arguments arguments;
    if (parse(argc, argv, arguments)) run(arguments, world);
  } catch (const std::exception& error) {
    return static_cast<int>(lift::end_with_error(world, error));
  }
  return 0;
}
