// The box LP at full size on the ranks it is started with, beside HiGHS on one of them.
//
// usage: mpirun -n RANKS bench_lp [--coordinates 2000000] [--rows 16] [--highs-seconds 120] [--repeats 1]
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cmath>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "solvers/box_lp.hpp"
#include "solvers/session.hpp"
#include "tests/solvers/highs_peer.hpp"

namespace {

struct Arguments {
  std::int64_t coordinates = 2'000'000;
  int rows = 16;
  double highs_seconds = 120;  ///< time limit of each HiGHS run, 0 to leave it out
  int repeats = 1;
};

/// False if only the help was asked for.
bool parse(int argc, char** argv, Arguments& arguments) {
  namespace options = boost::program_options;
  options::options_description known("bench_lp");
  known.add_options()("help", "this text");
  known.add_options()("coordinates", options::value(&arguments.coordinates), "p + n");
  known.add_options()("rows", options::value(&arguments.rows), "m");
  known.add_options()("highs-seconds", options::value(&arguments.highs_seconds),
                      "time limit of each HiGHS run, 0 to leave it out");
  known.add_options()("repeats", options::value(&arguments.repeats), "of LiFT's solve");
  options::variables_map given;
  options::store(options::parse_command_line(argc, argv, known), given);
  options::notify(given);
  if (given.contains("help")) std::cout << known;
  return !given.contains("help");
}

/// Coordinates [begin, begin + g.size()) of an instance, whichever rank asks.
struct Instance {
  std::string name;
  bool heavy_tailed;

  void fill(std::int64_t begin, int rows, std::span<double> a, std::span<double> g,
            std::span<double> u) const {
    const lift::Philox philox(7, lift::RandomStream::test);
    const std::size_t size = g.size();
    for (int i = 0; i < rows; ++i) philox.normals(10 + i, begin, a.subspan(i * size, size));
    philox.normals(0, begin, g);
    std::fill(u.begin(), u.end(), 1.0);
    if (!heavy_tailed) return;
    const auto cauchy = [&](std::uint64_t sequence, std::size_t k) {
      return std::tan(M_PI * (philox.uniform(sequence, begin + k) - 0.5));
    };
    for (std::size_t k = 0; k < size; ++k) {
      const double scale = std::fabs(cauchy(1, k));
      for (int i = 0; i < rows; ++i) a[i * size + k] *= scale;
      g[k] = cauchy(2, k) * cauchy(3, k);
    }
  }
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds of one plain pass over A, the product A v: the best of five, the slowest rank's.
double plain_sweep(const lift::ProbeMatrix& a, const std::vector<double>& v) {
  const double* values = a.local().data();
  double best = std::numeric_limits<double>::infinity();
  volatile double sink = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    a.comm().barrier();
    const double started = now();
    for (int i = 0; i < a.rows(); ++i) {
      const double* row = values + i * v.size();
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (std::size_t k = 0; k < v.size(); ++k) sum += row[k] * v[k];
      sink = sink + sum;
    }
    best = std::min(best, lift::max_over_ranks(now() - started, a.comm()));
  }
  return best;
}

void print_row(const Instance& instance, const std::string& solver, int ranks, double seconds, double sweep,
               std::int64_t iterations, const std::string& rest) {
  fmt::print("{:<13}{:<20}{:>5}{:>10.3f}{:>12.1f}{:>12}  {}\n", instance.name, solver, ranks, seconds,
             seconds / sweep, iterations, rest);
  std::fflush(stdout);
}

std::string describe(const lift::LpReduction& reduction) {
  if (reduction.pilot == 0) return "";
  return fmt::format(", pilot {}, in doubt {}, rounds {}", reduction.pilot, reduction.reduced,
                     reduction.rounds);
}

double run_lift(const Instance& instance, const Arguments& arguments, const lift::Communicator& world) {
  lift::ProbeMatrix a(arguments.coordinates, arguments.rows, world);
  const auto size = static_cast<std::size_t>(a.layout().size(world.rank()));
  std::vector<double> g(size), u(size), d(size);
  instance.fill(a.layout().begin(world.rank()), arguments.rows, a.local(), g, u);
  const double sweep = plain_sweep(a, g);
  for (const auto method : {lift::LpMethod::preprocessing, lift::LpMethod::mehrotra}) {
    for (int repeat = 0; repeat < arguments.repeats; ++repeat) {
      lift::BoxLpOptions options;
      options.method = method;
      const auto summary = lift::solve_box_lp({a, g, u}, options, d);
      if (!world.is_root()) continue;
      const auto& c = summary.certificate;
      print_row(instance, fmt::format("LiFT {}", lift::to_string(method)), world.size(), summary.seconds,
                sweep, summary.iterations,
                fmt::format("{} objective {:.12e} gap {:.1e} residual {:.1e} passes over A {}",
                            lift::to_string(summary.status), c.objective, c.gap, c.residual, summary.sweeps) +
                    describe(summary.reduction));
    }
  }
  return sweep;
}

void run_highs(const Instance& instance, const Arguments& arguments, double sweep) {
  const auto n = static_cast<std::size_t>(arguments.coordinates);
  std::vector<double> a(n * arguments.rows), g(n), u(n);
  instance.fill(0, arguments.rows, a, g, u);
  for (const std::string method : {"ipm", "simplex"}) {
    const auto answer =
        lift::test::solve_with_highs(a, g, u, arguments.rows, method, arguments.highs_seconds);
    print_row(instance, "HiGHS " + method, 1, answer->seconds, sweep, answer->iterations,
              answer->optimal ? fmt::format("optimal objective {:.12e}", answer->objective)
                              : fmt::format("stopped at its limit of {} s", arguments.highs_seconds));
  }
}

void run(const Arguments& arguments, const lift::Communicator& world) {
  const lift::SolverSession session(world);
  if (world.is_root()) {
    fmt::print("box LP, {} coordinates, {} rows, {} ranks; a sweep is one plain pass over A\n",
               arguments.coordinates, arguments.rows, world.size());
    fmt::print("{:<13}{:<20}{:>5}{:>10}{:>12}{:>12}\n", "instance", "solver", "ranks", "seconds", "in sweeps",
               "iterations");
  }
  for (const Instance& instance : {Instance{"Gaussian", false}, Instance{"heavy-tailed", true}}) {
    const double sweep = run_lift(instance, arguments, world);
    if (world.is_root() && lift::test::has_highs() && arguments.highs_seconds > 0) {
      run_highs(instance, arguments, sweep);
    }
    world.barrier();
  }
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
