#include "tests/bench/lp_measured.hpp"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include <fstream>

#include "mpi/collectives.hpp"
#include "tests/bench/process_status.hpp"

namespace lift {
namespace {

constexpr std::int64_t kSweepTile = 1024;
constexpr int kSweeps = 5;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double product(const double* a, const double* v, std::int64_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t k = 0; k < count; ++k) sum += a[k] * v[k];
  return sum;
}

void sweep(const ProbeMatrix& a, std::span<const double> v, std::int64_t tile, LpCell& cell) {
  const auto size = static_cast<std::int64_t>(v.size());
  std::vector<double> products(static_cast<std::size_t>(a.rows()), 0.0);
  a.comm().barrier();
  const double started = now(), begun = cpu_seconds();
  for (std::int64_t begin = 0; begin < size; begin += tile) {
    const std::int64_t count = std::min(tile, size - begin);
    for (int i = 0; i < a.rows(); ++i)
      products[static_cast<std::size_t>(i)] +=
          product(a.local().data() + i * size + begin, v.data() + begin, count);
  }
  volatile double sink = 0;
  for (const double entry : products) sink = sink + entry;
  const double taken = now() - started, cpu = cpu_seconds() - begun;
  cell.sweep = std::min(cell.sweep, max_over_ranks(taken, a.comm()));
  cell.sweep_cpu = std::min(cell.sweep_cpu, max_over_ranks(cpu, a.comm()));
}

}  // namespace

void time_plain_sweep(const ProbeMatrix& a, std::span<const double> v, LpCell& cell) {
  for (int repeat = 0; repeat < kSweeps; ++repeat) {
    sweep(a, v, std::max<std::int64_t>(1, std::ssize(v)), cell);
    sweep(a, v, kSweepTile, cell);
  }
}

LiftRun measure_lift(const BoxLpProblem& problem, LpMethod method, int repeats, std::span<double> d) {
  LiftRun run;
  run.cpu_seconds = std::numeric_limits<double>::infinity();
  run.best.seconds = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < repeats; ++repeat) {
    BoxLpOptions options;
    options.method = method;
    malloc_trim(0);  // what the allocator keeps of before would hide what this solve takes
    forget_peak_memory();
    const std::int64_t before = status_bytes("VmRSS");
    const double begun = cpu_seconds();
    BoxLpSummary summary = solve_box_lp(problem, options, d);
    run.cpu_seconds = std::min(run.cpu_seconds, max_over_ranks(cpu_seconds() - begun, problem.a.comm()));
    run.bytes = std::max(run.bytes, sum_over_ranks(status_bytes("VmHWM") - before, problem.a.comm()));
    if (summary.seconds < run.best.seconds) run.best = std::move(summary);
  }
  return run;
}

std::string load_average() {
  std::string first;
  std::ifstream("/proc/loadavg") >> first;
  return first;
}

}  // namespace lift
