#include "solvers/box_lp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/box_lp_certificate.hpp"
#include "solvers/box_lp_crossover.hpp"
#include "solvers/box_lp_mehrotra.hpp"
#include "solvers/box_lp_norms.hpp"
#include "solvers/box_lp_preprocessing.hpp"
#include "solvers/lp_checks.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift {

bool answered(LpStatus status) noexcept {
  return status == LpStatus::optimal;
}
bool failed(LpStatus status) noexcept {
  return status == LpStatus::not_finite;
}

const char* to_string(LpStatus status) noexcept {
  switch (status) {
    case LpStatus::optimal:
      return "optimal";
    case LpStatus::iteration_limit:
      return "iteration_limit";
    case LpStatus::time_limit:
      return "time_limit";
    case LpStatus::stalled:
      return "stalled";
    case LpStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

const char* to_string(LpMethod method) noexcept {
  switch (method) {
    case LpMethod::mehrotra:
      return "mehrotra";
    case LpMethod::preprocessing:
      return "preprocessing";
  }
  return "unknown";
}

std::string BoxLpOptions::violation() const {
  if (!(gap_tol > 0)) return fmt::format("gap_tol = {} violates gap_tol > 0", gap_tol);
  if (!(residual_tol > 0)) return fmt::format("residual_tol = {} violates residual_tol > 0", residual_tol);
  if (max_iterations < 1)
    return fmt::format("max_iterations = {} violates max_iterations >= 1", max_iterations);
  if (least_coordinates < 0)
    return fmt::format("least_coordinates = {} violates least_coordinates >= 0", least_coordinates);
  if (!(max_seconds > 0)) return fmt::format("max_seconds = {} violates max_seconds > 0", max_seconds);
  return "";
}

LpShard BoxLpProblem::shard() const {
  return {.a = LpRows(a.local(), a.layout().size(a.comm().rank())),
          .g = g,
          .u = u,
          .tau = tau,
          .rows = a.rows(),
          .coordinates = a.coordinates(),
          .begin = a.layout().begin(a.comm().rank()),
          .comm = a.comm()};
}

bool BoxLpOptions::met_by(const LpCertificate& certificate) const noexcept {
  return certificate.gap <= gap_tol && certificate.residual <= residual_tol;
}

std::vector<double> row_reach(const BoxLpProblem& problem) {
  check_lp_shapes(
      "box LP", problem.a,
      {problem.g, problem.u, problem.g, std::vector<double>(static_cast<std::size_t>(problem.a.rows()))});
  box_lp::NormSums sums = box_lp::norm_sums(problem.shard());
  sum_vector_over_ranks(sums.all(), problem.a.comm());
  return {sums.rows().begin(), sums.rows().end()};
}

std::vector<double> relaxation(const BoxLpProblem& problem, double part) {
  if (part == 0) return {};
  std::vector<double> tau = row_reach(problem);
  // A reach that overflows is for the solver to say.
  for (double& entry : tau) entry = std::min(entry * part, std::numeric_limits<double>::max());
  return tau;
}

namespace {

void check(const BoxLpProblem& problem, const BoxLpOptions& options) {
  if (const auto wrong = options.violation(); !wrong.empty())
    throw Error(ExitCode::internal, "box LP: " + wrong);
  if (!options.start.empty() && std::ssize(options.start) != problem.a.rows())
    throw Error(ExitCode::internal,
                fmt::format("box LP: start has {} multipliers, expected one of each of {} rows",
                            options.start.size(), problem.a.rows()));
  for (const double y : options.start) {
    if (!std::isfinite(y))
      throw Error(ExitCode::internal, fmt::format("box LP: start holds {}, expected finite multipliers", y));
  }
  box_lp::check_tau(problem.tau, problem.a.rows());
}

/// Takes the vertex beside an answer where it is one too and the time that is left allows.
void take_vertex(const LpShard& lp, const BoxLpOptions& options, std::span<double> d, BoxLpSummary& summary) {
  const double seconds = options.max_seconds - summary.seconds;
  if (seconds <= 0) {
    summary.message += "; no time was left for a crossover";
    return;
  }
  const auto started = std::chrono::steady_clock::now();
  auto vertex = box_lp::cross_over(lp, d, summary.y, seconds);
  summary.sweeps += vertex ? 2 : 0;
  const bool proven = vertex && options.met_by(vertex->certificate);
  if (proven) {
    std::ranges::copy(vertex->d, d.begin());
    summary.y = std::move(vertex->y);
    summary.certificate = vertex->certificate;
    summary.inside = vertex->inside;
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  summary.seconds += max_over_ranks(taken.count(), lp.comm);
  summary.message += proven ? fmt::format("; a vertex with {} coordinates inside", vertex->inside)
                            : "; the crossover found no vertex as good";
}

}  // namespace

BoxLpSummary solve_box_lp(const BoxLpProblem& problem, const BoxLpOptions& options, std::span<double> d) {
  const auto& comm = problem.a.comm();
  agree(comm, [&] { check(problem, options); });
  const std::vector<double> no_multipliers(static_cast<std::size_t>(problem.a.rows()), 0.0);
  check_lp_shapes("box LP", problem.a, {problem.g, problem.u, d, no_multipliers});
  const LpShard shard = problem.shard();
  BoxLpSummary summary = options.method == LpMethod::mehrotra
                             ? box_lp::Mehrotra(shard, options, d).run()
                             : box_lp::Preprocessing(shard, options, d).run();
  if (options.crossover && answered(summary.status)) take_vertex(shard, options, d, summary);
  return summary;
}

}  // namespace lift
