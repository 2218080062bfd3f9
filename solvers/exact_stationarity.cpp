#include "solvers/exact_stationarity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/agreement.hpp"
#include "solvers/exact_stationarity_run.hpp"

namespace lift {
namespace {

void check_problem(const StationarityProblem& problem, std::size_t entries_of_dw) {
  const auto refuse = [](const std::string& what) {
    throw Error(ExitCode::internal, "exact stationarity: " + what);
  };
  if (problem.layout.parts() != problem.comm.size())
    refuse(fmt::format("a layout of {} shards on {} ranks", problem.layout.parts(), problem.comm.size()));
  const auto expected = static_cast<std::size_t>(problem.layout.size(problem.comm.rank()));
  const auto check_size = [&](const char* name, std::size_t size) {
    if (size != expected)
      refuse(fmt::format("the shard of {} has {} entries, expected {}", name, size, expected));
  };
  check_size("g", problem.g.size());
  check_size("dW", entries_of_dw);
  for (std::size_t k = 0; k < problem.g.size(); ++k) {
    const std::int64_t at = problem.layout.begin(problem.comm.rank()) + static_cast<std::int64_t>(k);
    if (!std::isfinite(problem.g[k])) refuse(fmt::format("g[{}] = {} is not finite", at, problem.g[k]));
  }
  for (std::size_t i = 0; i < problem.s.size(); ++i) {
    if (!(problem.s[i] >= 0) || !std::isfinite(problem.s[i]))
      refuse(fmt::format("s[{}] = {}, expected finite and >= 0", i, problem.s[i]));
  }
}

/// Collective.
void check(const StationarityProblem& problem, const StationarityOptions& options,
           std::size_t entries_of_dw) {
  agree(problem.comm, [&] {
    if (const auto wrong = options.violation(); !wrong.empty())
      throw Error(ExitCode::internal, "exact stationarity: " + wrong);
    check_problem(problem, entries_of_dw);
  });
}

}  // namespace

bool answered(StationarityStatus status) noexcept {
  return status == StationarityStatus::solved;
}
bool failed(StationarityStatus status) noexcept {
  return status == StationarityStatus::no_descent || status == StationarityStatus::indefinite ||
         status == StationarityStatus::not_finite;
}

const char* to_string(StationarityStatus status) noexcept {
  switch (status) {
    case StationarityStatus::solved:
      return "solved";
    case StationarityStatus::iteration_limit:
      return "iteration_limit";
    case StationarityStatus::stalled:
      return "stalled";
    case StationarityStatus::no_descent:
      return "no_descent";
    case StationarityStatus::indefinite:
      return "indefinite";
    case StationarityStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

std::string StationarityOptions::violation() const {
  if (mu && !(*mu >= 0 && std::isfinite(*mu))) return fmt::format("mu = {} violates mu >= 0", *mu);
  if (!(delta > 0)) return fmt::format("delta = {} violates delta > 0", delta);
  if (lanczos_steps < 1) return fmt::format("lanczos_steps = {} violates lanczos_steps >= 1", lanczos_steps);
  if (basis < 1) return fmt::format("basis = {} violates basis >= 1", basis);
  if (!(tol > 0)) return fmt::format("tol = {} violates tol > 0", tol);
  if (!(certificate_tol > 0))
    return fmt::format("certificate_tol = {} violates certificate_tol > 0", certificate_tol);
  if (max_iterations < 1)
    return fmt::format("max_iterations = {} violates max_iterations >= 1", max_iterations);
  if (max_products < 1) return fmt::format("max_products = {} violates max_products >= 1", max_products);
  if (max_raises < 0) return fmt::format("max_raises = {} violates max_raises >= 0", max_raises);
  return "";
}

StationaritySummary solve_stationarity(const StationarityProblem& problem, const StationarityOptions& options,
                                       std::span<double> dw) {
  check(problem, options, dw.size());
  return stationarity::Run(problem, options, dw).run();
}

StationaritySummary solve_adjoint(const StationarityProblem& problem, const StationarityOptions& options) {
  check(problem, options, problem.g.size());
  return stationarity::Run(problem, options).run();
}

}  // namespace lift
